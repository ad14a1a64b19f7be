"""The way into the database, for both kinds of it, and the door through which jobs and commands commit.

Reading and writing are told apart: on SQLite a writer takes the lock at once (BEGIN IMMEDIATE), since a
transaction that reads first and writes later can fail at once whatever the timeout; on PostgreSQL a reader is
read-only. Nothing slow happens inside either: who falls silent in the middle of a write is ended by the server, since
what it has locked keeps others waiting. Whatever keeps the database from answering is `Unavailable`, and so is a server
that only reads, as a standby does: a write begins with the question.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from store import bounded, room
from store.errors import Conflict, Invalid, Unavailable
from store.tables.base import Base

__all__ = ["Database", "Session", "insert_new"]

# of an Unavailable: one of the statement's rows was locked by another for too long, and others may go through
BUSY = "database_busy"
_BUSY = {
    "55P03",
    "40P01",
    "40001",
    "57014",
}  # lock and statement timeouts, deadlock, serialisation (PostgreSQL)
_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
# seconds of silence after which a connection is asked for a sign of life, between two such questions, how many may go
# unanswered, and milliseconds for which what was sent may be unconfirmed: by either side
_IDLE, _INTERVAL, _COUNT, _UNCONFIRMED = 10, 5, 3, 25_000


class Database:
    """One pool of connections. `wait_seconds` bounds every wait for a connection or a lock, and on PostgreSQL
    `statement_seconds` every statement, also where the server does not answer at all, and `idle_seconds` the time
    between two statements of a write."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        wait_seconds: float = 5.0,
        statement_seconds: float = 30.0,
        idle_seconds: float = 5.0,
    ) -> None:
        self.url = url
        self._wait_seconds, self._idle_seconds = wait_seconds, idle_seconds
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = (
            _sqlite(url, pool_size, wait_seconds)
            if self.is_sqlite
            else _postgresql(url, pool_size, wait_seconds, statement_seconds)
        )
        # SQLite reads one moment by itself; elsewhere two queries could stand on both sides of a promotion
        self._reading: dict[str, Any] = (
            {}
            if self.is_sqlite
            else {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False, autoflush=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads, all of it as of one moment; what it finds stays usable after it is closed."""
        with _translated(), self._sessions() as session:
            session.connection(execution_options=self._reading)
            # closing it gives the connection back, which rolls back; a rollback here would expire what was found
            yield session

    @contextmanager
    def write(self, lock_seconds: float | None = None) -> Iterator[Session]:
        """A session that commits at the end, or rolls back whatever the body raises.

        On PostgreSQL it waits for a lock of another for `lock_seconds` at most, where that is less than `wait_seconds`.
        """
        with _translated(), self._sessions() as session:
            self._begin(session, lock_seconds)
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise

    def _begin(self, session: Session, lock_seconds: float | None) -> None:
        """Raises Unavailable where nothing can be written at all."""
        try:
            connection = session.connection(execution_options={"ursa_writes": True})
            only_reads = not self.is_sqlite and self._limit(connection, lock_seconds)
        except (InternalError, NotSupportedError) as error:
            # nothing of the caller's has been said yet: it is the server that takes no writes
            raise Unavailable("The database takes no writes.", "database_unavailable") from error
        if only_reads:
            raise Unavailable("The database only reads.", "database_unavailable")

    def _limit(self, connection: Connection, lock_seconds: float | None) -> bool:
        """Set the limits of a write; whether the server only reads, which it says in the same answer."""
        # for this transaction alone: who reads holds up nobody, and a pooler passes it on
        limits = {"idle_in_transaction_session_timeout": self._idle_seconds}
        if lock_seconds is not None and lock_seconds < self._wait_seconds:
            limits["lock_timeout"] = lock_seconds
        said = (
            func.set_config(name, str(_milliseconds(one)), True) for name, one in limits.items()
        )
        only_reads = func.current_setting("transaction_read_only")
        return bool(connection.execute(select(only_reads, *said)).one()[0] == "on")

    def check_room(self) -> None:
        """Raises Unavailable with code `disk_full` when the disk of an SQLite file is full; a server knows of its own."""
        path = make_url(self.url).database
        if self.is_sqlite and path and path != ":memory:":
            room.check(Path(path).parent, "database")

    def dispose(self) -> None:
        """Close every connection of the pool."""
        self.engine.dispose()


def insert_new(session: Session, table: type[Base], rows: list[dict[str, Any]]) -> int:
    """Insert the rows that are not there yet, by any of the table's keys; how many those were."""
    if not rows:
        return 0
    # two dialects' functions of one shape, with no type in common
    insert: Any = (
        sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    )
    done = session.connection().execute(
        insert(table).on_conflict_do_nothing(), rows, execution_options={"preserve_rowcount": True}
    )
    return done.rowcount


def _sqlite(url: str, pool_size: int, wait_seconds: float) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        hide_parameters=True,  # what a statement carries (digests, names, notes) is nothing for a log
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=wait_seconds,
        connect_args={"timeout": wait_seconds, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # the driver must not open transactions by itself: BEGIN is ours to choose
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # what was acknowledged survives a power cut
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-16384")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("ursa_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: str, pool_size: int, wait_seconds: float, statement_seconds: float) -> Engine:
    asked = {
        "lock_timeout": _milliseconds(wait_seconds),
        "statement_timeout": _milliseconds(statement_seconds),
        # whatever the server is set to: what was acknowledged survives its crash
        "synchronous_commit": "on",
        "timezone": "UTC",
        "tcp_keepalives_idle": _IDLE,
        "tcp_keepalives_interval": _INTERVAL,
        "tcp_keepalives_count": _COUNT,
        "tcp_user_timeout": _UNCONFIRMED,
    }
    engine = create_engine(
        url,
        hide_parameters=True,  # what a statement carries (digests, names, notes) is nothing for a log
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=wait_seconds,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": max(2, int(wait_seconds)),
            "options": " ".join(f"-c {name}={value}" for name, value in asked.items()),
            "keepalives_idle": _IDLE,
            "keepalives_interval": _INTERVAL,
            "keepalives_count": _COUNT,
            "tcp_user_timeout": _UNCONFIRMED,
            # a pooler in transaction mode hands the next statement to another connection
            "prepare_threshold": None,
        },
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, words: Any, options: Any) -> Any:
        # a little longer than the server's own limit, whose error says more
        return bounded.connect(statement_seconds + 1.0, *words, **options)

    return engine


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))  # 0 would be none


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict("It contradicts what the database holds.", "integrity") from error
    except OperationalError as error:
        raise _unavailable(error) from error
    except (InterfaceError, PoolTimeout) as error:
        raise Unavailable("The database does not answer.", "database_unavailable") from error
    except (DataError, UnicodeEncodeError) as error:
        # both refuse half a character, PostgreSQL also what SQLite would take: a zero byte in a text, one that is too long
        raise Invalid("The database cannot hold one of the values.", "value") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("The database connection broke.", "database_unavailable") from error
        if _is_broken(error):
            raise Unavailable("The database is damaged.", "database_unavailable") from error
        raise


def _is_broken(error: DBAPIError) -> bool:
    """Whether the database says that something is wrong with itself, and not with what it was asked."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return state.startswith("XX") or getattr(error.orig, "sqlite_errorname", None) in _DAMAGED


def _unavailable(error: OperationalError) -> Unavailable:
    state = getattr(error.orig, "sqlstate", None)
    if state in _BUSY:
        return Unavailable("The database is busy with the same rows.", BUSY)
    if state == "53100" or getattr(error.orig, "sqlite_errorname", None) == "SQLITE_FULL":
        return Unavailable("The disk of the database is full.", room.FULL)
    return Unavailable("The database does not answer.", "database_unavailable")
