"""What must be true before Ursa starts on this machine; whatever is not is refused in one sentence.

Each check leaves everything as it found it, but for the data folder itself, which is made when it is missing.
"""

import fcntl
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

NEEDED_BYTES = 200 * 2**20


class Refused(Exception):
    """Why Ursa does not start, in one sentence for people."""


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder: two programs that both think they own it would train and migrate twice."""
    with (data / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise Refused(
                f"Ursa runs on {data} already (process {lock.read().strip() or 'unknown'}): stop it "
                "first, or name another folder with DATA=."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def folder(data: Path) -> None:
    """The data folder can be made and written, and the disk has room."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        # whatever the folder is called, git keeps its hands off it
        (data / ".gitignore").write_text("*\n")
        _write_and_remove(data / "room.probe")
    except OSError as error:
        room(data)
        raise Refused(f"{data} cannot be written: {error.strerror}.") from error
    room(data)


def room(data: Path, needed: int = NEEDED_BYTES) -> None:
    """The disk has room for pictures, bundles and rows."""
    there = next(one for one in (data, *data.parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise Refused(
            f"The disk is full: {free // 2**20} MB are free where {data} lies, and Ursa needs "
            f"{needed // 2**20} MB to start."
        )


def port(number: int) -> None:
    """Nobody listens on this port of this machine."""
    if not 0 < number < 65536:
        raise Refused(f"There is no port {number}: PORT= takes a number from 1 to 65535.")
    with socket.socket() as attempt:
        # as the service will: a port whose last connection is only fading away is free
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", number))
        except PermissionError as error:
            raise Refused(f"Port {number} is not allowed to you: give PORT= another.") from error
        except OSError as error:
            raise Refused(
                f"Port {number} is in use by another program: stop that one, or give PORT= another."
            ) from error


def database(path: Path) -> None:
    """The database file, where there is one, is whole. (Whether it is too new, the migrations say.)"""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        raise Refused(f"The database {path} cannot be opened: {error}.") from error
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise Refused(
            f"The database {path} is broken ({found}): put a backup in its place, or start afresh with "
            "another folder, DATA=."
        )


def _write_and_remove(probe: Path) -> None:
    try:
        with probe.open("wb") as file:
            file.write(bytes(2**20))
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)
