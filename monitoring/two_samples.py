"""Do two samples come from one distribution? Permutation tests: exact at any size, with ties, without a model.

The same shuffles serve every column, so that what belongs together in a row stays together, and the largest
statistic of a family is compared with the largest (Westfall and Young 1993, step-down): the family's error holds
whatever the dependence between its columns. p = (1 + k) / (1 + B): never 0. Pure arithmetic on arrays.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom

Floats = NDArray[np.float64]
Shuffles = NDArray[np.bool_]


def shuffles(window: int, reference: int, count: int, seed: int) -> Shuffles:
    """(count + 1, window + reference): which pooled rows are called the window's; the first row is the truth."""
    truth = np.zeros(window + reference, dtype=np.bool_)
    truth[:window] = True
    drawn = np.random.default_rng(seed).permuted(np.tile(truth, (count, 1)), axis=1)
    return np.vstack([truth, drawn])


def distances(pooled: Floats, called: Shuffles) -> Floats:
    """Kolmogorov-Smirnov distances (count + 1,) of one pooled column (N,) under each row of `called` (count + 1, N)."""
    window = int(called[0].sum())
    reference = len(pooled) - window
    order = np.argsort(pooled, kind="stable")
    # equal values are one step: the distance is taken where a run of them ends
    ends = np.flatnonzero(np.append(np.diff(pooled[order]) > 0, True))
    # whole numbers, so that equal distances are equal
    steps = np.where(called[:, order], np.int32(reference), np.int32(-window))
    heights = np.cumsum(steps, axis=1, dtype=np.int32)[:, ends]
    return np.asarray(np.abs(heights).max(axis=1) / (window * reference))


def step_down(statistics: Floats) -> Floats:
    """Adjusted p-values (M,) of a family of M columns from their statistics (count + 1, M), the first row observed."""
    order = np.argsort(-statistics[0], kind="stable")
    # in each row the largest of a column and of all that were less extreme than it
    largest = np.maximum.accumulate(statistics[:, order[::-1]], axis=1)[:, ::-1]
    p = np.maximum.accumulate((largest >= largest[0]).mean(axis=0))
    adjusted = np.empty_like(p)
    adjusted[order] = p
    return adjusted


def class_distances(pooled: NDArray[np.int64], called: Shuffles) -> Floats:
    """Chi-square statistics (count + 1,) of class numbers (N,) under each row of `called`."""
    window = int(called[0].sum())
    members = (pooled[:, None] == np.unique(pooled)[None]).astype(np.float32)
    found = called.astype(np.float32) @ members
    expected = window * members.mean(axis=0, dtype=np.float64)
    squares = ((found - expected) ** 2 / expected).sum(axis=1) * len(pooled)
    # rounded, so that the same counts in another order of classes weigh the same
    return np.asarray(np.round(squares / (len(pooled) - window), 9))


def excess(flagged: int, window: int, rank: int, calibration: int) -> float:
    """The chance that so many of a window's pictures, or more, lie beyond the `rank`-th largest of the calibration.

    Under exchangeability that count is beta-binomial: the calibration is a sample too, and its own error is in it.
    """
    return float(betabinom.sf(flagged - 1, window, rank, calibration + 1 - rank))
