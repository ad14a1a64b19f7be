"""A process that decodes and asks networks: one child, which does one thing at a time, and why it ended.

Order: started by who needs it, it reads its libraries and the networks that the one before had; a task goes over, it says
when it has decoded, and then what it found. It has its time for either; who watches ends it when that is over.
"""

import errno
import math
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from time import monotonic

import structlog

import classifier
from classifier.core import KEPT, Decoded, Task, Told
from service import metrics
from service.settings import core_environment

_log = structlog.get_logger()

# far longer than the largest picture takes, or a network to look at it; and to read libraries and a network on a busy machine
SECONDS, LOAD_SECONDS = 20.0, 60.0
# from the end of the way to the end of the process
_END_SECONDS = 1.0
# a program ends by these itself; by any other signal somebody else has ended it
_ITS_OWN = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
_ROOT = Path(classifier.__file__).parent.parent


class Died(Exception):
    """The process ended by what it was asked, or was ended since it did not come back from it.

    `asked`: whether it had decoded the picture, and was at the network.
    """

    def __init__(self, why: str, *, asked: bool = False) -> None:
        super().__init__(why)
        self.asked = asked


class Killed(Exception):
    """The process was ended by somebody else, or ended before it could be asked."""


class CoreProcess:
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
        """Raises Died and Killed, and OSError when it cannot be started."""
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
            raise Killed("it ended, or took nothing in, before it saw a picture") from error
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

    def _why(self, seconds: float, *, asked: bool) -> Died | Killed:
        if self._took_long:
            return Died(f"the process that it ran in took more than {seconds:g} s", asked=asked)
        code = _code(self._child)
        how = f"the process that it ran in ended ({code})"
        return Died(how, asked=asked) if code > 0 or -code in _ITS_OWN else Killed(how)

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


def _code(child: "subprocess.Popen[bytes] | None") -> int:
    """How it ended that has left its end of the way; 0 where that is not known."""
    with suppress(subprocess.TimeoutExpired):
        return child.wait(_END_SECONDS) if child is not None else 0
    return 0
