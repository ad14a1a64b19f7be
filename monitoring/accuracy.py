"""How right answers are, from a random sample of them that people checked: estimators for one fixed stretch.

Pure arithmetic on arrays: no rows, no clock. Order: weights from the rates at which the sample was drawn; in each
stratum the difference estimator with Wilson's interval at its effective size; strata together by MOVER. What is
estimated is the share right among the answers of the stretch itself, so a stratum that was checked completely has no
error left. Never to be used for looking day after day: that is `monitoring.accuracy_sequences`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_EFFECTIVE = 30.0  # with fewer labels than these nothing is shown
LEAST_OF_EACH = 5  # right and wrong ones, before a slope is fitted to them
FOLDS = 5
MOST_SLOPE = 2.0  # a confidence that is worth something has slope 1; steeper ones are chance in a small sample
MOST_GAIN = (
    4.0  # labels never count for more than this many of them: what seems to explain more is chance
)


@dataclass(frozen=True)
class Stratum:
    """Answers, and those among them that were drawn and checked (n rows each).

    `answers`: how many there are, N; `mean_confidence`: over all N. `right`: 1, 0, or the expected value where it is
    `unsure`; `usable`: false for pictures that are no use and left out of the share; `rate`: with which each was
    drawn, in (0, 1]. `missing`: the rates of those that were drawn and that nobody has answered.
    """

    answers: int
    mean_confidence: float
    right: Floats
    usable: Flags
    unsure: Flags
    confidence: Floats
    rate: Floats
    missing: Floats

    @property
    def weights(self) -> Floats:
        """How many answers each checked one stands for: inverse rates, scaled to sum to N, never below 1."""
        inverse = 1 / self.rate
        scaled: Floats = np.maximum(inverse * (self.answers / inverse.sum()), 1.0)
        return scaled


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval. `labels`: usable ones; `effective`: as many equally weighted ones say the same."""

    share: float
    low: float
    high: float
    labels: int
    effective: float


@dataclass(frozen=True)
class _Part:
    """One stratum's share; `size`: usable answers; `precision`: labels that give the interval, inf in a census."""

    share: float
    size: float
    labels: int
    effective: float
    precision: float


def estimate(
    strata: Sequence[Stratum], alpha: float = 0.05, *, control: bool = True
) -> Estimate | None:
    """The share right over all strata; None when nothing usable was checked.

    `control`: use the model's confidence as a control variate (difference estimator with a cross-fitted slope,
    Angelopoulos et al. 2023, Science 382:669). It narrows the interval where confidence tells right from wrong, and
    corrects for answers that are missing because of it; a wrong confidence costs nothing but that.
    """
    parts = [part for part in (_part(one, control) for one in strata) if part is not None]
    if not parts:
        return None
    total = sum(part.size for part in parts)
    weights = [part.size / total for part in parts]
    bounds = [wilson(part.share, part.precision, alpha) for part in parts]
    share = sum(weight * part.share for weight, part in zip(weights, parts, strict=True))
    low, high = mover(weights, [part.share for part in parts], bounds)
    spread = sum(weight**2 / part.effective for weight, part in zip(weights, parts, strict=True))
    return Estimate(share, low, high, sum(part.labels for part in parts), 1 / spread)


def bounds(strata: Sequence[Stratum], alpha: float = 0.05) -> tuple[float, float]:
    """The lower limit if all that is missing or unsure were wrong, and the upper one if all were right.

    They hold whatever kept people from answering. (0, 1) when nothing was drawn.
    """
    worst = estimate([_filled(one, 0.0) for one in strata], alpha, control=False)
    best = estimate([_filled(one, 1.0) for one in strata], alpha, control=False)
    return (worst.low, best.high) if worst is not None and best is not None else (0.0, 1.0)


def hajek(right: Floats, weights: Floats, alpha: float = 0.05) -> Estimate | None:
    """A share among checked answers whose number is only known from the sample itself: one class, say.

    The weighted mean, with Wilson's interval at Kish's effective size (1965, Survey Sampling, 11.7).
    """
    if not len(right):
        return None
    share = float((weights * right).sum() / weights.sum())
    low, high = wilson(share, _precision(weights), alpha)
    return Estimate(share, low, high, len(right), _kish(weights))


