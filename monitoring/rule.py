"""The rule that calls a window quiet or moved, and what it promises.

Five tests share an error of 5 %: too many flagged pictures 2 % (an exact test of counts), what the pictures look
like 1 %, where their features lie 1 %, confidence 0.5 %, predicted classes 0.5 %. Inside a family of columns the
error is held by step-down over shared permutations of Kolmogorov-Smirnov distances. Any test that rejects is drift.

What that is: of windows without drift, each against a reference drawn for it, at most 5 % are called drift. What it
is not: one reference serves many windows, so an unlucky one errs more often than 5 % and a lucky one less; nothing
is asked of how large an effect is; many windows a day bring their share of errors each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring import two_samples
from monitoring.columns import CLASS, Floats, Table
from monitoring.two_samples import Shuffles

NAME = "shared-permutations-1"
PERMUTATIONS = 999
FLAGGED = "flagged_pictures"
SHARES = {"flags": 0.02, "look": 0.01, "features": 0.01, "confidence": 0.005, "classes": 0.005}


@dataclass(frozen=True)
class Flags:
    """`flagged` of `pictures` lie beyond the `rank`-th largest score of `calibration` held-out pictures."""

    flagged: int
    pictures: int
    rank: int
    calibration: int


@dataclass(frozen=True)
class Outcome:
    """One column's outcome; `p_value` is adjusted for its family, whose error `threshold` is.

    `shift`: how far the window's median (of classes: its shares; of flags: their share) is from what was expected,
    in the reference's standard deviations (classes and flags: as a share, 0 to 1).
    """

    family: str
    statistic: float
    shift: float
    p_value: float
    threshold: float

    @property
    def drift(self) -> bool:
        """Whether the column has moved."""
        return self.p_value <= self.threshold

    def as_json(self) -> dict[str, Any]:
        """What is kept of it."""
        return {**vars(self), "drift": self.drift}


def outcomes(window: Table, reference: Table, flags: Flags, seed: int) -> dict[str, Outcome]:
    """Every test by column. The tables hold the same columns, none constant (`columns.comparable`)."""
    called = two_samples.shuffles(len(window), len(reference), PERMUTATIONS, seed)
    families: dict[str, list[str]] = {}
    for name in window.numbers:
        families.setdefault(_family(name), []).append(name)
    done: dict[str, Outcome] = {}
    if flags.rank > 0:
        done[FLAGGED] = _flags(flags)
    for family, names in families.items():
        done.update(_columns(family, names, window, reference, called))
    if len({*window.classes, *reference.classes}) > 1:
        done[CLASS] = _classes(window.classes, reference.classes, called)
    return done


def _family(name: str) -> str:
    if name == "confidence":
        return "confidence"
    return "features" if name == "feature_score" or name.startswith("pca_") else "look"


def _flags(flags: Flags) -> Outcome:
    p = two_samples.excess(flags.flagged, flags.pictures, flags.rank, flags.calibration)
    expected = flags.rank / (flags.calibration + 1)
    share = flags.flagged / flags.pictures
    return Outcome("flags", share, share - expected, p, SHARES["flags"])


def _columns(
    family: str, names: Sequence[str], window: Table, reference: Table, called: Shuffles
) -> dict[str, Outcome]:
    pooled = {
        name: np.concatenate([window.numbers[name], reference.numbers[name]]) for name in names
    }
    statistics = np.stack(
        [two_samples.distances(column, called) for column in pooled.values()], axis=1
    )
    adjusted = two_samples.step_down(statistics)
    return {
        name: Outcome(
            family,
            float(statistics[0, place]),
            _shift(window.numbers[name], reference.numbers[name]),
            float(adjusted[place]),
            SHARES[family],
        )
        for place, name in enumerate(names)
    }


def _classes(window: Sequence[str], reference: Sequence[str], called: Shuffles) -> Outcome:
    names, pooled = np.unique([*window, *reference], return_inverse=True)
    statistics = two_samples.class_distances(pooled, called)
    shares = [
        np.bincount(part, minlength=len(names)) / len(part)
        for part in (pooled[: len(window)], pooled[len(window) :])
    ]
    return Outcome(
        "classes",
        float(statistics[0]),
        float(np.abs(shares[0] - shares[1]).sum() / 2),
        float((statistics >= statistics[0]).mean()),
        SHARES["classes"],
    )


def _shift(window: Floats, reference: Floats) -> float:
    deviation = float(reference.std())
    distance = float(np.median(window) - np.median(reference))
    return distance / deviation if deviation > 0 else 0.0
