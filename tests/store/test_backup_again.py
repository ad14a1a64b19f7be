"""A second backup into the same folder: what it adds, what it takes away, what it does not look at, and who does."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import delete

from deploy import backup as command
from store import backup, scrub
from store.database import Database
from store.errors import Conflict, Unavailable
from store.objects import MARKS, Objects
from store.pictures import PictureStore, key_of
from store.rollouts import Actor
from store.tables import DuplicateGroup, Prediction, StoredPicture
from tests.store import given
from tests.store.given import NOW

BY = (Actor("command", "ops"), NOW)


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a storage by its key."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def take(database: Database, digest: str) -> None:
    """Let a picture's rows go, as retention does."""
    with database.write() as session:
        picture = session.get_one(StoredPicture, digest)
        session.execute(delete(Prediction).where(Prediction.picture_digest == digest))
        session.execute(delete(StoredPicture).where(StoredPicture.digest == digest))
        session.execute(delete(DuplicateGroup).where(DuplicateGroup.id == picture.group_id))


def test_it_adds_what_is_new(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    with database.write() as session:
        consumer = given.consumer(session, "another shop")
    digest = PictureStore(Objects(str(storage))).keep(b"a new one")
    given.keep(database, [given.entry(consumer, 9, picture_digest=digest)])
    assert backup.save(database.url, str(storage), tmp_path / "backup", *BY).pictures == 4
    backup.restore(tmp_path / "backup", empty_url, str(tmp_path / "storage again"), *BY)
    again = PictureStore(Objects(str(tmp_path / "storage again")))
    assert again.read(digest) == b"a new one"


def test_it_forgets_what_the_database_does_not_name_any_more(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    kept = tmp_path / "backup" / "storage"
    before = files(kept)
    gone = next(scrub.pictures(database))
    take(database, gone)
    # of a backup that was killed while it wrote
    for place in (kept / key_of(gone), next(kept.rglob("manifest.json"))):
        place.with_name(".new-1234").write_bytes(b"half a pict")
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    assert files(kept) == {key: data for key, data in before.items() if key != key_of(gone)}
    assert not any(backup.check(tmp_path / "backup"))


def test_it_forgets_nothing_before_the_new_copy_of_the_database_is_in_place(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    backup.save(database.url, str(storage), folder, *BY)
    before = files(folder / "storage")
    take(database, next(scrub.pictures(database)))
    (dump,) = folder.glob("database.*")
    kept = dump.read_bytes()
    dump.unlink()
    # nothing can be put in its place: the backup breaks off at its last step but one
    dump.mkdir()
    (dump / "in the way").touch()
    with pytest.raises(OSError, match="irectory"):
        backup.save(database.url, str(storage), folder, *BY)
    assert files(folder / "storage") == before
    shutil.rmtree(dump)
    dump.write_bytes(kept)
    assert not any(backup.check(folder))


def test_another_database_takes_nothing_away(
    database: Database, storage: Path, tmp_path: Path, sqlite_url: str, postgresql_url: str
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    before = files(tmp_path / "backup")
    for url in {sqlite_url, postgresql_url} - {database.url}:
        other = Database(url)
        with other.write() as session:
            given.consumer(session)
        other.dispose()
        Objects(str(tmp_path / "other storage"))
        with pytest.raises(Conflict, match="a backup of another database"):
            backup.save(url, str(tmp_path / "other storage"), tmp_path / "backup", *BY)
    assert files(tmp_path / "backup") == before


def test_a_storage_that_is_in_use_is_no_place_for_a_backup(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    before = files(storage)
    Objects(str(tmp_path / "own storage"))
    # its own, and then somebody else's, each beside its database
    for url in (str(storage), str(tmp_path / "own storage")):
        with pytest.raises(Conflict, match="is not of a backup"):
            backup.save(database.url, url, storage.parent, *BY)
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    # what is a backup's is no storage
    with pytest.raises(Unavailable, match="is a backup and no storage"):
        backup.save(database.url, str(tmp_path / "backup" / "storage"), tmp_path / "backup", *BY)
    assert files(storage) == before


def test_a_folder_in_which_a_backup_broke_off_may_become_a_storage_and_is_no_backup_then(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    with pytest.raises(Unavailable):
        backup.save(f"sqlite:///{tmp_path}/gone/ursa.db", str(storage), folder, *BY)
    assert (folder / backup.LOCK).exists()
    PictureStore(Objects(str(folder / "storage"))).keep(b"somebody else's")
    before = files(folder / "storage")
    with pytest.raises(Conflict, match="is not of a backup"):
        backup.save(database.url, str(storage), folder, *BY)
    assert files(folder / "storage") == before


def test_a_first_backup_that_was_cut_off_at_its_beginning_is_gone_on_with(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    # between the folder and its mark
    (tmp_path / "backup" / "storage").mkdir(parents=True)
    saved = backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    assert (saved.pictures, saved.gone) == (3, ())
    assert (tmp_path / "backup" / "storage" / MARKS["backup"]).is_dir()


def test_a_backup_of_an_older_version_is_gone_on_with_and_marked(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    mark = tmp_path / "backup" / "storage" / MARKS["backup"]
    mark.rmdir()
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    assert mark.is_dir()


def test_two_at_once_are_one_too_many(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    folder, again = tmp_path / "backup", str(tmp_path / "storage again")
    backup.save(database.url, str(storage), folder, *BY)
    with backup._alone(folder):
        with pytest.raises(Conflict, match="in use by another backup"):
            backup.save(database.url, str(storage), folder, *BY)
        # what it takes away may be what is read at this moment
        with pytest.raises(Conflict, match="is on its way"):
            backup.restore(folder, empty_url, again, *BY)
        with pytest.raises(Conflict, match="is on its way"):
            any(backup.check(folder))
    with backup._unchanged(folder):
        with pytest.raises(Conflict, match="is being read"):
            backup.save(database.url, str(storage), folder, *BY)
        assert not any(backup.check(folder))
        backup.restore(folder, empty_url, again, *BY)


def test_it_is_not_brought_back_into_itself(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    backup.save(database.url, str(storage), folder, *BY)
    with pytest.raises(Unavailable, match="is a backup and no storage"):
        backup.restore(folder, empty_url, str(folder / "storage"), *BY)
    assert not any(backup.check(folder))


def test_a_storage_that_is_away_is_not_backed_up_as_an_empty_one(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    backup.save(database.url, str(storage), folder, *BY)
    before = files(folder)
    storage.rename(tmp_path / "not mounted")
    storage.mkdir()
    with pytest.raises(Unavailable, match="may not be mounted"):
        backup.save(database.url, str(storage), folder, *BY)
    assert files(folder) == before


def test_what_rotted_in_the_backup_is_found_by_its_scrub_and_mended_by_the_next(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    backup.save(database.url, str(storage), folder, *BY)
    rotten, gone, _ = sorted(one for one in (folder / "storage").rglob("pictures/*/*"))
    network = next((folder / "storage").rglob("network.onnx"))
    rotten.write_bytes(b"rotten")
    network.write_bytes(network.read_bytes()[:-1] + b"x")
    gone.unlink()
    named = {path.relative_to(folder / "storage").as_posix() for path in (rotten, network, gone)}
    faults = {one.key: one.what for one in backup.check(folder) if one}
    assert set(faults) == named
    assert list(faults.values()).count("missing") == 1
    # what is there already is not read again
    assert backup.save(database.url, str(storage), folder, *BY).altered == ()
    rotten.unlink()
    network.unlink()
    backup.save(database.url, str(storage), folder, *BY)
    assert not any(backup.check(folder))


def test_what_the_storage_lost_after_a_backup_is_for_the_scrub_to_find(
    database: Database,
    storage: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("URSA_DATABASE_URL", database.url)
    monkeypatch.setenv("URSA_STORAGE_URL", str(storage))
    folder = str(tmp_path / "backup")
    assert command.main(["save", folder]) == 0
    altered = next(path for path in storage.rglob("pictures/*/*") if path.is_file())
    altered.write_bytes(b"another picture")
    assert command.main(["save", folder]) == 0
    assert command.main(["scrub", folder]) == 0
    capsys.readouterr()
    assert command.main(["scrub"]) == 1
    assert altered.name in capsys.readouterr().err
