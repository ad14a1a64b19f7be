"""How far the work is, for people: one line that moves in a terminal, some lines that stay in a log.

`Watch` is how every long step says where it is. Whoever watches may raise, and the work ends there.
"""

import shutil
import sys
from collections.abc import Callable
from typing import Protocol, TextIO

WIDTH = 24
# in a log, a line for each of these shares of a phase
STEP = 0.2


class Watch(Protocol):
    """Told often: the phase's name, how much of it is done (0 to 1), and a few words."""

    def __call__(self, phase: str, share: float, note: str, /) -> None: ...


def nobody(phase: str, share: float, note: str) -> None:
    """For work that nobody watches."""


class Bar:
    """Draws the progress on a stream; `clock` in seconds, from any start."""

    def __init__(self, clock: Callable[[], float], stream: TextIO | None = None) -> None:
        self._clock, self._stream = clock, stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._phase, self._started, self._drawn, self._said = "", 0.0, -1.0, 0.0
        self._length = 0

    def __call__(self, phase: str, share: float, note: str) -> None:
        """Draws at most ten times a second in a terminal, a few times for each phase in a log."""
        now = self._clock()
        if phase != self._phase:
            self.close()
            self._phase, self._started, self._said, self._drawn = phase, now, 0.0, -1.0
        if self._terminal:
            if now - self._drawn >= 0.1 or share >= 1:
                self._drawn = now
                self._draw(self._line(share, note, now - self._started))
        elif share >= self._said + STEP or share >= 1 > self._said:
            self._said = min(share, 1.0)
            print(self._line(share, note, now - self._started), file=self._stream, flush=True)

    def close(self) -> None:
        """Ends the moving line, so that what is printed next stands below it."""
        if self._terminal and self._length:
            self._stream.write("\n")
            self._stream.flush()
        self._length = 0

    def _draw(self, line: str) -> None:
        # a line that wraps could not be drawn over
        line = line[: shutil.get_terminal_size().columns - 1]
        self._stream.write("\r" + line.ljust(self._length))
        self._stream.flush()
        self._length = len(line)

    def _line(self, share: float, note: str, seconds: float) -> str:
        done = round(min(share, 1.0) * WIDTH)
        bar = "#" * done + "." * (WIDTH - done)
        return f"{self._phase:<10} {bar} {share:4.0%} {seconds:4.0f} s  {note}"
