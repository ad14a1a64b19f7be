"""Migrations that are killed in the middle, run out of room or meet one another: what is left can be migrated."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.pool import Pool

from store import migrate
from store.database import Database
from store.errors import Unavailable

ROOT = Path(__file__).parents[2]
# how many places of a whole upgrade are tried, from its first statement to its last
PLACES = 12
WINDOW = (
    "INSERT INTO windows (id, model_version_id, segment, first_prediction_id, last_prediction_id, starts_at, ends_at,"
    " pictures, verdict, \"values\", config, created_at) VALUES ('w', 'm', '', 'p', 'q', '2026-01-01 00:00:00',"
    " '2026-01-02 00:00:00', 500, 'quiet', '{}', '{}', '2026-01-02 00:00:00')"
)
# migrates, says when it has come to the statement of that number, and goes on when it is told
HALTS = """
import sys
from sqlalchemy import Engine, event
from store import migrate

left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        print("there", flush=True)
        sys.stdin.readline()

migrate.upgrade(sys.argv[1])
"""


def statements(url: str) -> list[str]:
    """Upgrade, and tell every statement that it took."""
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(" ".join(statement.split()))

    event.listen(Engine, "after_cursor_execute", hear)
    try:
        migrate.upgrade(url)
    finally:
        event.remove(Engine, "after_cursor_execute", hear)
    return said


def number(said: list[str], begins: str) -> int:
    """Which statement it is that begins like this, counted from 1."""
    return next(place for place, one in enumerate(said, 1) if one.startswith(begins))


@contextmanager
def halted(url: str, after: int) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun to upgrade and stands still after that many statements."""
    words = [sys.executable, "-c", HALTS, url, str(after)]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "there\n"
        yield one


def go_on(one: subprocess.Popen[str]) -> None:
    assert one.stdin is not None
    one.stdin.write("on\n")
    one.stdin.flush()


def cut_off(url: str, after: int) -> None:
    """Begin to upgrade, and be killed after that many statements."""
    with halted(url, after) as one:
        one.kill()


def upgraded(url: str) -> None:
    """Upgrade; the schema is this code's then, whatever was there before."""
    migrate.upgrade(url)
    database = Database(url)
    migrate.check(database)
    database.dispose()
    command.check(migrate.config(url))


def revision(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    return str(found)


@pytest.fixture
def new_url(tmp_path: Path) -> str:
    """An SQLite database that nobody has made yet."""
    return f"sqlite:///{tmp_path}/new.db"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every statement of a whole upgrade on SQLite."""
    return statements(f"sqlite:///{tmp_path_factory.mktemp('whole')}/whole.db")


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """An SQLite database of 0006 that holds a window."""
    path = tmp_path / "older.db"
    command.upgrade(migrate.config(f"sqlite:///{path}"), "0006")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(WINDOW)
        connection.commit()
    return path


@pytest.mark.parametrize("place", range(PLACES))
def test_an_upgrade_that_was_killed_anywhere_can_be_done_again(
    whole: list[str], new_url: str, place: int
) -> None:
    cut_off(new_url, 1 + place * (len(whole) - 1) // (PLACES - 1))
    engine = create_engine(new_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    upgraded(new_url)


@pytest.mark.parametrize(
    "last",
    [
        "CREATE TABLE _alembic_tmp_windows",
        "INSERT INTO _alembic_tmp_windows",
        "DROP TABLE windows",
        "ALTER TABLE _alembic_tmp_windows",
        "CREATE INDEX ix_predictions_model_version_id_id",
        "CREATE TABLE null_replays",
        "UPDATE alembic_version SET version_num='0007'",
        "ALTER TABLE jobs ADD COLUMN cut_off",
    ],
)
def test_what_a_table_holds_outlives_a_kill_while_it_is_copied(
    tmp_path: Path, older: Path, last: str
) -> None:
    twin = tmp_path / "twin.db"
    twin.write_bytes(older.read_bytes())
    said = statements(f"sqlite:///{twin}")
    url = f"sqlite:///{older}"
    cut_off(url, number(said, last))
    assert revision(url) == "0006"
    upgraded(url)
    with closing(sqlite3.connect(older)) as connection:
        assert connection.execute("SELECT id, kind FROM windows").fetchall() == [("w", "count")]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_full_disk_leaves_an_older_database_as_it_was(older: Path) -> None:
    url = f"sqlite:///{older}"
    pages = older.stat().st_size // 4096

    def fill(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 4}")

    event.listen(Pool, "connect", fill)
    try:
        with pytest.raises(Unavailable, match="disk is full"):
            migrate.upgrade(url)
    finally:
        event.remove(Pool, "connect", fill)
    assert revision(url) == "0006"
    upgraded(url)


def test_who_begins_while_another_migrates_waits_and_finds_nothing_to_do(
    whole: list[str], new_url: str
) -> None:
    # the second has found a database without a schema, and has not yet begun to make one
    before = number(whole, "BEGIN IMMEDIATE") - 1
    middle = number(whole, "CREATE TABLE pictures")
    with halted(new_url, middle) as first, halted(new_url, before) as second:
        go_on(second)
        go_on(first)
    assert (first.returncode, second.returncode) == (0, 0)
    upgraded(new_url)


def test_several_that_begin_at_once_on_a_new_file_all_end_well(new_url: str) -> None:
    words = [sys.executable, "-c", HALTS, new_url, "0"]
    several = [subprocess.Popen(words, cwd=ROOT) for _ in range(3)]
    assert [one.wait(timeout=120) for one in several] == [0, 0, 0]
    upgraded(new_url)


@pytest.mark.parametrize(
    ("before", "last"),
    [("base", "CREATE TABLE pictures"), ("0006", "CREATE TABLE null_replays")],
)
def test_a_migration_of_postgresql_that_was_killed_is_undone_and_can_be_done_again(
    postgresql_url: str, before: str, last: str
) -> None:
    def tables() -> set[str]:
        engine = create_engine(postgresql_url)
        found = set(inspect(engine).get_table_names())
        engine.dispose()
        return found

    command.downgrade(migrate.config(postgresql_url), before)
    old = tables()
    said = statements(postgresql_url)
    command.downgrade(migrate.config(postgresql_url), before)
    cut_off(postgresql_url, number(said, last))
    assert tables() == old
    upgraded(postgresql_url)
