"""One look at how right the answers are: overall, by class and by segment, for all versions together and for each.

A pure function from rows, so that a look can be computed again bit for bit. Order: slices, each with its interval,
what it is made of, the bounds for what is missing, and the plain share of right reviews, which is biased and only
stands beside it; for a version as a whole also the confidence sequence and the test against its target.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from monitoring import accuracy, accuracy_sample, accuracy_sequences
from monitoring.accuracy import LEAST_EFFECTIVE, Estimate, Flags
from monitoring.accuracy_sample import Sample
from monitoring.accuracy_sequences import ALPHA, C, D
from store.accuracies import NewAccuracy
from store.audits import AnswerGroup, ReadAnswer

MOST_VERSIONS = 5
MOST_SEGMENTS = 20
# of which the arithmetic is told apart when it changes: a row says by which it was made
METHOD = "difference-mover-wilson/1"
METHOD_OF_CLASS = "hajek-wilson/1"


@dataclass(frozen=True)
class Course:
    """One version since the start of a month or its own, whichever is later: what daily looks are about.

    `target`: the accuracy it is tested against, None for no test; `declared` says whether people named it or it is
    the lower limit of what the version got right of its own held-out pictures. `fall`: the loss worth an alarm.
    """

    since: datetime
    reads: tuple[ReadAnswer, ...]
    target: float | None
    declared: bool
    fall: float


@dataclass(frozen=True)
class Look:
    """Everything that one look is made from; `courses` by model version id."""

    starts_at: datetime
    ends_at: datetime
    groups: tuple[AnswerGroup, ...]
    reads: tuple[ReadAnswer, ...]
    courses: Mapping[str, Course]


def all_slices(look: Look) -> list[NewAccuracy]:
    """Every slice: the most used 5 versions and 20 segments, and every class that was answered."""
    drawn = accuracy_sample.sample(look.reads)
    versions = [None, *most_used(look)]
    rows = []
    for version in versions:
        groups = _of_version(look.groups, version)
        names = [("all", ""), *(("class", one) for one in _answered(groups))]
        names += [("segment", one) for one in _segments(groups)]
        rows += [_slice(look, drawn, version, kind, name) for kind, name in names]
    return rows


def one_slice(look: Look, version: str | None, kind: str, name: str) -> NewAccuracy:
    """One slice alone, exactly as in `all_slices`."""
    return _slice(look, accuracy_sample.sample(look.reads), version, kind, name)


def most_used(look: Look) -> list[str]:
    """The versions that gave the most answers, the most used first."""
    answers: Counter[str] = Counter()
    for one in look.groups:
        answers[one.model_version_id] += one.answers
    ranked = sorted(answers.items(), key=lambda item: (-item[1], item[0]))
    return [version for version, _ in ranked[:MOST_VERSIONS]]


def _slice(
    look: Look, everything: Sample, version: str | None, kind: str, name: str
) -> NewAccuracy:
    groups = _of_version(look.groups, version)
    drawn = everything if version is None else everything.where(everything.version == version)
    if kind == "class":
        found, detail = _of_class(groups, drawn, name)
    else:
        if kind == "segment":
            groups = [one for one in groups if one.segment == name]
            drawn = drawn.where(drawn.segment == name)
        found, detail = _of_all(groups, drawn)
        if version is not None and kind == "all":
            detail.update(_daily(look.courses[version]))
    shown = found is not None and found.effective >= LEAST_EFFECTIVE
    return NewAccuracy(
        model_version_id=version,
        slice_kind=kind,
        slice_name=name,
        method=METHOD_OF_CLASS if kind == "class" else METHOD,
        starts_at=look.starts_at,
        ends_at=look.ends_at,
        labels=found.labels if found else 0,
        effective_labels=round(found.effective, 6) if found else 0.0,
        estimate=found.share if found and shown else None,
        low=found.low if found and shown else None,
        high=found.high if found and shown else None,
        detail=detail,
    )


def _of_all(groups: Sequence[AnswerGroup], drawn: Sample) -> tuple[Estimate | None, dict[str, Any]]:
    strata = accuracy_sample.strata(groups, drawn)
    found = accuracy.estimate(strata)
    low, high = accuracy.bounds(strata)
    return found, {
        **_counts(groups, drawn),
        "bounds": [low, high] if found and found.effective >= LEAST_EFFECTIVE else None,
        "strata": [{"answers": one.answers, "checked": len(one.right)} for one in strata],
        "plain": _plain(drawn),
    }


def _counts(groups: Sequence[AnswerGroup], drawn: Sample) -> dict[str, int]:
    judged = [one for one in groups if one.decision != "hold"]
    audit = drawn.where(drawn.audited)
    asked = sum(one.answers for one in judged if one.audited)
    return {
        "answers": sum(one.answers for one in judged),
        "held": sum(one.answers for one in groups if one.decision == "hold"),
        "without_audit": sum(one.answers for one in judged if one.audit_rate == 0),
        "drawn": asked,
        "answered": len(audit.right),
        "open": max(0, asked - len(audit.right)),
        "not_usable": int((~audit.usable).sum()),
        "waiting": int(audit.waits.sum()),
        "read_twice": int((audit.reads > 1).sum()),
    }


def _plain(drawn: Sample) -> dict[str, Any]:
    """The share of right ones among all that people read, whyever they were asked and by their first word: biased."""
    right = np.where(drawn.waits, 0.0, drawn.right)[drawn.usable]
    return {"reviews": len(right), "share": float(right.mean()) if len(right) else None}


def _of_class(
    groups: Sequence[AnswerGroup], drawn: Sample, name: str
) -> tuple[Estimate | None, dict[str, Any]]:
    """How often an answer of this class is right; in the detail, how many pictures of this class are found."""
    rows, weights = accuracy_sample.weighted(groups, drawn)

    def among(chosen: Flags) -> Estimate | None:
        return accuracy.hajek(rows.right[chosen], weights[chosen])

    of_truth = among((rows.truth == name) & ~rows.waits)
    enough = of_truth is not None and of_truth.effective >= LEAST_EFFECTIVE
    return among(rows.answer == name), {
        "answers": sum(
            one.answers for one in groups if one.answer == name and one.decision != "hold"
        ),
        "recall": asdict(of_truth) if of_truth and enough else None,
        "recall_labels": of_truth.labels if of_truth else 0,
        "recall_effective": round(of_truth.effective, 6) if of_truth else 0.0,
    }


def _daily(course: Course) -> dict[str, Any]:
    """The sequence and the test: audit labels by the time of their first reading; what waits may yet be either."""
    audit = [one for one in course.reads if one.lane == "audit"]
    said = [(one, accuracy_sample.settled(one), accuracy_sample.waits(one)) for one in audit]
    path = sorted(
        (one.first_at, one.prediction_id, waits, truth is not None and truth[1] == one.answer)
        for one, truth, waits in said
        if waits or (truth is not None and truth[0] != "not_usable")
    )
    right = np.array([waits or known for _, _, waits, known in path], dtype=bool)
    most = int(right.sum())
    least = most - sum(waits for _, _, waits, _ in path)
    low = accuracy_sequences.sequence(least, len(path))[0]
    high = accuracy_sequences.sequence(most, len(path))[1]
    detail: dict[str, Any] = {
        "since": course.since.isoformat(),
        "labels": len(path),
        "right": least,
        "waiting": most - least,
        "low": low,
        "high": high,
        "config": {"alpha": ALPHA, "c": C, "d": D},
    }
    return {"sequence": detail, "test": _test(course, right)}


def _test(course: Course, right: Flags) -> dict[str, Any] | None:
    if course.target is None:
        return None
    found = accuracy_sequences.fallen(right, course.target, course.fall)
    about = {"target": course.target, "declared": course.declared, "fall": course.fall}
    return {**about, **asdict(found)}


def _of_version(groups: Sequence[AnswerGroup], version: str | None) -> list[AnswerGroup]:
    return [one for one in groups if version is None or one.model_version_id == version]


def _answered(groups: Sequence[AnswerGroup]) -> list[str]:
    return sorted({one.answer for one in groups if one.answer and one.decision != "hold"})


def _segments(groups: Sequence[AnswerGroup]) -> list[str]:
    answers: Counter[str] = Counter()
    for one in groups:
        if one.segment and one.decision != "hold":
            answers[one.segment] += one.answers
    ranked = sorted(answers.items(), key=lambda item: (-item[1], item[0]))
    return sorted(name for name, _ in ranked[:MOST_SEGMENTS])
