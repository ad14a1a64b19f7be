"""Where the parts of the page "Is it right?" stand: shares with their intervals on one axis, and days side by side.

Places are per cent of the width or height. An axis ends at 100 % and begins at a whole ten below everything on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor

from service.pages import words
from store.tables import Accuracy


@dataclass(frozen=True)
class Axis:
    """From `low` (a share) to 1."""

    low: float

    def place(self, share: float) -> float:
        """How far from the low end, in per cent of the axis; what lies below it stands at its end."""
        return min(max((share - self.low) / (1 - self.low), 0.0), 1.0) * 100

    def marks(self) -> list[tuple[float, str]]:
        """Low end, middle and 100 %, with their words."""
        middle = (1 + self.low) / 2
        return [(self.place(one), words.percent(one)) for one in (self.low, middle, 1.0)]


def axis(shares: Iterable[float | None]) -> Axis:
    """An axis on which all of these have room; unknown ones need none."""
    lowest = min((one for one in shares if one is not None), default=0.5)
    return Axis(min(max(floor(lowest * 10 - 0.2) / 10, 0.0), 0.9))


@dataclass(frozen=True)
class Drawn:
    """A share with its interval; `outer` the worst and best that the open ones allow, `target` where one is tested."""

    low: float
    high: float
    point: float
    outer: tuple[float, float] | None
    target: float | None
    sentence: str


def drawn(row: Accuracy, on: Axis) -> Drawn | None:
    """A slice on an axis; None where nothing is shown."""
    if row.estimate is None or row.low is None or row.high is None:
        return None
    limits, test = row.detail.get("bounds"), row.detail.get("test")
    return Drawn(
        on.place(row.low),
        on.place(row.high),
        on.place(row.estimate),
        (on.place(limits[0]), on.place(limits[1])) if limits else None,
        on.place(test["target"]) if test else None,
        f"{words.percent(row.estimate, 1)}, between {words.percent(row.low, 1)}"
        f" and {words.percent(row.high, 1)}",
    )


@dataclass(frozen=True)
class Day:
    """One day: x and width of its column, the interval, and the confidence sequence; None where there is none.

    Heights are counted from the top. `title` tells the day in words.
    """

    x: float
    width: float
    point: float | None
    low: float | None
    high: float | None
    band: tuple[float, float] | None
    title: str


@dataclass(frozen=True)
class Course:
    """Days side by side, oldest first, with the axis's marks from the top."""

    days: list[Day]
    marks: list[tuple[float, str]]
    sentence: str


# a sequence of fewer labels would fill the chart and say nothing
LEAST_IN_SEQUENCE = 30


def course(rows: Sequence[Accuracy]) -> Course | None:
    """The slice "all" of one version, a row a day, oldest first; None for nothing to draw."""
    shown = [one for one in rows if one.estimate is not None]
    if not shown:
        return None
    on = axis(one.low for one in shown)
    step = 100 / len(rows)
    days = [_day(row, on, place * step, step) for place, row in enumerate(rows)]
    marks = [(100 - place, text) for place, text in on.marks()]
    first, last = shown[0], shown[-1]
    sentence = (
        f"Accuracy over {words.some(len(rows), 'day')}: {words.percent(first.estimate, 1)} on"
        f" {first.ends_at:%Y-%m-%d}, {words.percent(last.estimate, 1)} on {last.ends_at:%Y-%m-%d}."
        " The table below has every day."
    )
    return Course(days, marks, sentence)


def _day(row: Accuracy, on: Axis, x: float, width: float) -> Day:
    sequence = row.detail.get("sequence")
    band = None
    if sequence and sequence["labels"] >= LEAST_IN_SEQUENCE:
        top, bottom = 100 - on.place(sequence["high"]), 100 - on.place(sequence["low"])
        band = (top, bottom - top)
    title = f"{row.ends_at:%Y-%m-%d}: "
    if row.estimate is None or row.low is None or row.high is None:
        return Day(x, width, None, None, None, band, title + "not known")
    title += f"{words.percent(row.estimate, 1)} ({words.percent(row.low, 1)} to {words.percent(row.high, 1)})"
    point, low, high = (100 - on.place(one) for one in (row.estimate, row.low, row.high))
    return Day(x, width, point, low, high, band, title)