def wilson(share: float, labels: float, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's score interval (1927, JASA 22:209) at a size that need not be whole; inf labels leave no error."""
    if labels == inf:
        return share, share
    if labels <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(1 - alpha / 2)
    shrunk = 1 + z * z / labels
    middle = (share + z * z / (2 * labels)) / shrunk
    half = z / shrunk * sqrt(share * (1 - share) / labels + z * z / (4 * labels**2))
    return min(max(0.0, middle - half), share), max(min(1.0, middle + half), share)


def mover(
    weights: Sequence[float], shares: Sequence[float], limits: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """The interval of a weighted sum of independent shares from their own (Zou and Donner 2008, Stat. Med. 27:1693)."""
    together = sum(weight * share for weight, share in zip(weights, shares, strict=True))
    rows = list(zip(weights, shares, limits, strict=True))
    below = sqrt(sum((weight * (share - low)) ** 2 for weight, share, (low, _) in rows))
    above = sqrt(sum((weight * (high - share)) ** 2 for weight, share, (_, high) in rows))
    return max(0.0, together - below), min(1.0, together + above)


def merged(strata: Sequence[Stratum], least: int = 30) -> list[Stratum]:
    """Strata that have `least` checked answers each: one with fewer goes together with its neighbour in the order given."""
    done: list[Stratum] = []
    for one in strata:
        if done and (len(done[-1].right) < least or len(one.right) < least):
            done[-1] = _together(done[-1], one)
        else:
            done.append(one)
    return done


def _part(stratum: Stratum, control: bool) -> _Part | None:
    usable = stratum.usable
    if not usable.any():
        return None
    weights = stratum.weights
    total, mine = float(weights.sum()), weights[usable]
    use = float(mine.sum() / total)
    share = float((mine * stratum.right[usable]).sum() / mine.sum())
    labels, effective, gain = int(usable.sum()), _kish(mine), 1.0
    if control and _both(stratum):
        # every checked answer's part in the error of the share, before and after the control variate
        centred = stratum.confidence - stratum.mean_confidence
        parts = np.where(usable, stratum.right - share, 0.0) / use
        explained = _cross_fitted(parts, centred, weights) * centred
        share = share - float((weights * explained).sum() / total)
        share = min(max(share, 0.5 / labels), 1 - 0.5 / labels)
        parts = np.where(usable, stratum.right - share, 0.0) / use - explained
        error = float(((weights * _lifted(centred, weights) * parts) ** 2).sum()) / total**2
        gain = share * (1 - share) / max(error, 1e-12) / effective
        gain = min(max(gain, 1 / MOST_GAIN), MOST_GAIN)
    return _Part(share, stratum.answers * use, labels, effective * gain, _precision(mine) * gain)


def _both(stratum: Stratum) -> bool:
    right = stratum.right[stratum.usable]
    wrong = float((1 - right).sum())
    return min(wrong, len(right) - wrong) >= LEAST_OF_EACH and float(np.ptp(stratum.confidence)) > 0


def _cross_fitted(errors: Floats, centred: Floats, weights: Floats) -> Floats:
    """For each row the slope of errors on confidence, fitted to the rows of the other folds."""
    fold = np.arange(len(errors)) % FOLDS
    slopes = np.empty(FOLDS)
    for number in range(FOLDS):
        others = fold != number
        w, x, y = weights[others], centred[others], errors[others]
        x = x - (w * x).sum() / w.sum()
        spread = (w * x * x).sum()
        slopes[number] = (w * x * y).sum() / spread if spread > 0 else 0.0
    return np.clip(slopes, 0.0, MOST_SLOPE)[fold]


def _lifted(centred: Floats, weights: Floats) -> Floats:
    """How much more each row counts once confidence is brought to its mean over all answers.

    The g-weights of a regression estimator (Särndal et al. 1992, Model Assisted Survey Sampling, 6.6): where unsure
    answers are missing, those that are there stand for them too, and err more than the average.
    """
    middle = (weights * centred).sum() / weights.sum()
    from_middle = centred - middle
    spread = (weights * from_middle**2).sum() / weights.sum()
    lifted: Floats = 1 - middle * from_middle / spread
    return lifted


def _kish(weights: Floats) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())


def _precision(weights: Floats) -> float:
    """Kish's size with what the sample already covers taken off the error; inf when it covers everything."""
    left = float((weights * (weights - 1)).sum())
    return float(weights.sum() ** 2) / left if left > 1e-9 * float(weights.sum()) else inf


def _filled(stratum: Stratum, value: float) -> Stratum:
    number = len(stratum.missing)
    known = np.where(stratum.unsure, value, stratum.right)
    return Stratum(
        answers=stratum.answers,
        mean_confidence=stratum.mean_confidence,
        right=np.concatenate([known, np.full(number, value)]),
        usable=np.concatenate([stratum.usable, np.ones(number, dtype=bool)]),
        unsure=np.zeros(len(known) + number, dtype=bool),
        confidence=np.concatenate([stratum.confidence, np.zeros(number)]),
        rate=np.concatenate([stratum.rate, stratum.missing]),
        missing=np.empty(0),
    )


def _together(one: Stratum, other: Stratum) -> Stratum:
    answers = one.answers + other.answers
    summed = one.answers * one.mean_confidence + other.answers * other.mean_confidence
    names = ("right", "usable", "unsure", "confidence", "rate", "missing")
    arrays = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in names}
    return Stratum(answers=answers, mean_confidence=summed / max(answers, 1), **arrays)
