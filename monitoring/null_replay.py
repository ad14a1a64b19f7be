"""How often the rule errs for one model version: windows without drift, replayed through the code that judges.

The held-out pictures of a version's reference are split in two halves at random: one half becomes the reference, with
its own threshold for flags, and windows are drawn from the other half, without replacement, so that no picture is ever
compared with itself. That is done again with other halves. All windows together give the false-alarm rate; the rate of
each half says what one fixed reference does. The halves are smaller than what windows are compared with in production,
so both are rather too large than too small. Pure: the same reference gives the same rate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import beta

from monitoring import columns, rule, window_verdicts
from monitoring.columns import Floats, Table
from monitoring.references import Known
from monitoring.window_verdicts import LEAST_REFERENCE, MOST_REFERENCE, Against

REFERENCES = 10
# of the other half, one window may take this share: more, and all windows would be nearly the same
_SHARE = 0.5
_SCORE = "domain_score"


@dataclass(frozen=True)
class Replayed:
    """`by_reference`: false alarms among the windows `of_each` half; empty where `why` says why not."""

    by_reference: tuple[int, ...]
    of_each: int
    window_pictures: int
    reference_pictures: int
    why: str = ""

    @property
    def windows(self) -> int:
        """How many windows there were."""
        return len(self.by_reference) * self.of_each

    @property
    def false_alarms(self) -> int:
        """How many of them were called drift."""
        return sum(self.by_reference)

    @property
    def rate(self) -> float | None:
        """The share of windows that were called drift, None without any."""
        return self.false_alarms / self.windows if self.windows else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The exact 95 % interval of the rate (Clopper and Pearson), the windows taken as independent."""
        wrong, right = self.false_alarms, self.windows - self.false_alarms
        if not self.windows:
            return None
        low = float(beta.ppf(0.025, wrong, right + 1)) if wrong else 0.0
        return low, float(beta.ppf(0.975, wrong + 1, right)) if right else 1.0

    def as_json(self) -> dict[str, Any]:
        """What is kept beside the rate."""
        return {**vars(self), "by_reference": list(self.by_reference), **rule.configuration()}


@dataclass(frozen=True, eq=False)
class Plan:
    """What is replayed: `of_each` windows of `pictures` for each of `REFERENCES` halves of what was held out."""

    held_out: Table
    half: int
    pictures: int
    minimum: int
    of_each: int
    seed: int


def planned(
    known: Known, window_pictures: int, minimum: int, seed: int, of_each: int = 40
) -> Plan | Replayed:
    """Windows of `window_pictures` (of fewer where the reference is small, of `minimum` at least), or why there are none."""
    held_out = columns.of_reference(known.reference, known.classes, 2 * MOST_REFERENCE, seed)
    half = len(held_out) // 2
    pictures = min(window_pictures, int((len(held_out) - half) * _SHARE))
    if half < LEAST_REFERENCE or pictures < minimum:
        why = f"{len(held_out)} held-out pictures are too few to replay windows of {minimum}."
        return Replayed((), 0, pictures, half, why)
    return Plan(held_out, half, pictures, minimum, of_each, seed)


def windows(plan: Plan, first: int = 0) -> Iterator[tuple[int, bool]]:
    """Window by window from number `first` on: which half's it is, and whether it was called drift.

    Each window has a seed of its own, so that a replay may be broken off anywhere and gone on with.
    """
    for half in range(first // plan.of_each, REFERENCES):
        order = np.random.default_rng([plan.seed, half]).permutation(len(plan.held_out))
        reference = plan.held_out.take(order[: plan.half])
        scores = reference.numbers.get(_SCORE, np.empty(0))
        against = window_verdicts.calibrated(reference, scores)
        others = _flagged(plan.held_out.take(order[plan.half :]), scores, against.rank)
        for number in range(max(first, half * plan.of_each), (half + 1) * plan.of_each):
            yield half, _is_drift(plan, against, others, number)


def replayed(plan: Plan, counts: Sequence[int]) -> Replayed:
    """The outcome, from the false alarms of each half."""
    return Replayed(tuple(counts), plan.of_each, plan.pictures, plan.half)


def replay(
    known: Known, window_pictures: int, minimum: int, seed: int, of_each: int = 40
) -> Replayed:
    """All of it at once."""
    plan = planned(known, window_pictures, minimum, seed, of_each)
    if isinstance(plan, Replayed):
        return plan
    counts = [0] * REFERENCES
    for half, drift in windows(plan):
        counts[half] += drift
    return replayed(plan, counts)


def _is_drift(plan: Plan, against: Against, others: Table, number: int) -> bool:
    rng = np.random.default_rng([plan.seed, REFERENCES, number])
    window = others.take(rng.choice(len(others), plan.pictures, replace=False))
    # a few near-duplicates may be collapsed; that must not make a window too small for the minimum
    minimum = min(plan.minimum, plan.pictures // 2)
    judged = window_verdicts.judge(window, against, minimum, int(rng.integers(2**62)))
    return judged.verdict == "drift"


def _flagged(table: Table, calibration: Floats, rank: int) -> Table:
    if not rank:
        return replace(table, flagged=np.full(len(table), np.nan))
    beyond = np.sort(calibration)[-rank]
    return replace(table, flagged=(table.numbers[_SCORE] > beyond).astype(np.float64))
