"""A disk that is full: said in one sentence, nothing half kept, and over as soon as there is room again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from store import predictions
from store.database import Database
from tests.conftest import lacking
from tests.crash.outage import Service, service
from tests.toy import draw

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 MiB; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        lacking("mount")
    words = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_nothing_is_half_kept(
    small_disk: Path, migrated_sqlite: Path, tmp_path: Path
) -> None:
    file = small_disk / "ursa.db"
    shutil.copyfile(migrated_sqlite, file)
    storage = str(small_disk / "storage")
    with service(tmp_path, f"sqlite:///{file}", URSA_STORAGE_URL=storage) as served:
        told = [_id(_post(served, draw(0, number))) for number in range(3)]
        filler = _fill(small_disk)
        new, ready = _post(served, draw(0, 50)), httpx.get(f"{served.programs.url}/readyz")
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
        assert "is full" in ready.json()["checks"]["database"]
        assert "is full" in ready.json()["checks"]["storage"]
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


def _fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(os.urandom(size))
            except OSError:
                continue
    return filler
