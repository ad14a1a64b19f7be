from pathlib import Path

import pytest
from sqlalchemy import make_url

from deploy import backup as command
from store import backup, predictions, scrub
from store.database import Database
from store.errors import Conflict, Invalid, Unavailable
from store.objects import Objects
from store.pictures import aside
from store.rollouts import Actor
from tests.store.given import NOW

BY = (Actor("command", "ops"), NOW)


def test_what_was_backed_up_comes_back_whole(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    saved = backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    assert (saved.pictures, saved.bundles, saved.gone) == (3, 1, ())
    copied = backup.restore(tmp_path / "backup", empty_url, str(tmp_path / "storage again"), *BY)
    assert copied == saved
    again = Database(empty_url)
    with again.read() as session, database.read() as before:
        assert predictions.count(session) == predictions.count(before) == 3
    assert list(scrub.pictures(again)) == list(scrub.pictures(database))
    found = list(scrub.scrub(again, Objects(str(tmp_path / "storage again"))))
    assert len(found) > 4
    assert set(found) == {None}
    again.dispose()


def test_nothing_is_brought_back_over_what_is_there(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    with pytest.raises(Conflict, match="not empty"):
        backup.restore(tmp_path / "backup", database.url, str(tmp_path / "elsewhere"), *BY)


def test_a_folder_without_a_backup_is_told(database: Database, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="holds no backup"):
        backup.restore(tmp_path, database.url, str(tmp_path / "elsewhere"), *BY)


def test_a_scrub_finds_what_was_altered_and_what_is_gone(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    names = sorted(path for path in storage.rglob("*") if path.is_file())
    pictures = [path for path in names if "pictures" in path.parts]
    network = next(path for path in names if path.name == "network.onnx")
    pictures[0].write_bytes(b"another picture")
    pictures[1].unlink()
    network.write_bytes(network.read_bytes()[:-1] + b"x")
    faults = {one for one in scrub.scrub(database, Objects(str(storage))) if one}
    assert faults == {
        scrub.Fault(pictures[0].relative_to(storage).as_posix(), "altered"),
        scrub.Fault(pictures[1].relative_to(storage).as_posix(), "missing"),
        scrub.Fault(network.relative_to(storage).as_posix(), "altered"),
    }
    saved = backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    assert saved.gone == (pictures[1].relative_to(storage).as_posix(),)
    assert set(saved.altered) == {
        one.relative_to(storage).as_posix() for one in (pictures[0], network)
    }


def test_an_altered_file_is_copied_in_neither_direction(
    database: Database, storage: Path, empty_url: str, tmp_path: Path
) -> None:
    altered, rotten, *_ = (path for path in sorted(storage.rglob("pictures/*/*")) if path.is_file())
    right = altered.read_bytes()
    altered.write_bytes(b"another picture")
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    # mended, it is taken in by the next one
    altered.write_bytes(right)
    assert backup.save(database.url, str(storage), tmp_path / "backup", *BY).altered == ()
    key = rotten.relative_to(storage).as_posix()
    (tmp_path / "backup" / "storage" / key).write_bytes(b"rotten")
    again = tmp_path / "storage again"
    (again / altered.relative_to(storage)).parent.mkdir(parents=True)
    (again / altered.relative_to(storage)).write_bytes(b"was there before")
    copied = backup.restore(tmp_path / "backup", empty_url, str(again), *BY)
    assert (copied.pictures, copied.gone, copied.altered) == (2, (), (key,))
    assert (again / altered.relative_to(storage)).read_bytes() == right
    assert not (again / key).exists()


def test_a_picture_that_retention_has_laid_aside_is_found_and_copied(
    database: Database, storage: Path, tmp_path: Path
) -> None:
    (picture, *_) = (path for path in storage.rglob("pictures/*/*") if path.is_file())
    elsewhere = storage / aside(picture.name)
    elsewhere.parent.mkdir(parents=True)
    picture.rename(elsewhere)
    assert not any(scrub.scrub(database, Objects(str(storage))))
    saved = backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    assert (saved.pictures, saved.gone) == (3, ())
    assert (tmp_path / "backup" / "storage" / picture.relative_to(storage)).is_file()


def test_an_altered_manifest_is_an_altered_bundle(database: Database, storage: Path) -> None:
    manifest = next(storage.rglob("manifest.json"))
    manifest.write_bytes(b"{}")
    (fault,) = {one for one in scrub.scrub(database, Objects(str(storage))) if one}
    assert fault == scrub.Fault(manifest.relative_to(storage).as_posix(), "altered")
    manifest.unlink()
    (fault,) = {one for one in scrub.scrub(database, Objects(str(storage))) if one}
    assert fault.what == "missing"


def test_the_command_tells_and_its_exit_code_says_whether_all_is_whole(
    database: Database,
    storage: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("URSA_DATABASE_URL", database.url)
    monkeypatch.setenv("URSA_STORAGE_URL", str(storage))
    assert command.main(["save", str(tmp_path / "to")]) == 0
    assert "3 pictures, 1 bundles" in capsys.readouterr().out
    assert command.main(["scrub"]) == 0
    next(path for path in storage.rglob("pictures/*/*") if path.is_file()).write_bytes(b"x")
    assert command.main(["scrub"]) == 1
    assert "is altered" in capsys.readouterr().err
    assert command.main(["restore", str(tmp_path / "to")]) == 1
    assert "not empty" in capsys.readouterr().err


def test_the_password_stands_in_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    fake = tmp_path / "pg_dump"
    fake.write_text(
        f'#!/bin/sh\nfor word in "$@"; do echo "$word" >> {seen}; done\n'
        f'file=$(echo "$*" | sed -n "s/.*passfile=\\([^ &]*\\).*/\\1/p" | sed "s/%2F/\\//g")\n'
        f'stat -c %a "$file" >> {seen}; cat "$file" >> {seen}; exit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    Objects(str(tmp_path / "s"))
    url = make_url("postgresql+psycopg://me@nowhere/ursa").set(password="se:cret")
    with pytest.raises(Unavailable, match="pg_dump failed"):
        backup.save(
            url.render_as_string(hide_password=False), str(tmp_path / "s"), tmp_path / "b", *BY
        )
    *words, mode, line = seen.read_text().splitlines()
    assert not any("cret" in word for word in words)
    assert (mode, line) == ("600", "*:*:*:*:se\\:cret")
