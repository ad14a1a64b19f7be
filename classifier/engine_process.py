"""A network that is not trusted yet, in a process of its own, with the face of an `Engine`.

What it does there concerns nobody else: its memory is its own and bounded, so is what it answers, others go first on the
processor, it can be held or ended in the middle of a run, and where it takes the runtime down it takes that process. The
child ends when nobody can ask it any more, and with the process that started it. This is no boundary for attackers: both
ends trust each other.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import LifoQueue
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from classifier import starter
from classifier.child import bound_memory
from classifier.engine import MOST_BYTES, OUTPUTS, Engine, NetworkError

# from the start of the process to a network that can be asked
LOAD_SECONDS = 30.0
# of what is told: a sentence, and what stands around numbers
_SENTENCE, _AROUND_BYTES = 1000, 16 * 1024

# outputs, none where the network was to be loaded; a sentence says what it failed at
Told = tuple[NDArray[np.float32], ...] | str


class EngineProcess:
    """One network in a child; `lanes` runs at most go on at once, more wait for them.

    `size` bytes are for its weights and for what its runs take, together. `last`: all others go first while it loads, else
    it computes as those who answer. `begun` is told of it as soon as it may be stopped, also while it loads.
    Raises NetworkError, also where loading takes longer than `LOAD_SECONDS`, and OSError when no process can be started.
    """

    name = Engine.name
    precision = Engine.precision

    def __init__(
        self,
        network: bytes,
        size: int,
        lanes: int,
        environment: Mapping[str, str],
        *,
        last: bool = True,
        begun: Callable[["EngineProcess"], None] = lambda _: None,
    ) -> None:
        self._stopped = False
        self._holding = threading.Lock()
        self._may_be_held = sys.platform == "linux"
        self._held_at: float | None = None
        self._held = 0.0
        self._child, ways = _started(["engine", str(int(last)), str(size)], lanes, environment)
        # who asks holds it, so that nobody is left behind a way that is closed
        weakref.finalize(self, _end, self._child, ways)
        self._idle = LifoQueue[Connection]()
        for way in ways:
            self._idle.put(way)
        begun(self)
        limit = threading.Timer(LOAD_SECONDS, self.stop)
        limit.start()
        try:
            self._ask(ways[0], network)
        except NetworkError:
            _kill(self._child)
            if self._stopped:
                raise NetworkError(f"it took more than {LOAD_SECONDS:g} s to load") from None
            raise
        finally:
            limit.cancel()
            limit.join()

    def run(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As an `Engine` does; NetworkError also where the process has ended."""
        way = self._idle.get()
        try:
            logits, features = self._ask(way, inputs)
        finally:
            self._idle.put(way)
        return logits, features

    def go_last(self) -> None:
        """From now on it computes only where a core has nothing else to do; one that loads would never be there on some."""
        # by the lowest priority alone it may keep who wakes up beside it waiting for milliseconds; not all systems have more
        if hasattr(os, "SCHED_IDLE"):
            # its threads are there, and those to come do as they do
            with suppress(FileNotFoundError, ProcessLookupError):
                for thread in Path(f"/proc/{self._child.pid}/task").iterdir():
                    os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))

    def hold(self) -> None:
        """Let it compute nothing until `go_on`; those who wait for it wait."""
        with self._holding:
            if self._may_be_held and self._held_at is None:
                self._held_at = monotonic()
                self._child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it compute again."""
        with self._holding:
            if self._held_at is not None:
                self._held += monotonic() - self._held_at
                self._held_at = None
                self._child.send_signal(signal.SIGCONT)

    def let_hold(self, may: bool) -> None:
        """Whether it may be held from now on: not while somebody may wait for its answers."""
        self._may_be_held = may and sys.platform == "linux"
        if not may:
            self.go_on()

    def stop_within(self, seconds: float) -> None:
        """It is nobody's any more: end it, whatever it is doing, unless that is over by then and nobody holds it."""
        left = weakref.ref(self)

        def stop() -> None:
            if (one := left()) is not None:
                one.stop()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        with suppress(RuntimeError):  # without a thread it goes on until it is over
            timer.start()

    @property
    def held_seconds(self) -> float:
        """How long it was held, in all."""
        with self._holding:
            return self._held + (monotonic() - self._held_at if self._held_at is not None else 0.0)

    def stop(self) -> None:
        """End the process: every run that is under way and every later one raises NetworkError."""
        self._stopped = True
        _kill(self._child)

    def _ask(
        self, way: Connection, what: bytes | NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], ...]:
        try:
            way.send(what)
            most = 0 if isinstance(what, bytes) else len(OUTPUTS) * MOST_BYTES * len(what)
            # the other end keeps to it as well; here nothing larger is taken in, whatever that end does
            told: Told = pickle.loads(way.recv_bytes(_AROUND_BYTES + most))  # noqa: S301  # as any connection reads it
        except Exception as error:
            # whatever it was: the next answer on this way would not be to the next question
            _kill(self._child)
            how = "was stopped" if self._stopped else f"ended ({self._child.returncode})"
            raise NetworkError(f"the process of the network {how}") from error
        if isinstance(told, str):
            raise NetworkError(told)
        return told


