"""From rows to what the estimators take: which answers were drawn, which of those people have settled, in strata.

Order: find the truth of each read answer; leave out what carries no weight (reviews that a rule asked for, unless it
asked for all of a stratum and all were answered); put together what was drawn at like rates. Held answers are
people's own and not among what is judged; "none of these" is wrong; "not usable" is left out and counted; what is
open is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.accuracy import Flags, Floats, Stratum, merged
from store import truth
from store.audits import MILLIONTHS, AnswerGroup, ReadAnswer

# a stratum of its own from this ratio of rates on: unlike weights in one stratum cost precision
RATIO = 2.0
# the policy's own word for answers that it wants looked at, all of them
ASKED = "answer_and_review"


@dataclass(frozen=True)
class Sample:
    """Drawn answers that were read, one row each, in the order of predictions.

    `right` is between 0 and 1 where a label differs from the answer and still `waits` for a second reader: the share
    of such labels that turned out to be the reader's error. `truth` is "" where it is no class.
    """

    version: NDArray[np.str_]
    segment: NDArray[np.str_]
    answer: NDArray[np.str_]
    truth: NDArray[np.str_]
    asked: Flags
    audited: Flags
    rate: Floats
    confidence: Floats
    right: Floats
    usable: Flags
    waits: Flags
    reads: NDArray[np.int64]

    def where(self, rows: Flags) -> "Sample":
        """Some of the rows."""
        return Sample(**{name: values[rows] for name, values in vars(self).items()})


def settled(read: ReadAnswer) -> truth.Opinion | None:
    """What people settled on; None while it is open, and when they cannot tell."""
    if read.lane == "audit":
        said = truth.of_audit(read.opinions, read.answer)
    else:
        said = truth.settle(read.opinions, 1)
    return None if said == truth.CANNOT_TELL else said


def waits(read: ReadAnswer) -> bool:
    """Whether an audit label differs from the answer and no second reader has spoken yet."""
    return (
        read.lane == "audit"
        and len(read.opinions) < truth.MOST_OPINIONS
        and settled(read) is None
        and truth.wants_second_read(read.opinions, read.answer)
    )


def sample(reads: Sequence[ReadAnswer]) -> Sample:
    """Read answers whose truth is known or waits for a second reader; one for each, the audit's word first."""
    first: dict[str, ReadAnswer] = {}
    for read in sorted(reads, key=lambda one: (one.prediction_id, one.lane != "audit")):
        if settled(read) is not None or waits(read):
            first.setdefault(read.prediction_id, read)
    kept = list(first.values())
    said = [settled(one) for one in kept]
    waiting = np.array([one is None for one in said], dtype=bool)
    right = np.array(
        [one is not None and one[1] == read.answer for one, read in zip(said, kept, strict=True)],
        dtype=float,
    )
    usable = np.array([one is None or one[0] != "not_usable" for one in said], dtype=bool)
    right[waiting] = _cleared(kept, right, waiting | ~usable)
    return Sample(
        version=np.array([one.model_version_id for one in kept], dtype=np.str_),
        segment=np.array([one.segment or "" for one in kept], dtype=np.str_),
        answer=np.array([one.answer or "" for one in kept], dtype=np.str_),
        truth=np.array([one[1] or "" if one else "" for one in said], dtype=np.str_),
        asked=np.array([one.decision == ASKED for one in kept], dtype=bool),
        audited=np.array([one.audited and one.lane == "audit" for one in kept], dtype=bool),
        rate=np.array([one.audit_rate for one in kept]),
        confidence=np.array([one.confidence for one in kept]),
        right=right,
        usable=usable,
        waits=waiting,
        reads=np.array([len(one.opinions) for one in kept], dtype=np.int64),
    )


def strata(groups: Sequence[AnswerGroup], drawn: Sample) -> list[Stratum]:
    """Strata over the answers of `groups`, which `drawn` was read from; answers drawn at rate 0 are in none."""
    census, audit, rest = _divided(groups, drawn)
    asked = [one for one in groups if one.decision == ASKED]
    found = [_census(asked, drawn.where(census))] if census.any() else []
    by_rate = [_drawn(rest, drawn.where(audit), rates) for rates in _alike(rest)]
    return [*found, *merged(by_rate)]


def weighted(groups: Sequence[AnswerGroup], drawn: Sample) -> tuple[Sample, Floats]:
    """The usable rows that carry weight, and how many answers each stands for.

    For shares whose base is itself only known from the sample: how many pictures of a class there were, say.
    """
    census, audit, rest = _divided(groups, drawn)
    weights = np.where(census, 1.0, 1 / np.where(audit, drawn.rate, 1.0))
    if audit.any():
        answers = sum(one.answers for one in rest)
        weights[audit] = np.maximum(weights[audit] * (answers / weights[audit].sum()), 1.0)
    rows = (census | audit) & drawn.usable
    return drawn.where(rows), weights[rows]


def _divided(
    groups: Sequence[AnswerGroup], drawn: Sample
) -> tuple[Flags, Flags, list[AnswerGroup]]:
    """Rows of a stratum that was labelled completely, rows of the audit of all else, and the answers of all else."""
    asked = sum(one.answers for one in groups if one.decision == ASKED)
    known = drawn.asked & ~drawn.waits
    census = known & (int(known.sum()) == asked)
    rest = [
        one
        for one in groups
        if one.decision != "hold"
        and one.audit_rate > 0
        and not (census.any() and one.decision == ASKED)
    ]
    audit = drawn.audited & (drawn.rate > 0) & ~(drawn.asked & census.any())
    return census, audit, rest


def _cleared(kept: Sequence[ReadAnswer], right: Floats, open_or_useless: Flags) -> float:
    """The share of audit labels first read as wrong that were settled as right; 0 while none was settled."""
    differed = np.array(
        [one.lane == "audit" and truth.wants_second_read(one.opinions, one.answer) for one in kept],
        dtype=bool,
    )
    read_twice = right[differed & ~open_or_useless]
    return float(read_twice.mean()) if len(read_twice) else 0.0


def _alike(groups: Sequence[AnswerGroup]) -> list[tuple[float, float]]:
    ranges: list[tuple[float, float]] = []
    for rate in sorted({one.audit_rate for one in groups}):
        if ranges and rate <= ranges[-1][0] * RATIO:
            ranges[-1] = (ranges[-1][0], rate)
        else:
            ranges.append((rate, rate))
    return ranges


def _drawn(groups: Sequence[AnswerGroup], audit: Sample, rates: tuple[float, float]) -> Stratum:
    low, high = rates
    mine = [one for one in groups if low <= one.audit_rate <= high]
    rows = audit.where((audit.rate >= low) & (audit.rate <= high))
    missing = [
        np.full(
            max(
                0,
                sum(one.answers for one in mine if one.audited and one.audit_rate == rate)
                - int((rows.rate == rate).sum()),
            ),
            rate,
        )
        for rate in sorted({one.audit_rate for one in mine})
    ]
    return _stratum(mine, rows, rows.rate, np.concatenate(missing))


def _census(groups: Sequence[AnswerGroup], rows: Sample) -> Stratum:
    return _stratum(groups, rows, np.ones(len(rows.right)), np.empty(0))


def _stratum(groups: Sequence[AnswerGroup], rows: Sample, rate: Floats, missing: Floats) -> Stratum:
    answers = sum(one.answers for one in groups)
    confidence = sum(one.confidence for one in groups) / MILLIONTHS / answers
    return Stratum(
        answers, confidence, rows.right, rows.usable, rows.waits, rows.confidence, rate, missing
    )
