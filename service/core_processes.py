"""The processes that decode and ask networks, one for each core: start, ask, replace.

Each does one thing at a time, and is asked by one thread at a time. One that dies or does not come back is replaced by a
new one, with the same networks loaded. What one died of, or did not come back from, is asked once more without the network:
whatever the second one dies of is the picture, and the network is blamed only when it was asked: each says when it has
decoded, and has its time for either. One that somebody else has ended (an operator, a system without memory), or
that never got as far as to be asked, says nothing about either: its picture is asked about once more as it was, and then
its consumer is told to come again.
"""

import errno
import math
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from time import monotonic

import structlog

import classifier
from classifier.core import KEPT, Decoded, Refused, Seen, Task, Told
from classifier.pictures import DAMAGED, BadPicture, Limits
from service import metrics
from service.settings import core_environment
from store.errors import Unavailable

_log = structlog.get_logger()

# far longer than the largest picture takes, or a network to look at it; and to read libraries and a network on a busy machine
SECONDS, LOAD_SECONDS = 20.0, 60.0
WATCH_SECONDS = 0.5
# from the end of the way to the end of the process
_END_SECONDS = 1.0
# a program ends by these itself; by any other signal somebody else has ended it
_ITS_OWN = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
_ROOT = Path(classifier.__file__).parent.parent


class _Died(Exception):
    """The process ended by what it was asked, or was ended since it did not come back from it.

    `asked`: whether it had decoded the picture, and was at the network.
    """

    def __init__(self, why: str, *, asked: bool = False) -> None:
        super().__init__(why)
        self.asked = asked


class _Killed(Exception):
    """The process was ended by somebody else, or ended before it could be asked."""


class _Process:
    """One child, started by who needs it; not to be asked by two threads at once."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Task, Told | Decoded] | None = None
        self._is_ready, self._is_over, self._took_long = False, False, False
        self._due = math.inf
        # as the child keeps them: one that replaces it begins with these
        self._bundles: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> Connection:
        """The way to it, which answers once it has read its libraries and networks. Raises OSError."""
        if self._child is not None and not self.runs:
            self.replace(f"it ended with nothing to do ({self._child.returncode})")
        if self._is_over:
            raise OSError(errno.ECANCELED, "the service is stopping")
        if self._connection is None:
            self._is_ready = False
            self._connection, theirs = Pipe()
            with theirs:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "classifier", str(theirs.fileno()), *self._bundles],
                    pass_fds=[theirs.fileno()],
                    env=core_environment(_ROOT),
                    stdin=subprocess.DEVNULL,
                )
        return self._connection

    def ask(self, task: Task) -> Told:
        """Raises _Died and _Killed, and OSError when it cannot be started."""
        way = self.start()
        try:
            told = self._told(way, task)
        finally:
            self._due = math.inf
        if task.bundle is not None:
            others = [one for one in self._bundles if one != task.bundle]
            self._bundles = (*others, task.bundle)[-KEPT:]
        return told

    def _told(self, way: Connection, task: Task) -> Told:
        seconds = SECONDS if task.bundle in (None, *self._bundles) else LOAD_SECONDS
        try:
            if not self._is_ready:
                self._within(LOAD_SECONDS)
                way.recv()
                self._is_ready = True
            self._within(SECONDS if task.data is not None else seconds)
            way.send(task)
        except (EOFError, OSError) as error:
            raise _Killed("it ended, or took nothing in, before it saw a picture") from error
        asked = task.data is None
        try:
            said = way.recv()
            if isinstance(said, Decoded):
                asked = True
                self._within(seconds)
                said = way.recv()
        except (EOFError, OSError) as error:
            raise self._why(seconds if asked else SECONDS, asked=asked) from error
        told: Told = said
        return told

    def _within(self, seconds: float) -> None:
        self._took_long, self._due = False, monotonic() + seconds

    def _why(self, seconds: float, *, asked: bool) -> _Died | _Killed:
        if self._took_long:
            return _Died(f"the process that it ran in took more than {seconds:g} s", asked=asked)
        code = _code(self._child)
        how = f"the process that it ran in ended ({code})"
        return _Died(how, asked=asked) if code > 0 or -code in _ITS_OWN else _Killed(how)

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
        for one in self._all:
            try:
                one.start()
            except OSError as error:
                self.stop()
                raise _not_started(error) from error
        # now that nobody else starts them
        self._watch.start()

    def stop(self) -> None:
        """End all of them; nobody may ask any more."""
        self._over.set()
        if self._watch.is_alive():
            self._watch.join()
        for one in self._all:
            one.end(for_good=True)

    def load(self, bundle: Path) -> None:
        """Let each have this bundle's network ready. Raises Unavailable when one cannot, or ends over it."""
        task = Task(None, Limits(), str(bundle), pixels=False)
        for one in self._all:
            try:
                told = self._ask(task, one)
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
            # of decoding it says nothing about the network, also where that goes well the next time
            failed = str(died) if died.asked else None
        try:
            seen = self._see(replace(task, bundle=None, pixels=True))
        except _Died:
            raise BadPicture("broken", DAMAGED) from None
        return replace(seen, failed=failed)

    def _see(self, task: Task) -> Seen:
        told = self._ask(task)
        if isinstance(told, Seen):
            told.picture.pixels.flags.writeable = False
            return told
        if told is not None and told.reason is not None:
            raise BadPicture(told.reason, told.sentence)
        _log.error("picture_not_seen", why=told.sentence if told else "nothing was told")
        raise Unavailable("The picture could not be looked at: send it again.", "not_seen")

    def _ask(self, task: Task, wanted: _Process | None = None) -> Told:
        """Raises _Died and Unavailable."""
        with suppress(_Killed):
            return self._once(task, wanted)
        try:
            return self._once(task, wanted)
        except _Killed as killed:
            # perhaps for the memory that it takes: not for ever
            raise Unavailable(
                "The processes for pictures were ended: send this again in a moment.", "no_core"
            ) from killed

    def _once(self, task: Task, wanted: _Process | None) -> Told:
        with self._taken(wanted) as process:
            return process.ask(task)

    def _hurry(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            for one in self._all:
                one.hurry()
                self._renew(one)

    def _renew(self, process: _Process) -> None:
        """Start another where one has ended, so that the next picture need not wait for it."""
        with self._came_back:
            if process not in self._idle or process.runs:
                return
            self._idle.remove(process)
        try:
            process.start()
        except OSError:
            process.end()  # who asks next tries again, and is told
        finally:
            self._give_back(process)

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
            self._give_back(process)

    def _give_back(self, process: _Process) -> None:
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


def _code(child: "subprocess.Popen[bytes] | None") -> int:
    """How it ended that has left its end of the way; 0 where that is not known."""
    with suppress(subprocess.TimeoutExpired):
        return child.wait(_END_SECONDS) if child is not None else 0
    return 0


def _not_started(error: OSError) -> Unavailable:
    return Unavailable(f"A process for pictures cannot be started: {error.strerror}.", "no_core")
