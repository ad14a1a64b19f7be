"""A picture whose row could not be kept is noted once the database takes it, and goes as one whose row went."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from service import background
from service.clock import wall_clock
from service.unnamed import Unnamed
from store.database import Database
from store.errors import Unavailable
from store.tables import RetiredPicture, StoredPicture
from tests.service.conftest import Start
from tests.service.serving import Serving
from tests.toy import draw


def noted(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(select(RetiredPicture.digest)))


def wait_for(what: Callable[[], bool]) -> None:
    while not what():
        threading.Event().wait(0.01)


def test_what_was_told_503_behind_its_bytes_is_noted(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "HEARTBEAT_SECONDS", 0.05)
    served = start()
    served.model(tmp_path / "bundle")
    with served.http() as client:
        kept = [_post(served, draw(0, 0))]
        with monkeypatch.context() as broken:
            broken.setattr(served.program.log, "keep", _fails)
            answers = [client.post("/v1/predictions", files=_file(n)) for n in range(4)]
        assert {one.status_code for one in answers} == {503}
        # the first was kept before
        wait_for(lambda: len(noted(served.database)) == 3)
        kept.append(_post(served, draw(0, 1)))
    with served.database.read() as session:
        assert len(list(session.scalars(select(StoredPicture.digest)))) == len(kept)
    lying = {one.name for one in (tmp_path / "storage").rglob("pictures/*/*") if one.is_file()}
    assert noted(served.database) < lying
    assert len(lying) == 4


def test_what_cannot_be_noted_yet_is_noted_later(database: Database) -> None:
    unnamed = Unnamed()
    for number in range(1200):
        unnamed.add(f"{number:064}")

    class Away:
        def write(self) -> object:
            raise Unavailable("The database does not answer.", "database_unavailable")

    for _ in range(3):
        with pytest.raises(Unavailable):
            unnamed.write_down(Away(), wall_clock())  # type: ignore[arg-type]  # a way into nothing
    looked = [unnamed.write_down(database, wall_clock()) for _ in range(4)]
    assert looked == [500, 500, 200, 0]
    assert len(noted(database)) == 1200


def _fails(_: object) -> None:
    raise Unavailable("The database cannot be written.", "database_unavailable")


def _file(number: int) -> dict[str, tuple[str, bytes]]:
    return {"image": ("a.png", draw(0, number))}


def _post(served: Serving, image: bytes) -> str:
    with served.client() as client:
        return client.predict(image).id
