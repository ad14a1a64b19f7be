"""Judge one window: collapse its bursts, see what can be compared, apply the rule. Tables in, a verdict out.

The same code judges what came in, the null windows that are replayed when a version is registered, and the windows
that `make bench-drift` makes up. Pure: the seed comes in, nothing is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from classifier.conformal import flagging_rank
from monitoring import columns, near_duplicates, rule
from monitoring.columns import Floats, Table
from monitoring.flag_counts import Flags
from monitoring.rule import Outcome

LEAST_REFERENCE = 50
# more rows cost time and decide nothing: 20 for each picture of a window of 250
MOST_REFERENCE = 5000


@dataclass(frozen=True, eq=False)
class Against:
    """What a window is compared with: rows, and of how many pictures (`calibration`) so many (`rank`) are flagged."""

    table: Table
    rank: int
    calibration: int
    traffic: bool = False


@dataclass(frozen=True, eq=False)
class Judged:
    """`tests` by name, empty where `reason` says why nothing could be concluded; the tables as they were compared."""

    verdict: str
    reason: str
    different: int
    tests: Mapping[str, Outcome]
    left_out: Mapping[str, str]
    window: Table
    reference: Table


def judge(window: Table, against: Against, minimum: int, seed: int) -> Judged:
    """The verdict on a window of which the same picture was already counted once."""
    window = window.take(near_duplicates.different(window, against.table))
    different, known = len(window), len(against.table)
    reason = _lacking(different, minimum, known)
    if reason:
        return Judged("too_few", reason, different, {}, {}, window, against.table)
    flags = _flags(window.flagged, against)
    window, reference, left_out = columns.comparable(window, against.table)
    tests = rule.outcomes(window, reference, flags, seed)
    verdict = "drift" if any(test.drift for test in tests.values()) else "quiet"
    return Judged(verdict, "", different, tests, left_out, window, reference)


def calibrated(table: Table, scores: Floats) -> Against:
    """Against held-out pictures with these fused scores (n,), flagged beyond the rank that keeps the promise."""
    return Against(table, flagging_rank(len(scores)), len(scores))


def _lacking(pictures: int, minimum: int, reference: int) -> str:
    if pictures < minimum:
        return f"{pictures} different pictures; {minimum} are needed for a verdict."
    if reference < LEAST_REFERENCE:
        return f"The model's reference has {reference} pictures; {LEAST_REFERENCE} are needed for a verdict."
    return ""


def _flags(flagged: Floats, against: Against) -> Flags:
    looked_at = flagged[np.isfinite(flagged)]
    return Flags(
        int(looked_at.sum()), len(looked_at), against.rank, against.calibration, against.traffic
    )
