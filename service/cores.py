"""The machine's cores, shared out: one request at a time on each, those that answer before those that only watch.

Decoding and running a network take a whole core for milliseconds. More of them at once would not be faster, only
later and larger in memory.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic


class Busy(Exception):
    """There is no core to spare."""


class Cores:
    """`number` cores. `work` waits for one; a `Loan` takes one only while nobody else needs it."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._free = number
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def work(self) -> Iterator[None]:
        """A core for something that a consumer waits for."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._free > 0)
            self._waiting -= 1
            self._free -= 1
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()


class Loan:
    """A core for something that nobody waits for.

    Whoever ends it first gives the core back: one that hangs is ended by who gave up on it, and keeps none.
    """

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._held = self._over = False

    def begin(self, seconds: float) -> None:
        """Raises Busy under load, when no core was free in time, or when the loan was ended meanwhile."""
        cores, until = self._cores, monotonic() + seconds
        with cores._changed:
            while not (cores._free > 0 and cores._waiting == 0):
                left = until - monotonic()
                if left <= 0 or cores._waiting > cores._number:
                    raise Busy
                cores._changed.wait(left)
            if self._over:
                raise Busy
            cores._free -= 1
            self._held = True

    def end(self) -> None:
        """Give the core back, once."""
        cores = self._cores
        with cores._changed:
            if self._held:
                cores._free += 1
                cores._changed.notify_all()
            self._held, self._over = False, True
