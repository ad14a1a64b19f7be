"""How well scores tell shifted pictures from ordinary ones, and whether flags keep their promise."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from classifier.conformal import RATE, flagging_rank, p_value
from classifier.fusion import cross_fitted, fit_fusion, fuse

Floats = NDArray[np.float64]


def auroc(ordinary: Floats, shifted: Floats) -> float:
    """The chance that a shifted picture scores higher than an ordinary one; ties count half."""
    rising = np.sort(ordinary)
    below = np.searchsorted(rising, shifted, side="left")
    up_to = np.searchsorted(rising, shifted, side="right")
    return float((below + up_to).mean() / (2 * len(rising)))


def fpr95(ordinary: Floats, shifted: Floats) -> float:
    """The share of ordinary pictures that are flagged where 95 % of the shifted ones are."""
    return float((ordinary >= np.quantile(shifted, 0.05)).mean())


def allowance(best: float) -> float:
    """What a fusion that does not know the shift may lose to the best single score."""
    return 0.01 if best >= 0.99 else 0.03 if best >= 0.95 else 0.06


def flag_rates(singles: Floats, calibrate: int, splits: int, seed: int) -> Floats:
    """Single scores (n, J) of pictures that the network has not seen, split anew each time: `calibrate` of them
    calibrate the fusion, and the share of the others that it flags is one rate."""
    rates = []
    for split in range(splits):
        order = np.random.default_rng([seed, split]).permutation(len(singles))
        known, new = singles[order[:calibrate]], singles[order[calibrate:]]
        calibration = np.sort(cross_fitted(known, split).domain)
        p = p_value(calibration, fuse(fit_fusion(known), new).domain)
        rates.append(float((p <= flagging_rank(calibrate) / (calibrate + 1)).mean()))
    return np.array(rates)


def splits_over(n: int, splits: int, seed: int) -> float:
    """The share of simulated splits in which more than `RATE` of n new pictures are flagged by n others.

    Scores as they are in practice: heavy-tailed, skewed, correlated, and all of one distribution. With the exact
    true rate 8 to 12 % of such splits exceed, because n new pictures know a rate only so well.
    """
    over = 0.0
    for split in range(splits):
        rng = np.random.default_rng([seed, split])
        common = rng.standard_normal((2 * n, 1))
        singles = np.exp(0.4 * (common + rng.standard_t(4, (2 * n, 5))))
        over += float(flag_rates(singles, n, 1, split)[0] > RATE)
    return over / splits


def best(singles: Mapping[str, float]) -> tuple[str, float]:
    """The single score that separates best, and how well."""
    name = max(singles, key=singles.__getitem__)
    return name, singles[name]
