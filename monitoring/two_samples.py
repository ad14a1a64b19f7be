"""Do two samples come from one distribution? Permutation tests: exact at any size, with ties, without a model.

The same shuffles serve every test of a window, so that what belongs together in a row stays together, and the largest
statistic of a family is compared with the largest (Westfall and Young 1993, step-down): the family's error holds
whatever the dependence between its columns. p = (1 + k) / (1 + B): never 0. Pure arithmetic on arrays.

Every statistic is counted in whole numbers and rounded only once, so that neither the processor nor the number of its
threads can change a verdict that is computed again.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# whole numbers of this grid stand for cosines, so that sums of up to `MOST_ROWS` of them are exact in float32
_GRID = 1024
MOST_ROWS = 2**24 // _GRID


@dataclass(frozen=True, eq=False)
class Shuffles:
    """`places` (B + 1, window): which of the `rows` pooled rows are called the window's; the first row is the truth."""

    places: NDArray[np.int32]
    rows: int

    @property
    def window(self) -> int:
        """How many rows are called the window's."""
        return int(self.places.shape[1])

    @property
    def reference(self) -> int:
        """How many rows are not."""
        return self.rows - self.window

    @cached_property
    def called(self) -> NDArray[np.float32]:
        """(B + 1, rows): 1 where a row is called the window's; all shuffles become one matrix product."""
        ones = np.zeros((len(self.places), self.rows), dtype=np.float32)
        np.put_along_axis(ones, self.places.astype(np.int64), 1.0, axis=1)
        return ones


def shuffles(window: int, reference: int, count: int, seed: int) -> Shuffles:
    """`count` random choices of `window` rows out of all, after the true one (the first `window` rows)."""
    rng, rows = np.random.default_rng(seed), window + reference
    # the first steps of Fisher and Yates, of all shuffles at once: what lies beyond the window is never looked at
    cards = np.repeat(np.arange(rows, dtype=np.int32)[:, None], count, axis=1)
    hands = np.arange(count)
    for place in range(window):
        drawn = rng.integers(place, rows, size=count)
        taken = cards[drawn, hands]
        cards[drawn, hands] = cards[place]
        cards[place] = taken
    truth = np.arange(window, dtype=np.int32)[None]
    return Shuffles(np.concatenate([truth, cards[:window].T]), rows)


def distances(pooled: Floats, drawn: Shuffles) -> Floats:
    """Kolmogorov-Smirnov distances (B + 1,) of one pooled column (N,), the window's rows first."""
    ordered = np.sort(pooled)
    # how many of all are not above a row's value; equal values are one step
    up_to = np.searchsorted(ordered, pooled, side="right").astype(np.uint16)
    ranks = np.sort(up_to[drawn.places], axis=1)
    # whole numbers, so that equal distances are equal
    seen = np.arange(1, drawn.window + 1, dtype=np.int32) * np.int32(drawn.rows)
    above = seen - np.int32(drawn.window) * ranks
    # a distance is largest at one of the window's values, or just before one
    before = above
    if len(np.unique(ordered)) < len(ordered):
        steps = np.zeros(drawn.rows + 1, dtype=np.int32)
        steps[up_to] = up_to - np.searchsorted(ordered, pooled, side="left")
        before = above + np.int32(drawn.window) * (steps[ranks] - 1)
    under = drawn.reference - before.min(axis=1)
    return np.asarray(np.maximum(above.max(axis=1), under) / (drawn.window * drawn.reference))


def step_down(statistics: Floats) -> Floats:
    """Adjusted p-values (M,) of a family of M columns from their statistics (B + 1, M), the first row observed."""
    order = np.argsort(-statistics[0], kind="stable")
    # in each row the largest of a column and of all that were less extreme than it
    largest = np.maximum.accumulate(statistics[:, order[::-1]], axis=1)[:, ::-1]
    p = np.maximum.accumulate((largest >= largest[0]).mean(axis=0))
    adjusted = np.empty_like(p)
    adjusted[order] = p
    return adjusted


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Of each shuffle: chi-square, and half the sum of the absolute differences of shares (total variation)."""

    chi_square: Floats
    variation: Floats


def class_counts(pooled: NDArray[np.int64], drawn: Shuffles) -> ClassCounts:
    """Both distances of class numbers (N,), the window's rows first, under each shuffle."""
    members = (pooled[:, None] == np.unique(pooled)[None]).astype(np.float32)
    found = (drawn.called @ members).astype(np.float64)
    share = drawn.window / drawn.rows
    apart = found - share * members.sum(axis=0, dtype=np.float64)
    # chi-square of the table of both samples; rounded, so that the same counts in another order weigh the same
    expected = share * (1 - share) * members.sum(axis=0, dtype=np.float64)
    squares = np.round((apart**2 / expected).sum(axis=1), 9)
    variation = np.abs(apart).sum(axis=1) / 2 / (drawn.window * (1 - share))
    return ClassCounts(squares, np.round(variation, 12))


def mean_discrepancies(pooled: Floats, drawn: Shuffles, functions: int, seed: int) -> Floats:
    """Maximum mean discrepancies (B + 1,) of pooled rows (N, D), the window's first; 0 to 2.

    The Gaussian kernel is approximated by `functions` random Fourier functions (Rahimi and Recht 2007); its bandwidth
    is the median distance in the reference. The discrepancy is the distance between the two means of the functions
    (Gretton et al. 2012), and the means under all shuffles are one matrix product. Raises ValueError on more rows
    than the product is exact for (`MOST_ROWS`).
    """
    if drawn.rows > MOST_ROWS:
        raise ValueError(f"{drawn.rows} rows; at most {MOST_ROWS} are counted exactly")
    rng = np.random.default_rng([seed, 1])
    waves = rng.normal(size=(pooled.shape[1], functions)) / _bandwidth(pooled[drawn.window :])
    phases = rng.uniform(0, 2 * np.pi, functions)
    steps = np.rint(np.cos(pooled @ waves + phases) * _GRID).astype(np.float32)
    sums = (drawn.called @ steps).astype(np.float64)
    apart = sums * drawn.rows - drawn.window * steps.sum(axis=0, dtype=np.float64)
    squares = (apart**2).sum(axis=1) * (2 / functions) / _GRID**2
    return np.asarray(np.round(np.sqrt(squares) / (drawn.window * drawn.reference), 12))


def _bandwidth(rows: Floats) -> float:
    some = rows[:500]
    lengths = (some**2).sum(axis=1)
    squares = lengths[:, None] + lengths[None] - 2 * some @ some.T
    median = float(np.median(squares[np.triu_indices(len(some), 1)]))
    # what never varies has no scale, and then any will do
    return float(np.round(np.sqrt(median), 6)) if median > 1e-12 else 1.0
