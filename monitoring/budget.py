"""Which verdicts of drift are worth waking somebody up for: an error a day is spent over all windows. Pure.

A window errs in 5 % of cases, and a day has many: with 20 segments an hour that would be a page an hour. So the day's
budget of false pages is shared by all windows of a day, and one window may spend its share only. What 999 shuffles
can say (p >= 0.001) is often not enough for that, so windows of one stream that are drift one after another are taken
together: under no drift the product of r independent p-values has the tail of a gamma distribution (Fisher 1932), and
a run of r is given 2^-r of the share, so that however long a run gets, the shares of all of them add up to one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import gamma

LONGEST_RUN = 24


@dataclass(frozen=True)
class Spent:
    """What a verdict had at hand: `p_value` of the run's windows together, and the `share` it is compared with."""

    run: int
    p_value: float
    share: float

    @property
    def pages(self) -> bool:
        """Whether this one is worth waking somebody up for."""
        return self.run > 0 and self.p_value <= self.share

    def as_json(self) -> dict[str, Any]:
        """What is kept of it."""
        return {**vars(self), "pages": self.pages}


def window_p(values: Mapping[str, Any]) -> float:
    """One p-value of a window: Bonferroni over its families, weighted by what each may err of the whole."""
    tests = [one for one in values.values() if isinstance(one, Mapping)]
    families = {one["family"]: float(one["threshold"]) for one in tests}
    whole = sum(families.values())
    return min([1.0, *(float(one["p_value"]) * whole / float(one["threshold"]) for one in tests)])


def spend(run: Sequence[float], windows_a_day: int, pages_a_day: float) -> Spent:
    """What the newest window of a run may do; `run`: `window_p` of windows of one stream that are drift one after
    another, the newest first (empty: it is not drift). `windows_a_day`: verdicts of the last day, this one included.
    """
    if not run:
        return Spent(0, 1.0, 0.0)
    some = run[:LONGEST_RUN]
    together = float(gamma.sf(-sum(math.log(max(p, 1e-300)) for p in some), len(some)))
    share = pages_a_day / max(windows_a_day, 1) / 2 ** len(some)
    return Spent(len(some), together, share)
