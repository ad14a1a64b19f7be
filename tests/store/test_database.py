from contextlib import suppress

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, InternalError, StatementError

from store.database import Database, insert_new
from store.errors import Conflict, Unavailable
from store.tables import Consumer
from tests.store.given import NOW


def consumers(database: Database) -> int:
    with database.read() as session:
        return len(session.scalars(select(Consumer)).all())


def a_row(name: str = "shop") -> dict[str, object]:
    return {"id": name, "name": name, "active": True, "created_at": NOW}


def test_what_raises_inside_a_write_leaves_nothing(database: Database) -> None:
    with suppress(KeyError), database.write() as session:
        session.add(Consumer(**a_row()))
        session.flush()
        raise KeyError
    assert consumers(database) == 0


def test_a_read_keeps_nothing(database: Database) -> None:
    # SQLite lets a reader write and forgets it, PostgreSQL refuses
    with suppress(InternalError), database.read() as session:
        session.execute(insert(Consumer), [a_row()])
    assert consumers(database) == 0


def test_a_reader_of_postgresql_cannot_write(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with pytest.raises(InternalError, match="read-only"), database.read() as session:
        session.execute(insert(Consumer), [a_row()])
    database.dispose()


def test_what_was_read_can_be_used_when_the_session_is_closed(database: Database) -> None:
    with database.write() as session:
        session.add(Consumer(**a_row()))
    with database.read() as session:
        found = session.scalars(select(Consumer)).one()
    assert (found.name, found.created_at) == ("shop", NOW)


def test_what_a_constraint_refuses_is_a_conflict(database: Database) -> None:
    with database.write() as session:
        session.add(Consumer(**a_row()))
    with pytest.raises(Conflict), database.write() as session:
        session.add(Consumer(**a_row()))


def test_on_sqlite_a_writer_has_the_lock_from_the_start(sqlite_url: str) -> None:
    first, second = Database(sqlite_url), Database(sqlite_url, wait_seconds=0.05)
    with first.write():
        with pytest.raises(Unavailable), second.write():
            raise AssertionError("two writers at once")
        with second.read() as session:
            assert session.scalars(select(Consumer)).all() == []
    with second.write() as session:
        session.add(Consumer(**a_row()))
    first.dispose()
    second.dispose()


def test_on_postgresql_a_lock_is_not_waited_for_long(postgresql_url: str) -> None:
    first, second = Database(postgresql_url), Database(postgresql_url, wait_seconds=0.05)
    with first.write() as holder:
        holder.execute(text("LOCK TABLE consumers"))
        with pytest.raises(Unavailable), second.write() as session:
            session.add(Consumer(**a_row()))
    first.dispose()
    second.dispose()


def test_a_pool_that_is_used_up_is_not_waited_for_long(database_url: str) -> None:
    small = Database(database_url, pool_size=1, wait_seconds=0.05)
    with small.read(), pytest.raises(Unavailable), small.read():
        raise AssertionError("a connection more than the pool has")
    small.dispose()


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"), database.write() as session:
        session.add(Consumer(**(a_row() | {"created_at": NOW.replace(tzinfo=None)})))


def test_rows_that_are_there_are_passed_over(database: Database) -> None:
    with database.write() as session:
        assert insert_new(session, Consumer, [a_row("a"), a_row("b")]) == 2
        assert insert_new(session, Consumer, [a_row("b"), a_row("c")]) == 1
        assert insert_new(session, Consumer, [a_row("c")]) == 0
        assert insert_new(session, Consumer, []) == 0
    assert consumers(database) == 3


def test_a_commit_is_on_the_disk_before_it_is_told_whatever_the_server_is_set_to(
    postgresql_url: str,
) -> None:
    database = Database(postgresql_url)
    with database.read() as session:
        source = "SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'"
        assert session.scalar(text("SHOW synchronous_commit")) == "on"
        assert session.scalar(text(source)) == "on"
    database.dispose()


def test_a_statement_that_takes_too_long_is_given_up(postgresql_url: str) -> None:
    database = Database(postgresql_url, statement_seconds=0.2)
    with pytest.raises(Unavailable), database.read() as session:
        session.execute(text("SELECT pg_sleep(30)"))
    with database.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
    database.dispose()


def test_what_a_statement_carries_stands_in_no_error(database: Database) -> None:
    carried = text("SELECT nothing FROM nowhere WHERE note = :note").bindparams(note="a secret")
    with pytest.raises(DBAPIError) as failed, database.engine.connect() as connection:
        connection.execute(carried)
    assert "nowhere" in str(failed.value)
    assert "a secret" not in str(failed.value)
