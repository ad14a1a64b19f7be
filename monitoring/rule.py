"""The rule that calls a window quiet or moved, and what it promises.

Four tests share an error of 5 %: too many flagged pictures 2 % (an exact test of counts), what the pictures look like
1 % (Kolmogorov-Smirnov distances of every column, step-down over shared permutations), where their features lie 1 %
(maximum mean discrepancy), predicted classes 1 % (chi-square). Each is measured by a distance between window and
reference, and there is drift when a test rejects **and** the distance is large enough: its lower bound, which is the
distance less what chance alone (the reference's own error included) reaches in 19 of 20 shuffles, must be above the
least one that matters. Distances obey the triangle inequality, so that bound holds whatever the true distance is.

What is promised: of windows without drift, each against a reference drawn for it, at most 5 % are called drift. One
reference serves many windows, so an unlucky one errs more often; how often is measured when a version is registered
(`null_replay`) and by `make bench-drift`. Many windows a day bring their share of errors each: see `budget`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring import two_samples
from monitoring.columns import CLASS, FEATURES, Floats, Table
from monitoring.flag_counts import Flags
from monitoring.two_samples import Shuffles

NAME = "shared-permutations-2"
PERMUTATIONS = 999
FOURIER_FUNCTIONS = 128
# of chance alone, when the least distance is looked for
CONFIDENCE = 0.95
FLAGGED = "flagged_pictures"
SHARES = {"flags": 0.02, "properties": 0.01, "features": 0.01, "classes": 0.01}
# flags and classes: a share of the pictures; properties: a share below some value; features: 0.02 is about 2 %
# of pictures that have nothing in common with the reference
LEAST = {"flags": 0.02, "properties": 0.05, "features": 0.02, "classes": 0.02}


@dataclass(frozen=True)
class Outcome:
    """One test's outcome; `p_value` is adjusted for its family, whose error `threshold` is.

    `distance` between window and reference, `low` its lower bound, `least` what that must reach; `statistic` is what
    was compared over the shuffles. `shift` has a direction: how far the window's median is from the reference's, in
    the reference's standard deviations (flags: the share above what was expected; features and classes: `distance`).
    """

    family: str
    statistic: float
    distance: float
    low: float
    least: float
    shift: float
    p_value: float
    threshold: float

    @property
    def drift(self) -> bool:
        """Whether it has moved: beyond chance, and far enough to matter."""
        return self.p_value <= self.threshold and self.low >= self.least

    def as_json(self) -> dict[str, Any]:
        """What is kept of it."""
        return {**vars(self), "drift": self.drift}


def configuration() -> dict[str, Any]:
    """Everything that decides a verdict besides rows, reference and seed."""
    return {
        "rule": NAME,
        "permutations": PERMUTATIONS,
        "fourier_functions": FOURIER_FUNCTIONS,
        "confidence": CONFIDENCE,
        "thresholds": SHARES,
        "least": LEAST,
    }


def outcomes(window: Table, reference: Table, flags: Flags, seed: int) -> dict[str, Outcome]:
    """Every test by name. The tables hold the same columns, none constant (`columns.comparable`)."""
    drawn = two_samples.shuffles(len(window), len(reference), PERMUTATIONS, seed)
    done = {FLAGGED: _flags(flags)} if flags.testable else {}
    done.update(_properties(window, reference, drawn))
    if FEATURES in window.blocks:
        pooled = np.concatenate([window.blocks[FEATURES], reference.blocks[FEATURES]])
        done[FEATURES] = _features(pooled, drawn, seed)
    if len({*window.classes, *reference.classes}) > 1:
        done[CLASS] = _classes([*window.classes, *reference.classes], drawn)
    return done


def _flags(flags: Flags) -> Outcome:
    share = flags.flagged / flags.pictures
    low = (flags.flagged - flags.most(CONFIDENCE)) / flags.pictures
    excess = share - flags.expected
    return _outcome("flags", share, excess, low, excess, flags.p_value)


def _properties(window: Table, reference: Table, drawn: Shuffles) -> dict[str, Outcome]:
    names = list(window.numbers)
    if not names:
        return {}
    both = [np.concatenate([window.numbers[name], reference.numbers[name]]) for name in names]
    found = np.stack([two_samples.distances(column, drawn) for column in both], axis=1)
    adjusted, low = two_samples.step_down(found), _low(found)
    return {
        name: _outcome(
            "properties",
            float(found[0, place]),
            float(found[0, place]),
            float(low[place]),
            _shift(window.numbers[name], reference.numbers[name]),
            float(adjusted[place]),
        )
        for place, name in enumerate(names)
    }


def _features(pooled: Floats, drawn: Shuffles, seed: int) -> Outcome:
    found = two_samples.mean_discrepancies(pooled, drawn, FOURIER_FUNCTIONS, seed)
    distance, p = float(found[0]), float((found >= found[0]).mean())
    return _outcome("features", distance, distance, float(_low(found)), distance, p)


def _classes(pooled: Sequence[str], drawn: Shuffles) -> Outcome:
    _, numbers = np.unique(pooled, return_inverse=True)
    found = two_samples.class_counts(numbers, drawn)
    p = float((found.chi_square >= found.chi_square[0]).mean())
    distance = float(found.variation[0])
    statistic, low = float(found.chi_square[0]), float(_low(found.variation))
    return _outcome("classes", statistic, distance, low, distance, p)


def _outcome(
    family: str, statistic: float, distance: float, low: float, shift: float, p: float
) -> Outcome:
    least, threshold = LEAST[family], SHARES[family]
    return Outcome(family, statistic, distance, low, least, shift, p, threshold)


def _low(found: Floats) -> Floats:
    """The lower bound of each distance (first row): less what chance reaches in `CONFIDENCE` of the shuffles."""
    chance = np.quantile(found[1:], CONFIDENCE, axis=0, method="higher")
    return np.asarray(found[0] - chance)


def _shift(window: Floats, reference: Floats) -> float:
    deviation = float(reference.std())
    distance = float(np.median(window) - np.median(reference))
    return distance / deviation if deviation > 0 else 0.0
