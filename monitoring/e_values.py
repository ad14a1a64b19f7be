"""Evidence that may be looked at after every label: e-values, all as natural logarithms of products of bets.

An e-value is what a gambler has made of 1 who bets against a hypothesis in fair games. Under the hypothesis the
chance that it ever reaches 1/alpha is at most alpha, whenever one looks (Ville 1939). All of them depend on counts
alone, so that they can be computed again from rows, bit for bit. Pure arithmetic: no rows, no clock.

Bets: Waudby-Smith and Ramdas 2024 (JRSS B 86:1-27); after full: Shin, Ramdas and Rinaldo 2024 (e-detectors).
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, inf, log, log1p

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Moment = tuple[int, int, int]
Moments = tuple[Moment, ...]

# the integral over (.55, .95) by Gauss and Legendre: exact up to 127 disagreements, and a fair bet with any number
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_LOSING = 0.75 + 0.2 * _NODES
_MIXED = _WEIGHTS / _WEIGHTS.sum()
_LOG_LOSS, _LOG_WIN = np.log(2 * _LOSING), np.log(2 * (1 - _LOSING))
# how much of the capital is put on each pair
STAKES = tuple(float(one) for one in np.geomspace(0.15, 0.9, 5))
_FACTORS = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


@lru_cache(maxsize=65536)
def harm(wins: int, losses: int) -> float:
    """Against "the candidate is not worse": of the pictures on which one alone was right it loses half at most.

    Its losing share is betted to lie anywhere between .55 and .95, evenly.
    """
    if not wins and not losses:
        return 0.0
    return _log_mean(losses * _LOG_LOSS + wins * _LOG_WIN)


def not_worse(moments: Moments, now: Moment, margin: float) -> float:
    """Against "the candidate is worse by `margin` or more": mean of (right candidate - right incumbent) <= -margin.

    The largest e-value that there was at `moments` or is `now`, each (wins, losses, ties). `margin` in (0, 1); with
    none left (0 or below) nothing can be concluded: -inf.
    """
    if margin <= 0:
        return -inf
    return max(capital(*now, margin), highest(moments, margin))


def capital(wins: int, losses: int, ties: int, margin: float) -> float:
    """What the bets on "not worse by `margin`" have become at one moment."""
    return _log_mean_of(
        [wins * win + losses * loss + ties * tie for win, loss, tie in _bets(margin)]
    )


def highest(moments: Moments, margin: float) -> float:
    """The largest capital at any of `moments`; -inf where there are none."""
    return max([capital(*one, margin) for one in moments], default=-inf)


@lru_cache(maxsize=65536)
def more_often(happened: int, times: int, allowed: float) -> float:
    """Against "it happens at most in the share `allowed` of all times" (in (0, 1)): mixed over larger shares."""
    not_so = times - happened
    return _log_mean_of([happened * did + not_so * did_not for did, did_not in _larger(allowed)])


def since_a_change(losses: Sequence[bool]) -> list[float]:
    """Path of the e-detector: M <- e (M + 1) for each picture on which one alone was right, True where it lost.

    Without a change the mean number of such pictures until M reaches R is at least R.
    """
    path: list[float] = []
    logs = np.full(len(_LOSING), -inf)
    for lost in losses:
        logs = np.logaddexp(logs, 0.0) + (_LOG_LOSS if lost else _LOG_WIN)
        path.append(_log_mean(logs))
    return path


@lru_cache(maxsize=4096)
def _bets(margin: float) -> tuple[tuple[float, float, float], ...]:
    return tuple(
        (log1p(one * (1 + margin)), log1p(one * (margin - 1)), log1p(one * margin))
        for one in STAKES
    )


@lru_cache(maxsize=64)
def _larger(allowed: float) -> tuple[tuple[float, float], ...]:
    shares = sorted({min(allowed * factor, (1 + allowed) / 2) for factor in _FACTORS})
    return tuple((log(share / allowed), log1p(-share) - log1p(-allowed)) for share in shares)


def _log_mean(logs: Floats) -> float:
    most = float(logs.max())
    return most + log(float(_MIXED @ np.exp(logs - most)))


def _log_mean_of(logs: list[float]) -> float:
    # a handful of numbers: faster than an array, and asked for after every picture
    most = max(logs)
    return most + log(sum([exp(one - most) for one in logs]) / len(logs))
