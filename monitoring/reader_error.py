"""How often a reader errs, from pictures that two people read blind and that were drawn at random for it.

A reader errs with the share e, towards each other class alike: two agree with (1 - e)^2 + e^2/(K - 1). What is
used is the upper end of a confidence sequence, so that it holds whenever one looks: a margin that is narrowed by it
is not too wide unless that bound fails. Pure arithmetic.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import inf, lgamma, log, sqrt

# a beta distribution with its weight on small shares: where readers usually are
_DIFFER, _AGREE = 1.2, 8.0


@dataclass(frozen=True)
class Doubles:
    """`read` pictures were read by two people; about `differing` of them they did not say the same."""

    read: int = 0
    differing: int = 0


@lru_cache(maxsize=4096)
def at_most(doubles: Doubles, classes: int, alpha: float) -> float:
    """The upper bound of a reader's error, at the level `alpha`; (K - 1)/K where nothing is known.

    Raises ValueError for fewer than two classes.
    """
    if classes < 2:
        raise ValueError("there is nothing to err about")
    guessing = (classes - 1) / classes
    differ = _share_at_most(doubles.differing, doubles.read, alpha)
    # (1 - e)^2 + e^2/(K - 1) = 1 - differ, its smaller root
    square, agree = classes / (classes - 1), 1 - differ
    under = 1 - square * (1 - agree)
    return guessing if under <= 0 else min(guessing, (1 - sqrt(under)) / square)


def kept_of_a_difference(error: float, classes: int) -> float:
    """The share of a true difference that readers with this error still see: 1 - e K/(K - 1), at least 0."""
    return max(0.0, 1 - error * classes / (classes - 1))


def _share_at_most(happened: int, times: int, alpha: float) -> float:
    """The upper end of the beta-binomial confidence sequence for a share (Robbins 1970)."""
    mixed = _log_beta(_DIFFER + happened, _AGREE + times - happened) - _log_beta(_DIFFER, _AGREE)
    low, high = (happened / times if times else 0.0), 1.0
    for _ in range(60):
        middle = (low + high) / 2
        likely = _times_log(happened, middle) + _times_log(times - happened, 1 - middle)
        low, high = (middle, high) if mixed - likely < log(1 / alpha) else (low, middle)
    return high


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _times_log(times: int, share: float) -> float:
    if not times:
        return 0.0
    return times * log(share) if share > 0 else -inf
