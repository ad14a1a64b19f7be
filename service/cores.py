"""The machine's cores, shared out: one request at a time on each, those that answer before those that only watch.

Decoding and running a network take a whole core for milliseconds. More of them at once would not be faster, only
later and larger in memory. Who comes first is served first, and the queue has an end: as many as are served within a
moment, by what one has taken lately, and a few for each core in any case, so that a slow network waits longer but
never for more than a few of its own answers. A picture that a page shows stands back for all of them, and only for a
while: it refuses nobody, and nobody can keep it away.
"""

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

# what a core is lent for: several times what one answer takes
LEND_SECONDS = 0.25
# who only watches stays away for so long after a consumer was refused
REFUSED_SECONDS = 1.0
# so long a picture on a page stands back for consumers: then the next core is its own
SHOW_SECONDS = 0.2
# the share of the newest in what one has taken lately
LEARN = 0.05


class Busy(Exception):
    """There is no core to spare."""


class Bystander(Protocol):
    """What computes on nobody's core, and stands in the way of those who answer by that alone."""

    def hold(self) -> None:
        """Stand still."""

    def go_on(self) -> None:
        """Compute again."""


class Cores:
    """`number` cores and a queue before them, of `queue` or of what is served within `seconds`.

    A `Loan` takes a core only while nobody else needs it.
    """

    def __init__(self, number: int, queue: int = 0, seconds: float = 0.0) -> None:
        self._number, self._least, self._seconds = number, queue, seconds
        # consumers that have a core
        self._working = 0
        # let in, and on their way to a core: they wait as well
        self._coming = 0
        # seconds that one takes; before anything was measured the queue is not what refuses
        self._taken = 0.001
        # when a consumer was refused last, on the monotonic clock
        self._refused_at = -math.inf
        # a core that comes free is handed to the first of them and never to who comes by
        self._queue: deque[threading.Event] = deque()
        # pages' pictures that have a core, and when each of those that have none stops standing back
        self._showing = 0
        self._shown_next: deque[tuple[float, threading.Event]] = deque()
        self._lent: set[Loan] = set()
        # held while a consumer has a core, and whether one had when they were told last
        self._bystanders: list[Bystander] = []
        self._any_works = False
        self._changed = threading.Condition()

    @property
    def full(self) -> bool:
        """Whether `announce` would refuse a consumer now: for other consumers only, whatever is lent or shown."""
        taken = self._working + len(self._queue) + self._coming
        return taken >= self._number + self._most

    @property
    def pressed(self) -> bool:
        """Whether more consumers wait than there are cores, or half as many as may, or one was refused a moment ago: who
        only watches is in the way then.
        """
        many = len(self._queue) + self._coming > min(self._number, self._most / 2)
        return many or monotonic() - self._refused_at < REFUSED_SECONDS

    @property
    def _free(self) -> int:
        return self._number - self._working - self._showing - len(self._lent)

    @property
    def _most(self) -> float:
        return max(self._least, self._number * self._seconds / self._taken)

    def refused(self) -> None:
        """A consumer was refused: as here, or by who has found it `full`."""
        self._refused_at = monotonic()

    def announce(self) -> "Coming":
        """A place for somebody who will come to `work` in a moment. Raises Busy when there is none."""
        with self._changed:
            self._call_in()
            if self.full:
                self.refused()
                raise Busy
            self._coming += 1
        return Coming(self)

    @contextmanager
    def work(self, coming: "Coming | None" = None, *, patient: bool = False) -> Iterator[None]:
        """A core for something that somebody waits for. Raises Busy when the queue is full, unless `patient` or announced."""
        self._wait(self._take(coming, patient))
        began = monotonic()
        try:
            yield
        finally:
            with self._changed:
                self._taken += LEARN * (monotonic() - began - self._taken)
                self._working -= 1
                self._hand_on()

    @contextmanager
    def show(self) -> Iterator[None]:
        """A core for a page's picture: as soon as no consumer waits for one, or when it has stood back for SHOW_SECONDS."""
        self._wait(self._stand_back())
        try:
            yield
        finally:
            with self._changed:
                self._showing -= 1
                self._hand_on()

    def stand_by(self, one: Bystander) -> None:
        """From now on it stands still while any consumer has a core."""
        with self._changed:
            if one not in self._bystanders:
                self._bystanders.append(one)
                if self._any_works:
                    one.hold()

    def leave(self, one: Bystander) -> None:
        """It goes on, whoever has a core."""
        with self._changed:
            if one in self._bystanders:
                self._bystanders.remove(one)
                one.go_on()

    def _tell_bystanders(self) -> None:
        if self._any_works != (self._working > 0):
            self._any_works = self._working > 0
            for one in self._bystanders:
                if self._any_works:
                    one.hold()
                else:
                    one.go_on()

    def _stand_back(self) -> threading.Event | None:
        with self._changed:
            self._call_in()
            # a core that is free has no queue before it
            if self._free > 0:
                self._showing += 1
                return None
            turn = threading.Event()
            self._shown_next.append((monotonic() + SHOW_SECONDS, turn))
            return turn

    def _wait(self, turn: threading.Event | None) -> None:
        while turn is not None and not turn.wait(LEND_SECONDS):
            with self._changed:
                self._call_in()

    def _take(self, coming: "Coming | None", patient: bool) -> threading.Event | None:
        with self._changed:
            self._call_in()
            announced = coming is not None and coming.end()
            if self._free > 0:
                self._working += 1
                self._tell_bystanders()
                return None
            if self.full and not patient and not announced:
                self.refused()
                raise Busy
            turn = threading.Event()
            self._queue.append(turn)
            return turn

    def _call_in(self) -> None:
        """Cores that were lent for too long belong to those who answer again."""
        for loan in [one for one in self._lent if one.due <= monotonic()]:
            self._lent.discard(loan)
            self._hand_on()

    def _hand_on(self) -> None:
        """A core has come free."""
        shown = self._shown_next
        if self._queue and not (shown and shown[0][0] <= monotonic()):
            turn = self._queue.popleft()
            self._working += 1
            turn.set()
        elif shown:
            _, turn = shown.popleft()
            self._showing += 1
            turn.set()
        else:
            self._changed.notify()
        self._tell_bystanders()


class Coming:
    """Who was let in and has a place; to be ended by who let it in, wherever it got to."""

    def __init__(self, cores: Cores) -> None:
        self._cores, self._is_over = cores, False

    def end(self) -> bool:
        """It has come, or will not come any more; whether it had a place until now."""
        with self._cores._changed:
            if self._is_over:
                return False
            self._is_over = True
            self._cores._coming -= 1
            return True


class Loan:
    """A core for something that nobody waits for: only while one is free, and for `seconds` at most.

    Who has it longer goes on, but the core is given to the next who answers.
    """

    def __init__(self, cores: Cores, seconds: float = LEND_SECONDS) -> None:
        self._cores, self._seconds = cores, seconds
        self.due = 0.0

    def begin(self, seconds: float) -> None:
        """Raises Busy under load, or when no core was free in time."""
        cores, until = self._cores, monotonic() + seconds
        with cores._changed:
            # a core that is free has no queue before it
            while cores._free == 0:
                left = until - monotonic()
                if left <= 0 or cores.pressed:
                    raise Busy
                cores._changed.wait(left)
            self.due = monotonic() + self._seconds
            cores._lent.add(self)

    def end(self) -> None:
        """Give the core back, once."""
        cores = self._cores
        with cores._changed:
            if self in cores._lent:
                cores._lent.discard(self)
                cores._hand_on()
