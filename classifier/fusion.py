"""From single scores to the look score, the feature score and the domain score: soft maxima of continuous tails.

Each single score becomes a tail, -log P(as strange or more). Tails are continuous, so that six deviations still
count more than three; fusing ranks would never flag. The soft maximum is the log of the mean of exp(tail), which is
minus the log of the harmonic mean of the p-values (Wilson 2019, PNAS 116): where one score stands out it is that
score, where several are a little strange it is more. Every score counts the same; no weight is learned from shifts.
Whatever is calibrated on these scores gets them cross-fitted: each by tails that have not seen the picture.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.look import PARTS
from classifier.tails import Tails, fit_tails

FOLDS = 10
# keeps the knots of the tails apart, and does no more
_APART = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fused:
    """Of n pictures: the `tails` of the single scores (n, J), those of the look first; look, feature and domain
    score, (n,) each."""

    tails: Floats
    look: Floats
    feature: Floats
    domain: Floats


def fuse(tails: Tails, singles: Floats) -> Fused:
    """Single scores (n, J): the `PARTS` of the look, then those of features and logits."""
    found = tails.score(singles)
    return Fused(
        found,
        softly_largest(found[:, :PARTS]),
        softly_largest(found[:, PARTS:]),
        softly_largest(found),
    )


def softly_largest(tails: Floats) -> Floats:
    """Of each row of (n, J): never above its largest, and never below it by more than log J."""
    soft: Floats = np.logaddexp.reduce(tails, axis=1) - math.log(tails.shape[1])
    return soft


def fit_fusion(singles: Floats) -> Tails:
    """On the single scores (n, J) of held-out pictures."""
    return fit_tails(singles, np.full(singles.shape[1], _APART))


def cross_fitted(singles: Floats, seed: int) -> Fused:
    """The scores of the same pictures, each by tails fitted on the others, as a new picture's are."""
    n = len(singles)
    folds = np.random.default_rng(seed).permutation(n) % min(FOLDS, n)
    found = Fused(np.empty_like(singles), np.empty(n), np.empty(n), np.empty(n))
    for fold in range(folds.max() + 1):
        inside = folds == fold
        others = inside if inside.all() else ~inside
        new = fuse(fit_fusion(singles[others]), singles[inside])
        for name, values in vars(found).items():
            values[inside] = getattr(new, name)
    return found
