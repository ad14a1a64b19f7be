import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store import embedded
from store.errors import Unavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A whole database of some megabytes, in a folder whose name means something in an address."""
    (tmp_path / "what? 100%").mkdir()
    made = tmp_path / "what? 100%" / "ursa.db"
    _fill(made, rows=20_000)
    return made


def _fill(path: Path, rows: int, table: str = "rows") -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE {table} (text)")
        connection.executemany(f"INSERT INTO {table} VALUES (?)", [("x" * 500,)] * rows)  # noqa: S608  # names of our own


def _damage(path: Path, start: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(8192))


def test_a_whole_database_is_not_broken(path: Path) -> None:
    before = path.read_bytes()
    assert embedded.why_broken(path) is None
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_broken(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    assert embedded.why_broken(path, seconds=0) == "file is not a database"


def test_damage_in_the_middle_is_found_where_there_is_time_and_else_not_waited_for(
    path: Path,
) -> None:
    # so large that the look cannot be over before it is ended
    _fill(path, rows=200_000, table="more")
    _damage(path, path.stat().st_size // 8192 * 4096 + path.stat().st_size // 4096 // 4 * 4096)
    assert embedded.why_broken(path, seconds=600) is not None
    assert embedded.why_broken(path, seconds=0) is None


def test_a_file_that_was_cut_off_is_broken_however_short_the_look(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)
    assert embedded.why_broken(path, seconds=0) == "database disk image is malformed"


def test_what_cannot_be_opened_is_said_in_sqlites_words(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="unable to open database file"):
        embedded.why_broken(tmp_path)


def test_people_are_found_only_where_there_are_some(path: Path) -> None:
    assert not embedded.has_people(path.parent / "none.db")
    assert not (path.parent / "none.db").exists()
    assert not embedded.has_people(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE people (name)")
    assert not embedded.has_people(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO people VALUES ('rosa')")
    assert embedded.has_people(path)
