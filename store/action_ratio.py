"""Whether what is decided has changed: each action's share in each segment, now against before.

An action is what a consumer can act on: a class that was answered, or an answer held for people. A cell (a segment
and an action) has changed when its share has at least doubled or halved and chance does not explain it: the exact
binomial test that is conditional on the cell's total, two-sided, at alpha divided by the number of cells. From
`STOPS_FROM` actions on that stops a rollout, below it is worth a look; and because it is looked at again and again, what
stops spends its level over the doublings of a cell. Pure: counts in, verdicts out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, lgamma, log, log1p, log2

# (segment, "" for none; action) -> how often
Counts = Mapping[tuple[str, str], int]

ALPHA = 0.05
FACTOR = 2.0
STOPS_FROM = 100


@dataclass(frozen=True)
class Cell:
    """How often an action was taken in a segment, of how many answers; `verdict` is stop, alert or none.

    `ratio` of the two shares is None where there were no answers before or now, `p_value` where nothing was tested.
    """

    segment: str
    action: str
    before: int
    before_all: int
    now: int
    now_all: int
    ratio: float | None
    p_value: float | None
    verdict: str | None


def compare(before: Counts, now: Counts, alpha: float = ALPHA) -> list[Cell]:
    """Every cell of either side, by segment and action."""
    keys = sorted({*before, *now})
    before_all, now_all = _totals(before), _totals(now)
    return [
        judged(key, before.get(key, 0), before_all.get(key[0], 0), now.get(key, 0), now_all.get(key[0], 0),
              alpha / max(1, len(keys)))
        for key in keys
    ]  # fmt: skip


def judged(
    key: tuple[str, str], before: int, before_all: int, now: int, now_all: int, alpha: float
) -> Cell:
    """One cell at its own level `alpha`: that of all, divided by how many there are."""
    told = (*key, before, before_all, now, now_all)
    if before_all == 0 or now_all == 0:
        return Cell(*told, None, None, None)
    # an action that was never taken before is more than doubled however rare it is
    ratio = (now / now_all) / (before / before_all) if before else float("inf")
    if 1 / FACTOR < ratio < FACTOR:
        return Cell(*told, ratio, None, None)
    p = p_value(now, before + now, now_all / (before_all + now_all))
    if p > alpha:
        return Cell(*told, ratio, p, None)
    return Cell(*told, ratio, p, "stop" if p <= alpha * _spent(before + now) else "alert")


def p_value(now: int, total: int, share: float) -> float:
    """Twice the smaller tail of the binomial distribution of `total` draws at `share`, at most 1."""
    if total == 0 or not 0 < share < 1:
        return 1.0
    return min(1.0, 2 * min(_tail(now, total, share, -1), _tail(now, total, share, 1)))


def _spent(actions: int) -> float:
    """The share of the level for a cell of so many actions: 1/2, 1/6, 1/12, ... from 100, 200, 400 on; the sum is 1."""
    if actions < STOPS_FROM:
        return 0.0
    doublings = int(log2(actions / STOPS_FROM))
    return 1 / ((doublings + 1) * (doublings + 2))


def _totals(counts: Counts) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (segment, _), count in counts.items():
        totals[segment] = totals.get(segment, 0) + count
    return totals


def _tail(count: int, total: int, share: float, step: int) -> float:
    """The probability of `count` or anything beyond it, downwards or upwards."""
    summed, k = 0.0, count
    while 0 <= k <= total:
        term = exp(
            lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1)
            + k * log(share) + (total - k) * log1p(-share)
        )  # fmt: skip
        summed += term
        past_the_mode = (k - total * share) * step > 1
        if past_the_mode and term < summed * 1e-15:
            break
        k += step
    return min(1.0, summed)
