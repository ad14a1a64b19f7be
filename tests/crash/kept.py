"""Processes that are kept running and killed: each is started again as soon as it has ended, whatever ended it."""

import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import Server

# before something that could not even start is tried again
PAUSE_SECONDS = 0.3
Begin = Callable[[], subprocess.Popen[bytes]]


class Kept(threading.Thread):
    """One process. `begin` starts it; raising RuntimeError means that it cannot be started yet."""

    def __init__(self, name: str, begin: Begin) -> None:
        super().__init__(name=name, daemon=True)
        self._begin = begin
        self._over, self._held = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._killed: set[int] = set()
        # how often it ended without having been killed here, and with which exit code
        self.ended_by_itself: list[int] = []

    def run(self) -> None:
        """Start it again and again, until `stop`."""
        while not self._over.is_set():
            if self._held.is_set():
                self._over.wait(0.02)
                continue
            try:
                process = self._process = self._begin()
            except RuntimeError:
                self._over.wait(PAUSE_SECONDS)
                continue
            code = process.wait()
            if not self._over.is_set() and process.pid not in self._killed:
                self.ended_by_itself.append(code)
                self._over.wait(PAUSE_SECONDS)

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def kill(self) -> bool:
        """`kill -9`; whether there was anything to kill."""
        pid = self.pid
        if pid is None:
            return False
        self._killed.add(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    @contextmanager
    def killed(self) -> Iterator[None]:
        """`kill -9`, and do not start it again before the end of the block."""
        self._held.set()
        try:
            assert self.kill()
            yield
        finally:
            self._held.clear()

    def kill_for_good(self) -> None:
        """`kill -9`, and do not start it again."""
        self._over.set()
        self.kill()
        self.join()

    def stop(self, seconds: float = 20.0) -> None:
        """Ask it to end, and do not start it again."""
        self._over.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
        self.join()


@dataclass(frozen=True)
class Child:
    """A process that another one has started: its id and the words of its command."""

    pid: int
    words: tuple[str, ...]


def children(parent: int) -> list[Child]:
    """Those that run now."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # the name may hold spaces and brackets; what follows the last bracket does not
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has ended meanwhile
        if int(status[1]) == parent and status[0] != "Z":
            found.append(Child(int(folder.name), tuple(words[:-1])))
    return found


def kill_together(some: Sequence[Kept]) -> bool:
    """Kill all of them in one moment; whether there was anything to kill."""
    killed = [one.kill() for one in some]
    return any(killed)


def kill_server(server: Server, kept: Kept, chance: random.Random) -> bool:
    """Kill PostgreSQL, or one of its workers, which makes it start over; whether there was anything to kill."""
    processes = server.processes()
    if len(processes) > 1 and chance.random() < 0.5:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(processes[1:]), signal.SIGKILL)
        return True
    return kept.kill()
