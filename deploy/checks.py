"""What must be true before Ursa starts on this machine; whatever is not is refused in one sentence.

Each check leaves everything as it found it, but for the data folder itself, which is made when it is missing.
"""

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from store import embedded
from store.errors import Conflict, Unavailable

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


def number_of_port(name: str, text: str, least: int = 1) -> int:
    """The port that somebody gave as `name`=."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    if not least <= number <= 65535:
        raise Refused(f"{name}= takes a number from {least} to 65535, not {text!r}.")
    return number


def ports(wanted: Mapping[str, int]) -> None:
    """Nobody listens on these ports, given by what chooses each, and no two are the same. 0 is none."""
    chosen: dict[int, str] = {}
    for name, number in wanted.items():
        if number in chosen:
            raise Refused(
                f"{chosen[number]}= and {name}= both take port {number}: give one another."
            )
        if number:
            port(number, name)
            chosen[number] = name


def port(number: int, name: str = "PORT") -> None:
    """Nobody listens on this port of this machine; `name` is what chooses another."""
    with socket.socket() as attempt:
        # as the service will: a port whose last connection is only fading away is free
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", number))
        except PermissionError as error:
            raise Refused(f"Port {number} is not allowed to you: give {name}= another.") from error
        except OSError as error:
            raise Refused(
                f"Port {number} is in use by another program: stop that one, or give {name}= another."
            ) from error


def database(path: Path) -> None:
    """The database file, where there is one, is whole as far as a short look tells.

    Whether it is too new, the migrations say.
    """
    try:
        embedded.check_alone(path)
    except Conflict as error:
        raise Refused(str(error)) from error
    if not path.exists():
        return
    try:
        why = embedded.why_broken(path)
    except Unavailable as error:
        raise Refused(f"The database {path} cannot be opened: {error}.") from error
    if why is not None:
        raise Refused(
            f"The database {path} is broken ({why}): put a backup in its place, or start afresh with "
            "another folder, DATA=."
        )


def _write_and_remove(probe: Path) -> None:
    try:
        with probe.open("wb") as file:
            file.write(bytes(2**20))
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)
