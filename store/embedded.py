"""The embedded database as a file, looked at before a program opens it. Nothing here changes it."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from store.errors import Conflict, Unavailable

# a cold disk may need a quarter of a minute for each gigabyte, and every start would wait for it
LOOK_SECONDS = 2.0
# what SQLite keeps beside a file: the newest rows, their index, what takes back a transaction that broke off
_BESIDE = ("-wal", "-shm", "-journal")


def beside(path: Path) -> list[str]:
    """The names of the files that belong to the database and lie beside it now."""
    return [name for name in (path.name + end for end in _BESIDE) if path.with_name(name).exists()]


def check_alone(path: Path) -> None:
    """Raises Conflict where a database is missing (or empty) and what belongs to it is not.

    SQLite would throw it away, or mix it into whatever database comes into that place.
    """
    left = beside(path)
    if path.exists():
        # beside an empty file a journal is of a beginning that was cut off, and SQLite takes it back
        left = [] if path.stat().st_size else [one for one in left if not one.endswith("-journal")]
    if left:
        raise Conflict(
            f"{path} is gone, and {' and '.join(left)} beside it may hold the only copy of its newest rows: move "
            "what is left to another folder first, and keep it."
        )


def why_broken(path: Path, seconds: float = LOOK_SECONDS) -> str | None:
    """What SQLite finds wrong with the file; None when it finds nothing within about `seconds`.

    A file that is no database or was cut off is found at once, whatever its size; damage deep inside a large one may
    only be met later. Raises Unavailable with SQLite's own words when the file cannot be opened.
    """
    try:
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
            with _ended_after(connection, seconds):
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        raise Unavailable(str(error), "database_unavailable") from error
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else str(found)


def has_people(path: Path) -> bool:
    """Whether somebody can sign in; false where there is no file or no schema yet."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        try:
            return connection.execute("SELECT 1 FROM people LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError:
            return False  # no table of people: its schema is yet to be made


@contextmanager
def _ended_after(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    over = threading.Event()

    def end() -> None:
        # again and again: SQLite forgets an interruption that comes between two statements
        while not over.wait(seconds):
            connection.interrupt()

    watch = threading.Thread(target=end, name="ended-after", daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()
