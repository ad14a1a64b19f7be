"""A backup for which there is no room, and one that cannot be written down: one sentence each, and nothing half."""

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy import backup as command
from store import backup, command_line, privileged_acts
from store.database import Database
from store.errors import Unavailable
from store.objects import Objects
from store.pictures import PictureStore
from store.rollouts import Actor
from tests.disks import full
from tests.store import given
from tests.store.given import NOW

BY = (Actor("command", "ops"), NOW)


@pytest.fixture
def saves(
    database: Database,
    storage: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> "Saves":
    """`make backup` of this database, whose client programs are there."""
    if not database.is_sqlite and shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not on the PATH")
    monkeypatch.setenv("URSA_DATABASE_URL", database.url)
    monkeypatch.setenv("URSA_STORAGE_URL", str(storage))
    return Saves(capsys)


class Saves:
    """Types the command; what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, folder: Path, code: int) -> str:
        """Its standard error."""
        assert command.main(["save", str(folder)]) == code
        return self._capsys.readouterr().err


def test_a_backup_without_room_is_one_sentence_and_leaves_the_one_before(
    database: Database, storage: Path, small_disk: Path, saves: Saves
) -> None:
    folder = small_disk / "backup"
    with full(small_disk):
        (said,) = saves(folder, 1).splitlines()
        assert _is_of_room(said)
    assert not list(folder.glob("database.*"))
    assert saves(folder, 0) == ""
    with database.write() as session:
        consumer = given.consumer(session, "another shop")
    kept = PictureStore(Objects(str(storage)))
    data = os.urandom(2**20)
    given.keep(database, [given.entry(consumer, 50, picture_digest=kept.keep(data))])
    with full(small_disk):
        # the database first, of which there may be no room for a page
        (said,) = saves(folder, 1).splitlines()
        assert _is_of_room(said)
    assert not any(backup.check(folder))
    # room for the database, and none for the picture
    with full(small_disk):
        with (small_disk / "filler").open("r+b") as filler:
            filler.truncate((small_disk / "filler").stat().st_size - _size(folder) - 2**19)
        (said,) = saves(folder, 1).splitlines()
        assert said == "The backup cannot be written: no space left on device."
        assert not any(backup.check(folder))
    assert saves(folder, 0) == ""
    assert sum(1 for _ in (folder / "storage").rglob("pictures/*/*")) == 4
    assert not [one for one in folder.rglob("*") if one.name.startswith((".coming-", ".new-"))]


def _is_of_room(said: str) -> bool:
    """By us, and by `pg_dump`."""
    return said == "The disk of the backup is full." or said.endswith(
        "could not write to output file: No space left on device"
    )


def _size(folder: Path) -> int:
    return next(folder.glob("database.*")).stat().st_size


def test_a_backup_is_on_record_and_in_its_own_copy(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    saved = backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    assert saved.off_record is None
    backup.restore(tmp_path / "backup", empty_url, str(tmp_path / "storage again"), *BY)
    again = Database(empty_url)
    with again.read() as session, database.read() as before:
        assert [one.act for one in privileged_acts.since(session)] == ["backup", "restore"]
        (act,) = privileged_acts.since(before)
    again.dispose()
    assert (act.actor, act.at, act.detail["actor_kind"]) == ("ops", NOW, "command")
    assert act.detail["reason"] == f"A backup into {tmp_path / 'backup'} began."


def test_a_backup_that_breaks_off_is_on_record_too(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    last = max(path for path in storage.rglob("pictures/*/*") if path.is_file())
    in_the_way = (tmp_path / "backup/storage" / last.relative_to(storage)).parent
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    shutil.rmtree(in_the_way)
    in_the_way.touch()
    with pytest.raises(Unavailable, match="The backup cannot be written"):
        backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    with database.read() as session:
        assert [one.act for one in privileged_acts.since(session)] == ["backup"] * 2


def test_a_database_that_cannot_be_written_is_backed_up_and_that_is_told(
    database: Database, tmp_path: Path, saves: Saves
) -> None:
    if database.is_sqlite:
        statement = "CREATE TRIGGER no BEFORE INSERT ON privileged_acts BEGIN SELECT RAISE(ABORT, 'no'); END"
    else:
        name = database.engine.url.database
        statement = f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'
    with database.write() as session:
        session.execute(text(statement))
    (said,) = saves(tmp_path / "backup", 0).splitlines()
    assert said.startswith("This backup is not in the trail of acts: ")
    assert not any(backup.check(tmp_path / "backup"))


def test_who_types_a_backup_is_a_row(database: Database, tmp_path: Path, saves: Saves) -> None:
    saves(tmp_path / "backup", 0)
    with database.read() as session:
        (act,) = privileged_acts.newest(session, 1)
    who = command_line.actor()
    assert (act.act, act.actor, act.detail["actor_kind"]) == ("backup", who.name, who.kind)
