"""Conformal p-values, and the threshold that keeps its promise for one calibration set.

Marginal validity is an average over calibration sets; a deployment has only one. The rank used here keeps the
rate of false flags at or below `RATE` for `CERTAINTY` of all calibration sets of that size, whatever the scores.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

RATE = 0.05
CERTAINTY = 0.95


def p_value(sorted_scores: NDArray[np.float64], score: ArrayLike) -> NDArray[np.float64]:
    """(1 + #{calibration scores >= score}) / (n + 1), with the calibration scores in rising order."""
    n = len(sorted_scores)
    at_least = n - np.searchsorted(sorted_scores, score, side="left")
    return np.asarray((1 + at_least) / (n + 1))


@lru_cache(maxsize=64)
def flagging_rank(n: int, rate: float = RATE, certainty: float = CERTAINTY) -> int:
    """The largest k for which flagging beyond the k-th largest of n scores is safe; 0 where none is.

    With continuous scores the true rate of that threshold is Beta(k, n + 1 - k), and
    P(Beta(k, n + 1 - k) <= rate) = P(Binomial(n, rate) >= k) has to be at least `certainty`.
    """
    below, k = 0.0, 0
    while k < n:
        below += _binomial(n, k, rate)
        if below > 1 - certainty:
            return k
        k += 1
    return k


def _binomial(n: int, k: int, rate: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(rate) + (n - k) * math.log1p(-rate))
