"""Whether a disk has room left: told before it is full, since a full one is noticed by whoever writes to it next; and
what that one says then: one sentence, of a kind that lets a job be tried again later.
"""

import errno
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import Unavailable

# of an Unavailable: whoever frees some room has mended it
FULL = "disk_full"
# some pictures, and what SQLite writes beside its file
LEAST_BYTES = 64 * 2**20
# no block is left, or none for this user
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def check(folder: Path, whose: str) -> None:
    """Raises Unavailable with code `disk_full` when there is none where `whose` folder lies."""
    free = shutil.disk_usage(folder).free
    if free < LEAST_BYTES:
        raise Unavailable(f"The disk of the {whose} is full: {free // 2**20} MiB are left.", FULL)


def is_full(error: Unavailable) -> bool:
    """Whether a disk without room is behind it, whatever it is told as."""
    cause = error.__cause__
    return error.code == FULL or (isinstance(cause, OSError | sqlite3.Error) and _is_full(cause))


@contextmanager
def told(whose: str) -> Iterator[None]:
    """Raises Unavailable with code `disk_full` where what is written meanwhile finds no room; all else stays as it is."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if not _is_full(error):
            raise
        raise Unavailable(f"The disk of the {whose} is full.", FULL) from error


@contextmanager
def temporary(prefix: str) -> Iterator[Path]:
    """A folder of one's own that is gone at the end, with room in it at the beginning; `told` for what is written there.

    Raises Unavailable with code `disk_full`.
    """
    with told("temporary folder"):
        check(_temporary(), "temporary folder")
        with tempfile.TemporaryDirectory(prefix=prefix) as folder:
            yield Path(folder)


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        # it has tried to write in each
        raise Unavailable("There is no temporary folder that can be written.", FULL) from error


def _is_full(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return getattr(error, "sqlite_errorname", None) == "SQLITE_FULL"
