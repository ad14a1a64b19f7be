"""The processes that decode and ask networks, one for each core: start, ask, replace.

Each does one thing at a time, and is asked by one thread at a time. One that dies or does not come back is replaced by a
new one, with the same networks loaded. What one died of, or did not come back from, is asked once more without the network:
whatever the second one dies of is the picture, and the network is blamed only when it was asked: each says when it has
decoded, and has its time for either. One that somebody else has ended (an operator, a system without memory), or
that never got as far as to be asked, says nothing about either: its picture is asked about once more as it was, and then
its consumer is told to come again.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import structlog

from classifier.core import Refused, Seen, Shrunk, Task, Told
from classifier.pictures import DAMAGED, BadPicture, Limits
from service.core_process import CoreProcess, Died, Killed
from store.errors import Unavailable

_log = structlog.get_logger()

WATCH_SECONDS = 0.5


class CoreProcesses:
    """`number` of them; who asks has one of as many cores, so that none waits for long."""

    def __init__(self, number: int) -> None:
        self._all = tuple(CoreProcess() for _ in range(number))
        self._idle = deque(self._all)
        # those that somebody waits for, and no other
        self._awaited: list[CoreProcess] = []
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
            except Died as died:
                raise Unavailable(f"The network was not ready: {died}.", "no_core") from died
            if isinstance(told, Refused):
                raise Unavailable(f"The network was not ready: {told.sentence}", "no_core")

    def see(self, data: bytes, limits: Limits, bundle: Path | None, *, pixels: bool) -> Seen:
        """Raises BadPicture, also where decoding ends one process after the other, and Unavailable."""
        task = Task(data, limits, str(bundle) if bundle else None, pixels)
        try:
            return self._see(task)
        except Died as died:
            # of decoding it says nothing about the network, also where that goes well the next time
            failed = str(died) if died.asked else None
        try:
            seen = self._see(replace(task, bundle=None, pixels=True))
        except Died:
            raise BadPicture("broken", DAMAGED) from None
        return replace(seen, failed=failed)

    def shrink(self, data: bytes, limits: Limits, side: int) -> Shrunk:
        """Raises BadPicture, also where decoding ends the process, and Unavailable."""
        try:
            told = self._ask(Task(data, limits, None, pixels=False, side=side))
        except Died:
            raise BadPicture("broken", DAMAGED) from None
        if isinstance(told, Shrunk):
            return told
        raise _not_seen(told)

    def _see(self, task: Task) -> Seen:
        told = self._ask(task)
        if isinstance(told, Seen):
            told.picture.pixels.flags.writeable = False
            return told
        raise _not_seen(told)

    def _ask(self, task: Task, wanted: CoreProcess | None = None) -> Told:
        """Raises Died and Unavailable."""
        with suppress(Killed):
            return self._once(task, wanted)
        try:
            return self._once(task, wanted)
        except Killed as killed:
            # perhaps for the memory that it takes: not for ever
            raise Unavailable(
                "The processes for pictures were ended: send this again in a moment.", "no_core"
            ) from killed

    def _once(self, task: Task, wanted: CoreProcess | None) -> Told:
        with self._taken(wanted) as process:
            return process.ask(task)

    def _hurry(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            for one in self._all:
                one.hurry()
                self._renew(one)

    def _renew(self, process: CoreProcess) -> None:
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
    def _taken(self, wanted: CoreProcess | None = None) -> Iterator[CoreProcess]:
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

    def _give_back(self, process: CoreProcess) -> None:
        with self._came_back:
            self._idle.append(process)
            self._came_back.notify_all()

    def _take(self, wanted: CoreProcess | None) -> CoreProcess:
        with self._came_back:
            process = self._any() if wanted is None else self._certain(wanted)
            self._idle.remove(process)
            return process

    def _any(self) -> CoreProcess:
        while True:
            for process in reversed(self._idle):
                # who waits for this one would otherwise wait for as long as pictures come
                if process not in self._awaited:
                    return process
            self._came_back.wait()

    def _certain(self, wanted: CoreProcess) -> CoreProcess:
        self._awaited.append(wanted)
        try:
            while wanted not in self._idle:
                self._came_back.wait()
        finally:
            self._awaited.remove(wanted)
        return wanted


def _not_seen(told: Told) -> BadPicture | Unavailable:
    """Why, where it was not what had been asked for."""
    refused = told if isinstance(told, Refused) else None
    if refused is not None and refused.reason is not None:
        return BadPicture(refused.reason, refused.sentence)
    _log.error("picture_not_seen", why=refused.sentence if refused else "nothing was told")
    return Unavailable("The picture could not be looked at: send it again.", "not_seen")


def _not_started(error: OSError) -> Unavailable:
    return Unavailable(f"A process for pictures cannot be started: {error.strerror}.", "no_core")
