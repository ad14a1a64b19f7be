"""Backups that are disturbed: by writers that never pause, by `kill -9`, by a storage that fails in the middle."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import make_url

from store import backup, predictions, privileged_acts, scrub
from store.database import Database
from store.errors import Conflict, Invalid, Unavailable
from store.objects import Objects
from store.pictures import PictureStore
from store.rollouts import Actor
from tests.store import given
from tests.store.given import NOW

ROOT = Path(__file__).parents[2]
WRITER = Actor("system", "writer")
BY = (Actor("command", "ops"), NOW)


class Writer(threading.Thread):
    """Commits one row after another, `limit` at most; `acknowledged` is how many it was told are kept."""

    def __init__(self, url: str, limit: int) -> None:
        super().__init__(daemon=True)
        self._database, self._limit = Database(url), limit
        self.acknowledged, self.enough = 0, threading.Event()

    def run(self) -> None:
        for number in range(self._limit):
            if self.enough.is_set():
                break
            with self._database.write() as session:
                privileged_acts.record(session, WRITER, "count", str(number), None, {}, NOW)
            self.acknowledged = number + 1
        self._database.dispose()


def written(database: Database) -> list[int]:
    """The numbers of a writer's rows, oldest first."""
    with database.read() as session:
        return [int(one.subject) for one in privileged_acts.since(session) if one.act == "count"]


def test_a_backup_ends_and_is_of_one_moment_while_others_commit_all_the_time(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    with database.write() as session:
        for number in range(20):
            # more than 16 MiB that cannot be compressed
            noise = {"noise": os.urandom(2**19).hex()}
            privileged_acts.record(session, WRITER, "fill", str(number), None, noise, NOW)
    writer = Writer(database.url, limit=4000)
    writer.start()
    while writer.acknowledged < 10:
        assert writer.is_alive()
    before = writer.acknowledged
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    # whoever waits for a pause of the writers waits for this one's last row
    went_on = writer.is_alive()
    writer.enough.set()
    writer.join()
    assert went_on
    assert not any(backup.check(tmp_path / "backup"))
    backup.restore(tmp_path / "backup", empty_url, str(tmp_path / "storage again"), *BY)
    again = Database(empty_url)
    rows = written(again)
    assert before <= len(rows) <= writer.acknowledged
    assert rows == list(range(len(rows)))
    if again.is_sqlite:
        with again.engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        assert found == ["ok"]
    again.dispose()


def test_a_backup_that_is_killed_leaves_the_one_before_and_is_made_by_the_next(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    folder, codes = tmp_path / "backup", []
    drawn = random.Random(7)  # noqa: S311 - moments, no secrets
    backup.save(database.url, str(storage), folder, *BY)
    store = PictureStore(Objects(str(storage)))
    with database.write() as session:
        consumer = given.consumer(session, "another shop")
    for turn in range(5):
        new = [f"picture {turn} {number}".encode() for number in range(30)]
        given.keep(
            database,
            [
                given.entry(consumer, 100 * turn + number + 10, picture_digest=store.keep(data))
                for number, data in enumerate(new)
            ],
        )
        codes.append(_killed_at(database, storage, folder, pictures=drawn.randrange(25)))
        # the one before is whole, whatever of this one is there
        assert not any(backup.check(folder))
    assert -signal.SIGKILL in codes
    saved = backup.save(database.url, str(storage), folder, *BY)
    assert (saved.pictures, saved.gone, saved.altered) == (153, (), ())
    assert not list(folder.glob(".coming-*"))
    copied = backup.restore(folder, empty_url, str(tmp_path / "storage again"), *BY)
    assert copied == saved
    again = Database(empty_url)
    assert not any(scrub.scrub(again, Objects(str(tmp_path / "storage again"))))
    again.dispose()


def _killed_at(database: Database, storage: Path, folder: Path, pictures: int) -> int:
    """Begin a backup and kill it when so many new pictures are copied, none of them for the dump itself."""
    environment = {
        "PATH": os.environ["PATH"],  # noqa: TID251 - where PostgreSQL's programs are
        "URSA_DATABASE_URL": database.url,
        "URSA_STORAGE_URL": str(storage),
    }
    before = _count(folder)
    running = subprocess.Popen(
        [sys.executable, "-m", "deploy.backup", "save", str(folder)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    left = set(folder.glob(".coming-*"))
    while running.poll() is None:
        begun = set(folder.glob(".coming-*")) - left
        if begun and _count(folder) - before >= pictures:
            # with pg_dump, which would go on alone
            os.killpg(running.pid, signal.SIGKILL)
            break
    return running.wait()


def _count(folder: Path) -> int:
    return sum(1 for one in (folder / "storage").rglob("pictures/*/*"))


def test_a_restore_that_broke_off_left_no_database_and_is_done_again(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    saved = backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    again = tmp_path / "storage again"
    # the storage takes the first pictures, and the last one not
    last = max(path for path in storage.rglob("pictures/*/*") if path.is_file())
    in_the_way = (again / last.relative_to(storage)).parent
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    with pytest.raises(Unavailable, match="storage cannot be written"):
        backup.restore(tmp_path / "backup", empty_url, str(again), *BY)
    in_the_way.unlink()
    assert backup.restore(tmp_path / "backup", empty_url, str(again), *BY) == saved
    brought = Database(empty_url)
    with brought.read() as session:
        assert predictions.count(session) == 3
    assert not any(scrub.scrub(brought, Objects(str(again))))
    brought.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_what_is_left_of_an_older_database_is_not_mixed_with_the_one_brought_back(
    database: Database, storage: Path, empty_url: str, tmp_path: Path, end: str
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    path = Path(make_url(empty_url).database or "")
    path.parent.mkdir()
    left = path.with_name(path.name + end)
    left.write_bytes(b"the newest rows")
    with pytest.raises(Conflict, match=f"ursa.db{end} beside it may hold the only copy"):
        backup.restore(tmp_path / "backup", empty_url, str(tmp_path / "storage again"), *BY)
    assert left.read_bytes() == b"the newest rows"
    assert not path.exists()
    left.unlink()
    backup.restore(tmp_path / "backup", empty_url, str(tmp_path / "storage again"), *BY)
    assert [one.name for one in path.parent.iterdir()] == ["ursa.db"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_missing_or_broken_database_never_takes_the_place_of_a_good_copy(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    folder, path = tmp_path / "backup", Path(make_url(database.url).database or "")
    backup.save(database.url, str(storage), folder, *BY)
    kept = (folder / "database.sqlite").read_bytes()
    database.dispose()
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(Unavailable, match="cannot be copied"):
        backup.save(database.url, str(storage), folder, *BY)
    assert not path.exists()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    with pytest.raises((Unavailable, Invalid), match=r"is broken|cannot be copied"):
        backup.save(database.url, str(storage), folder, *BY)
    assert (folder / "database.sqlite").read_bytes() == kept
    assert not any(backup.check(folder))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_broken_copy_is_told_and_not_brought_back(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    kept = tmp_path / "backup" / "database.sqlite"
    pages = kept.read_bytes()
    kept.write_bytes(pages[: len(pages) // 2])
    with pytest.raises(Invalid, match="is broken"):
        list(backup.check(tmp_path / "backup"))
    with pytest.raises(Invalid, match="is broken"):
        backup.restore(tmp_path / "backup", empty_url, str(tmp_path / "storage again"), *BY)
    assert not Path(make_url(empty_url).database or "").exists()
