"""What two models' answers to the same pictures say about which one is better.

Pure arithmetic on right and wrong: no rows, no clock, no models. Only pictures on which the two differ tell them
apart, but all of them count for how large the difference is. Three verdicts, and too little evidence is never a win.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Literal

Verdict = Literal["better", "worse", "cannot_tell"]


@dataclass(frozen=True)
class Comparison:
    """A candidate against an incumbent. Accuracies and their `difference` are shares; without pictures they are None.

    `low` and `high` bound the difference (candidate minus incumbent). `wins`: only the candidate was right;
    `losses`: only the incumbent was.
    """

    pictures: int
    accuracy: float | None
    against_accuracy: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    wins: int
    losses: int


def compare(
    candidate_right: Sequence[bool], incumbent_right: Sequence[bool], alpha: float = 0.05
) -> Comparison:
    """Whether the candidate is better, at the two-sided level `alpha`; picture by picture in the same order.

    The pictures must be independent of each other (one of each group of duplicates) and unseen by both.
    """
    pairs = list(zip(candidate_right, incumbent_right, strict=True))
    if not pairs:
        return Comparison(0, None, None, None, None, None, "cannot_tell", 0, 0)
    wins = sum(1 for mine, theirs in pairs if mine and not theirs)
    losses = sum(1 for mine, theirs in pairs if theirs and not mine)
    low, high = paired_interval(wins, losses, len(pairs), alpha)
    return Comparison(
        pictures=len(pairs),
        accuracy=sum(map(bool, candidate_right)) / len(pairs),
        against_accuracy=sum(map(bool, incumbent_right)) / len(pairs),
        difference=(wins - losses) / len(pairs),
        low=low,
        high=high,
        verdict="better" if low > 0 else "worse" if high < 0 else "cannot_tell",
        wins=wins,
        losses=losses,
    )


def paired_interval(
    wins: int, losses: int, pictures: int, alpha: float = 0.05
) -> tuple[float, float]:
    """The score interval for the difference of two shares that were measured on the same pictures.

    Tango 1998, Statistics in Medicine 17:891-908: all differences that a score test does not reject. At zero that
    test is McNemar's.
    """
    if not 0 <= wins + losses <= pictures or min(wins, losses) < 0 or pictures == 0:
        raise ValueError(f"{wins} wins and {losses} losses among {pictures} pictures")
    z = _quantile(alpha)
    observed = (wins - losses) / pictures

    def statistic(difference: float) -> float:
        return _score(difference, wins, losses, pictures)

    return (
        _crossing(statistic, z, -1.0, observed),
        _crossing(statistic, -z, observed, 1.0),
    )


def wilson(right: int, pictures: int, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's score interval for a share (1927, JASA 22:209-212); (0, 1) when nothing was seen."""
    if pictures == 0:
        return 0.0, 1.0
    z = _quantile(alpha)
    share = right / pictures
    shrunk = 1 + z * z / pictures
    middle = (share + z * z / (2 * pictures)) / shrunk
    half = z / shrunk * sqrt(share * (1 - share) / pictures + z * z / (4 * pictures**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _quantile(alpha: float) -> float:
    return NormalDist().inv_cdf(1 - alpha / 2)


def _score(difference: float, wins: int, losses: int, pictures: int) -> float:
    """Tango's statistic: `lost` is the likeliest share of losses if the true difference were `difference`."""
    a = 2 * pictures
    b = (a - wins + losses) * difference - wins - losses
    c = -losses * difference * (1 - difference)
    lost = (sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = pictures * max(0.0, 2 * lost + difference * (1 - difference))
    distance = wins - losses - pictures * difference
    if variance == 0:
        return 0.0 if distance == 0 else float("inf") * distance
    return distance / sqrt(variance)


def _crossing(falling: Callable[[float], float], level: float, low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > level else (low, middle)
    return (low + high) / 2
