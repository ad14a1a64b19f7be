import os
import socket
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import insert, make_url, select, text
from sqlalchemy.exc import DBAPIError, InternalError, StatementError

from store.database import BUSY, Database, insert_new
from store.errors import Conflict, Unavailable
from store.tables import Consumer
from tests import postgres
from tests.conftest import lacking
from tests.journeys.proxy import free_ports
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


def test_a_server_that_only_reads_is_unavailable_to_who_would_write(postgresql_url: str) -> None:
    name = make_url(postgresql_url).database
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    database = Database(postgresql_url)
    with pytest.raises(Unavailable) as told, database.write() as session:
        session.add(Consumer(**a_row()))
    assert told.value.code == "database_unavailable"
    assert consumers(database) == 0
    database.dispose()


def test_a_standby_is_unavailable_to_who_would_write() -> None:
    binaries = postgres.programs()
    if binaries is None:
        lacking("PostgreSQL")
    with postgres.own_server(binaries) as server:
        server.stop()
        server.become_standby()
        server.start()
        database = Database(server.url)
        with pytest.raises(Unavailable) as told, database.write():
            raise AssertionError("it takes writes")
        assert told.value.code == "database_unavailable"
        with database.read() as session:
            assert session.scalar(text("SELECT pg_is_in_recovery()"))
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


def test_who_falls_silent_in_the_middle_of_a_write_is_ended_and_its_locks_with_it(
    postgresql_url: str,
) -> None:
    silent, other = (
        Database(postgresql_url, idle_seconds=1.0),
        Database(postgresql_url, wait_seconds=60),
    )

    def fall_silent() -> None:
        with silent.write() as session:
            session.add(Consumer(**a_row()))
            session.flush()
            with other.write() as next_one:
                # waits for the row of who says nothing more
                assert insert_new(next_one, Consumer, [a_row()]) == 1

    with pytest.raises(Unavailable):
        fall_silent()
    with silent.write() as session:
        assert insert_new(session, Consumer, [a_row()]) == 0
    silent.dispose()
    other.dispose()


def test_who_only_reads_holds_up_nobody_and_may_think(postgresql_url: str) -> None:
    database = Database(postgresql_url, pool_size=1)
    limit = text("SHOW idle_in_transaction_session_timeout")
    with database.write() as session:
        assert session.scalar(limit) == "5s"
    with database.read() as session:  # on the same connection
        assert session.scalar(limit) == "0"
    database.dispose()


def test_a_write_may_wait_less_for_a_lock(postgresql_url: str) -> None:
    holder, waiter = Database(postgresql_url), Database(postgresql_url, wait_seconds=600)
    with holder.write() as session:
        session.add(Consumer(**a_row()))
        session.flush()
        with pytest.raises(Unavailable) as told, waiter.write(lock_seconds=0.05) as another:
            insert_new(another, Consumer, [a_row()])
    assert told.value.code == BUSY
    holder.dispose()
    waiter.dispose()


def test_whoever_is_gone_without_a_word_is_noticed_on_both_sides() -> None:
    binaries = postgres.programs()
    if binaries is None:
        lacking("PostgreSQL")
    (port,) = free_ports(1)
    with postgres.own_server(
        binaries, port=port
    ):  # on a socket of the file system there is none of this
        database = Database(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
        with database.engine.connect() as connection:
            here = socket.socket(fileno=os.dup(connection.connection.fileno()))
            there = [
                connection.exec_driver_sql(f"SHOW tcp_{name}").scalar()
                for name in (
                    "keepalives_idle",
                    "keepalives_interval",
                    "keepalives_count",
                    "user_timeout",
                )
            ]
            with here:
                assert here.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                ours = [
                    here.getsockopt(socket.IPPROTO_TCP, name)
                    for name in (
                        socket.TCP_KEEPIDLE,
                        socket.TCP_KEEPINTVL,
                        socket.TCP_KEEPCNT,
                        socket.TCP_USER_TIMEOUT,
                    )
                ]
        database.dispose()
    assert ours == [10, 5, 3, 25_000]
    assert there == ["10", "5", "3", "25000"]


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
