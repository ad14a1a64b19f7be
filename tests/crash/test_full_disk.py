"""A disk that is full: said in one sentence, nothing half kept, and over as soon as there is room again."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from service.health import GOOD_SECONDS
from store import migrate, predictions
from store.database import Database
from tests import postgres
from tests.conftest import lacking
from tests.crash.outage import Service, service
from tests.disks import fill
from tests.toy import draw

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@contextmanager
def on_sqlite(disk: Path, migrated: Path) -> Iterator[str]:
    """A migrated file on that disk."""
    shutil.copyfile(migrated, disk / "ursa.db")
    yield f"sqlite:///{disk / 'ursa.db'}"


@contextmanager
def on_postgresql(disk: Path, _: Path) -> Iterator[str]:
    """A server all of whose files are on that disk, with a migrated database."""
    folder = postgres.programs()
    if folder is None:
        lacking("PostgreSQL")
    # nothing is written there but what is asked for
    settings = (*postgres.THROW_AWAY, "autovacuum=off", "checkpoint_timeout=1h")
    with postgres.own_server(folder, settings, parent=disk) as server:
        migrate.upgrade(server.url)
        with psycopg.connect(server.plain_url, autocommit=True) as connection:
            # a segment with room for all that follows: where the next one cannot be made the server ends itself
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CREATE TABLE begun (at int)")
        yield server.url


On = Callable[[Path, Path], AbstractContextManager[str]]


@pytest.mark.parametrize("on", [on_sqlite, on_postgresql])
def test_a_full_disk_is_told_and_nothing_is_half_kept(
    small_disk: Path, migrated_sqlite: Path, tmp_path: Path, on: On
) -> None:
    storage = str(small_disk / "storage")
    with (
        on(small_disk, migrated_sqlite) as url,
        service(tmp_path, url, URSA_STORAGE_URL=storage) as served,
    ):
        told = [_id(_post(served, draw(0, number))) for number in range(3)]
        filler = fill(small_disk)
        new = _post(served, draw(0, 50))
        time.sleep(GOOD_SECONDS)  # what was found well a moment ago is not looked at again
        ready = httpx.get(f"{served.programs.url}/readyz")
        # the bytes are there already, so that it is the row for which there is no room
        again = [_post(served, draw(0, 1)) for _ in range(60)]
        filler.unlink()
        told += [_id(one) for one in again if one.is_success]
        assert (new.status_code, new.json()["code"]) == (503, "storage_unavailable")
        assert "no space left" in new.json()["detail"]
        assert new.headers["Retry-After"]
        refused = [one for one in again if not one.is_success]
        assert refused
        assert {(one.status_code, one.json()["code"]) for one in refused} == {(503, "disk_full")}
        assert refused[-1].json()["detail"] == "The disk of the database is full."
        assert ready.status_code == 503
        # a server knows of its own disk, and nobody else
        for one in ("database", "storage") if url.startswith("sqlite") else ("storage",):
            assert "is full" in ready.json()["checks"][one]
        assert httpx.get(f"{served.programs.url}/readyz").status_code == 200
        told.append(_id(_post(served, draw(0, 51))))
        _everything_is_kept(served, told, small_disk / "storage")


def _everything_is_kept(served: Service, told: list[str], storage: Path) -> None:
    database = Database(served.programs.database_url)
    with database.read() as session:
        assert predictions.count(session) == len(told)
        assert all(predictions.get(session, one) for one in told)
    database.dispose()
    assert not [one for one in storage.rglob("*") if one.name.startswith(".new-")]


def _post(served: Service, image: bytes) -> httpx.Response:
    headers = {"Authorization": f"Bearer {served.key}"}
    url = f"{served.programs.url}/v1/predictions"
    return httpx.post(url, files={"image": image}, headers=headers, timeout=30)


def _id(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])