class EngineProcesses:
    """Starts them, each with the same bounds, and ends those that are left."""

    def __init__(self, size: int, lanes: int, environment: Mapping[str, str]) -> None:
        self._bounds = (size, lanes, environment)
        self._started = weakref.WeakSet[EngineProcess]()

    def start(
        self,
        network: bytes,
        *,
        last: bool = True,
        begun: Callable[[EngineProcess], None] = lambda _: None,
    ) -> EngineProcess:
        """As `EngineProcess` does. Raises NetworkError and OSError."""

        def kept(one: EngineProcess) -> None:
            self._started.add(one)
            begun(one)

        return EngineProcess(network, *self._bounds, last=last, begun=kept)

    def stop(self) -> None:
        """End all that are left."""
        for one in list(self._started):
            one.stop()


def _started(
    words: Sequence[str], lanes: int, environment: Mapping[str, str]
) -> tuple["subprocess.Popen[bytes]", list[Connection]]:
    pairs = [Pipe() for _ in range(lanes)]
    theirs = [there.fileno() for _, there in pairs]
    try:
        words = [sys.executable, "-m", "classifier", *words, *map(str, theirs)]
        child = starter.start(words, theirs, environment)
    except OSError:
        for here, _ in pairs:
            here.close()
        raise
    finally:
        for _, there in pairs:
            there.close()
    return child, [here for here, _ in pairs]


def _kill(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait()


def _end(child: "subprocess.Popen[bytes]", ways: Sequence[Connection]) -> None:
    _kill(child)
    for way in ways:
        way.close()


def serve(descriptors: Sequence[int], size: int) -> None:
    """In the child: take the network, then answer on every way at once until the other end is gone."""
    ways = [Connection(one) for one in descriptors]
    network, engine = ways[0].recv(), Future[Engine]()
    for way in ways[1:]:
        threading.Thread(target=_answer, args=(way, engine), daemon=True).start()
    # the file of its network and stacks are there already
    bound_memory(size)
    try:
        engine.set_result(Engine(network))
    except NetworkError as error:
        ways[0].send(_sentence(error))
        return
    del network
    ways[0].send(())
    _answer(ways[0], engine)


def _answer(way: Connection, engine: "Future[Engine]") -> None:
    try:
        with suppress(EOFError, ConnectionError):
            while True:
                inputs = way.recv()
                way.send(_told(engine.result(), inputs))
    finally:
        # the other end is gone; or this one cannot go on, and who asks next would wait for ever
        os._exit(1)


def _told(engine: Engine, inputs: NDArray[np.float32]) -> Told:
    try:
        return engine.run(inputs)
    except NetworkError as error:
        return _sentence(error)


def _sentence(error: NetworkError) -> str:
    # names out of a network's file may stand in it
    return str(error)[:_SENTENCE]
