"""The processes that decode and ask networks, one for each core: start, ask, replace.

Each does one thing at a time, and is asked by one thread at a time. One that dies or does not come back is replaced by a new one.
What it was asked is asked once more, and without the network: whatever kills the second one is the picture.
"""

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import structlog

import classifier
from classifier.core import Seen, Task, Told
from classifier.pictures import DAMAGED, BadPicture, Limits
from service import metrics
from service.settings import core_environment
from store.errors import Unavailable

_log = structlog.get_logger()

# far longer than the largest picture takes
SECONDS = 20.0
_ROOT = Path(classifier.__file__).parent.parent


class _Died(Exception):
    """The process ended, or was ended since it did not come back."""


class _Process:
    """One child, started by who needs it; not to be asked by two threads at once."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Task, Told] | None = None

    def start(self) -> Connection:
        """The way to it, which answers once it has read its libraries. Raises OSError."""
        if self._child is not None and self._child.poll() is not None:
            self.end()  # somebody has killed it while it had nothing to do
        if self._connection is None:
            self._connection, theirs = Pipe()
            with theirs:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "classifier", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=core_environment(_ROOT),
                    stdin=subprocess.DEVNULL,
                )
        return self._connection

    def ask(self, task: Task) -> Told:
        """Raises _Died, and OSError when it cannot be started."""
        way = self.start()
        try:
            try:
                way.send(task)
            except BrokenPipeError:
                self.end()  # it had ended before it saw any of this
                way = self.start()
                way.send(task)
            if not way.poll(SECONDS):
                raise _Died(f"it took more than {SECONDS:g} s for one picture")
            told: Told = way.recv()
            return told
        except (EOFError, OSError) as error:
            raise _Died("the process that it ran in ended") from error

    def end(self) -> None:
        """At once, whatever it is doing."""
        if self._connection is not None:
            self._connection.close()
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        self._child = self._connection = None


class CoreProcesses:
    """`number` of them; who asks has one of as many cores, so that none waits for long."""

    def __init__(self, number: int) -> None:
        self._all = tuple(_Process() for _ in range(number))
        self._idle = deque(self._all)
        self._came_back = threading.Condition()

    def start(self) -> None:
        """Let all of them begin to read their libraries. Raises Unavailable."""
        for one in self._all:
            try:
                one.start()
            except OSError as error:
                self.stop()
                raise _not_started(error) from error

    def stop(self) -> None:
        """End all of them; nobody may ask any more."""
        for one in self._all:
            one.end()

    def load(self, bundle: Path) -> None:
        """Let each have this bundle's network ready; one that cannot will say so when it is asked."""
        for one in self._all:
            with suppress(_Died), self._taken(one) as process:
                process.ask(Task(b"", Limits(), str(bundle), pixels=False))

    def see(self, data: bytes, limits: Limits, bundle: Path | None, *, pixels: bool) -> Seen:
        """Raises BadPicture, also where decoding ends one process after the other, and Unavailable."""
        task = Task(data, limits, str(bundle) if bundle else None, pixels)
        try:
            return self._see(task)
        except _Died as died:
            why = str(died)
        try:
            seen = self._see(replace(task, bundle=None, pixels=True))
        except _Died:
            raise BadPicture("broken", DAMAGED) from None
        return replace(seen, failed=why if bundle else None)

    def _see(self, task: Task) -> Seen:
        with self._taken() as process:
            told = process.ask(task)
        if isinstance(told, Seen):
            return told
        if told is not None and told.reason is not None:
            raise BadPicture(told.reason, told.sentence)
        raise Unavailable("The picture could not be looked at: send it again.", "not_seen")

    @contextmanager
    def _taken(self, wanted: _Process | None = None) -> Iterator[_Process]:
        process = self._take(wanted)
        try:
            yield process
        except _Died as died:
            process.end()
            metrics.CORES_REPLACED.inc()
            _log.error("core_process_died", why=str(died))
            raise
        except OSError as error:
            process.end()
            raise _not_started(error) from error
        finally:
            with self._came_back:
                self._idle.append(process)
                self._came_back.notify_all()

    def _take(self, wanted: _Process | None) -> _Process:
        with self._came_back:
            while not (self._idle if wanted is None else wanted in self._idle):
                self._came_back.wait()
            process = self._idle[-1] if wanted is None else wanted
            self._idle.remove(process)
            return process


def _not_started(error: OSError) -> Unavailable:
    return Unavailable(f"A process for pictures cannot be started: {error.strerror}.", "no_core")
