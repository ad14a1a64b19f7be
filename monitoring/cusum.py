"""The online detector: a cumulative sum over flags, with the run length it is set to known exactly. Pure.

S <- max(0, S + 13 flag - (1 - flag)), alarm at S >= h, then from 0 again. A run of one flag in ten keeps S where it
is on average, so what flags more often than that climbs. S moves on whole numbers, so the pictures until an
alarm are those that a Markov chain with h states takes to leave, and h is found and not tuned.
Source: Page, Continuous inspection schemes, Biometrika 41 (1954); Brook and Evans, An approach to the probability
distribution of CUSUM run length, Biometrika 59 (1972).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from classifier.conformal import RATE, flagging_rank

UP = 13
NULL_RATE = RATE
# the run length is kept for this share of calibration sets: 93 % are asked for, and more costs delay in all of them
CERTAINTY = 0.935
# a million pictures a day in twenty streams for four years; far beyond, the chain's equations lose their digits
LONGEST = 3e10
# a shift that flags one picture in ten is the smallest that is worth waiting for
QUIET_RATE = 0.10


@dataclass(frozen=True)
class Cusum:
    """Where a stream stands: S, how many pictures were counted, and at which of them S was last 0."""

    s: int = 0
    seen: int = 0
    since: int = 0


@dataclass(frozen=True)
class Crossing:
    """An alarm at picture `index` (the first has 1), when S had risen to `s` from 0 at picture `since`."""

    index: int
    since: int
    s: int


def step(at: Cusum, flag: bool, h: int) -> tuple[Cusum, Crossing | None]:
    """One more picture."""
    s = max(0, at.s + (UP if flag else -1))
    seen = at.seen + 1
    after = Cusum(s, seen, seen if s == 0 else at.since)
    if s < h:
        return after, None
    return replace(after, s=0, since=seen), Crossing(seen, at.since, s)


def fold(at: Cusum, flags: Sequence[bool], h: int) -> tuple[Cusum, list[Crossing]]:
    """Many pictures in their order: where the stream stands then, and every alarm on the way."""
    crossings = []
    for flag in flags:
        at, crossing = step(at, flag, h)
        if crossing is not None:
            crossings.append(crossing)
    return at, crossings


@lru_cache(maxsize=4096)
def run_length(h: int, rate: float) -> float:
    """Mean pictures from S = 0 to the alarm when each is flagged with probability `rate`, exactly."""
    return float(np.linalg.solve(np.eye(h) - _moves(h, rate), np.ones(h))[0])


@lru_cache(maxsize=256)
def threshold(arl: float, rate: float = NULL_RATE) -> int:
    """The smallest h whose run length at `rate` is `arl` pictures or more; never falls as `arl` grows."""
    h = 1
    while run_length(h + UP, rate) < min(arl, LONGEST):
        h += UP
    while run_length(h, rate) < min(arl, LONGEST):
        h += 1
    return h


@lru_cache(maxsize=64)
def rate_bound(calibration: int, certainty: float = CERTAINTY) -> float:
    """What the rate of false flags stays below for `certainty` of all calibration sets of this size, exactly.

    Beyond the k-th largest of n scores lies Beta(k, n + 1 - k), and k is the classifier's. Never above 5 %; where
    nothing can be flagged it is 5 % for the form's sake.
    """
    rank = flagging_rank(calibration)
    if rank == 0:
        return NULL_RATE
    return min(float(beta.ppf(certainty, rank, calibration + 1 - rank)), NULL_RATE)


@lru_cache(maxsize=256)
def quiet_after(h: int, rate: float = QUIET_RATE, certainty: float = 0.95) -> int:
    """So many pictures without an alarm, from S = 0, would have been fewer in `certainty` of all shifts to `rate`."""
    moves, standing, pictures = _moves(h, rate).T, np.zeros(h), 0
    standing[0] = 1.0
    while standing.sum() > 1 - certainty:
        standing = moves @ standing
        pictures += 1
    return pictures


def _moves(h: int, rate: float) -> NDArray[np.float64]:
    """From each S below h to each; what a row lacks to 1 is the alarm."""
    moves, states = np.zeros((h, h)), np.arange(h)
    moves[states, np.maximum(states - 1, 0)] = 1 - rate
    below = states[: max(h - UP, 0)]
    moves[below, below + UP] += rate
    return moves
