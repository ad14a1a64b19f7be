"""Where the parts of a chart stand. Templates draw them as SVG; the same numbers stand beside it in words.

Places are per cent of the width or height, so that a chart fits any screen and its text is never stretched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from service.pages import words
from store.tables import Backtest


@dataclass(frozen=True)
class Bar:
    """One bar from the ground up."""

    x: float
    width: float
    y: float
    height: float
    title: str


def bars(values: Sequence[int], titles: Sequence[str]) -> list[Bar]:
    """Bars side by side, the largest value as high as the chart; a value above zero is never invisible."""
    step = 100 / max(len(values), 1)
    most = max(values, default=0) or 1
    drawn = []
    for place, (value, title) in enumerate(zip(values, titles, strict=True)):
        height = max(value / most * 100, 2.0) if value else 0.0
        drawn.append(Bar(place * step + step * 0.1, step * 0.8, 100 - height, height, title))
    return drawn


@dataclass(frozen=True)
class Interval:
    """An estimated difference with its interval on an axis whose middle is no difference."""

    low: float
    high: float
    point: float
    end: str
    sentence: str


def interval(difference: float, low: float, high: float) -> Interval:
    """Differences of shares (0.03 is three percentage points); the axis ends at the next whole five points."""
    reach = max(ceil(max(abs(low), abs(high)) * 20) / 20, 0.05)

    def place(value: float) -> float:
        return 50 + value / reach * 50

    sentence = (
        f"{words.points(difference)} percentage points,"
        f" between {words.points(low)} and {words.points(high)} with 95 % confidence"
    )
    return Interval(place(low), place(high), place(difference), f"{reach * 100:.0f}", sentence)


@dataclass(frozen=True)
class Share:
    """A class with its probability: how wide its bar is, and the number."""

    name: str
    width: float
    text: str


def shares(probabilities: dict[str, float]) -> list[Share]:
    """The classes by probability, the likeliest first."""
    ranked = sorted(probabilities.items(), key=lambda one: (-one[1], one[0]))
    return [Share(name, value * 100, words.percent(value, 1)) for name, value in ranked]


def of_backtest(backtest: Backtest | None) -> Interval | None:
    """The interval of a backtest; None where there was nothing to compare."""
    if backtest is None or backtest.difference is None:
        return None
    if backtest.low is None or backtest.high is None:
        return None
    return interval(backtest.difference, backtest.low, backtest.high)
