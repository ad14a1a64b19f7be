"""Bounds for counts in simulations."""

import math


def most_likely(trials: int, rate: float, sure: float = 0.9999) -> int:
    """The count that a binomial does not exceed with probability `sure`."""
    total, k = 0.0, -1
    while total < sure:
        k += 1
        ways = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        total += math.exp(ways + k * math.log(rate) + (trials - k) * math.log1p(-rate))
    return k
