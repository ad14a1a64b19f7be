"""How far out a number lies among numbers seen before, as a continuous score: an estimate of -log P(X >= x).

Between the quantiles that the fitted numbers support the score is interpolated, beyond them it goes on straight.
Being continuous it still tells six deviations from three where every rank is the same. It promises nothing about
false flags: that is the business of the conformal pass over it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVELS = np.array([0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995])
# numbers that must lie beyond a quantile before it is used
SUPPORT = 5


@dataclass(frozen=True, eq=False)
class Tails:
    """`knots` (J, L): the fitted quantiles of J columns, strictly rising; `heights` (L,): their -log tails."""

    knots: NDArray[np.float64]
    heights: NDArray[np.float64]

    def score(self, x: ArrayLike) -> NDArray[np.float64]:
        """Scores (..., J) of numbers (..., J); rising in each column, 0 at the least."""
        values = np.asarray(x, dtype=np.float64)
        last = len(self.heights) - 1
        place = (values[..., None] > self.knots).sum(axis=-1)
        beyond = place > last
        start = np.where(beyond, last, np.maximum(place - 1, 0))
        # the outermost quantiles are the least certain: the way on is judged from the third quarter
        low = np.where(beyond, 1, start)
        high = np.where(beyond, last, start + 1)
        columns = np.arange(len(self.knots))
        run = self.knots[columns, high] - self.knots[columns, low]
        slope = (self.heights[high] - self.heights[low]) / run
        risen = slope * (values - self.knots[columns, start])
        return np.maximum(self.heights[start] + risen, 0.0)


def fit_tails(values: ArrayLike, least_unit: ArrayLike) -> Tails:
    """Upper tails of the columns of `values` (m, J).

    `least_unit` (J,) is the smallest difference that may raise the score by one: a column that hardly varied
    (all training pictures of one size) must not make the first other picture infinitely strange.
    """
    x = np.asarray(values, dtype=np.float64)
    units = np.asarray(least_unit, dtype=np.float64)
    supported = len(x) * (1 - LEVELS) >= SUPPORT
    supported[:3] = True
    levels = LEVELS[supported]
    heights = -np.log(1 - levels)
    knots = np.quantile(x, levels, axis=0).T
    for place in range(1, len(heights)):
        least = knots[:, place - 1] + units * (heights[place] - heights[place - 1])
        knots[:, place] = np.maximum(knots[:, place], least)
    return Tails(knots, heights)
