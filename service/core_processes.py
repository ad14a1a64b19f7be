"""The processes that decode and ask networks, one for each core: start, ask, replace.

Each does one thing at a time, and is asked by one thread at a time. One that dies or does not come back is replaced by a new one.
What it was asked is asked once more, and without the network: whatever kills the second one is the picture.
"""

import errno
import math
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from time import monotonic

import structlog

import classifier
from classifier.core import Refused, Seen, Task, Told
from classifier.pictures import DAMAGED, BadPicture, Limits
from service import metrics
from service.settings import core_environment
from store.errors import Unavailable

_log = structlog.get_logger()

# far longer than the largest picture takes; and to read libraries and a network on a busy machine
SECONDS, LOAD_SECONDS = 20.0, 60.0
WATCH_SECONDS = 0.5
_ROOT = Path(classifier.__file__).parent.parent


class _Died(Exception):
    """The process ended, or was ended since it did not come back."""


class _Process:
    """One child, started by who needs it; not to be asked by two threads at once."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Task, Told] | None = None
        self._is_new, self._is_over, self._took_long = True, False, False
        self._due = math.inf

    def start(self) -> Connection:
        """The way to it, which answers once it has read its libraries. Raises OSError."""
        if self._child is not None and self._child.poll() is not None:
            self.replace("it ended with nothing to do")
        if self._is_over:
            raise OSError(errno.ECANCELED, "the service is stopping")
        if self._connection is None:
            self._is_new = True
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
        seconds = LOAD_SECONDS if self._is_new or task.data is None else SECONDS
        self._took_long, self._due = False, monotonic() + seconds
        try:
            try:
                way.send(task)
            except BrokenPipeError:
                self.replace("it ended, or took nothing in, before it saw a picture")
                way = self.start()
                seconds = LOAD_SECONDS
                self._took_long, self._due = False, monotonic() + seconds
                way.send(task)
            told: Told = way.recv()
        except (EOFError, OSError) as error:
            how = f"took more than {seconds:g} s" if self._took_long else "ended"
            raise _Died(f"the process that it ran in {how}") from error
        finally:
            self._due = math.inf
        self._is_new = False
        return told

    def hurry(self) -> None:
        """End it when it is over its time: whoever asks it may be waiting for it to take in, or to go on."""
        if monotonic() > self._due:
            self._took_long = True
            self._kill()

    def replace(self, why: str) -> None:
        """The next one who asks has another."""
        self.end()
        metrics.CORES_REPLACED.inc()
        _log.error("core_process_died", why=why)

    def end(self, *, for_good: bool = False) -> None:
        """At once, whatever it is doing."""
        self._is_over = self._is_over or for_good
        self._kill()
        if self._connection is not None and not for_good:
            self._connection.close()
        # who waits for it in the end finds it closed by itself
        self._child = self._connection = None

    def _kill(self) -> None:
        child = self._child
        if child is not None:
            child.kill()
            child.wait()


class CoreProcesses:
    """`number` of them; who asks has one of as many cores, so that none waits for long."""

    def __init__(self, number: int) -> None:
        self._all = tuple(_Process() for _ in range(number))
        self._idle = deque(self._all)
        self._came_back = threading.Condition()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._hurry, name="core-processes", daemon=True)

    def start(self) -> None:
        """Let all of them begin to read their libraries. Raises Unavailable."""
        self._watch.start()
        for one in self._all:
            try:
                one.start()
            except OSError as error:
                self.stop()
                raise _not_started(error) from error

    def stop(self) -> None:
        """End all of them; nobody may ask any more."""
        self._over.set()
        for one in self._all:
            one.end(for_good=True)

    def _hurry(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            for one in self._all:
                one.hurry()

    def load(self, bundle: Path) -> None:
        """Let each have this bundle's network ready. Raises Unavailable when one cannot, or ends over it."""
        task = Task(None, Limits(), str(bundle), pixels=False)
        for one in self._all:
            try:
                with self._taken(one) as process:
                    told = process.ask(task)
            except _Died as died:
                raise Unavailable(f"The network was not ready: {died}.", "no_core") from died
            if isinstance(told, Refused):
                raise Unavailable(f"The network was not ready: {told.sentence}", "no_core")

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
            told.picture.pixels.flags.writeable = False
            return told
        if told is not None and told.reason is not None:
            raise BadPicture(told.reason, told.sentence)
        _log.error("picture_not_seen", why=told.sentence if told else "nothing was told")
        raise Unavailable("The picture could not be looked at: send it again.", "not_seen")

    @contextmanager
    def _taken(self, wanted: _Process | None = None) -> Iterator[_Process]:
        process = self._take(wanted)
        try:
            yield process
        except OSError as error:
            process.end()
            raise _not_started(error) from error
        except BaseException as error:
            # whatever it was: what comes next from there would not be to the next question
            process.replace(str(error))
            raise
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
