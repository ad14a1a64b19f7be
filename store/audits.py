"""What accuracy is estimated from: how many answers of each kind there were, and what people said of some of them.

Both are read for a stretch of time and as of its end: what is said or taken back later changes nothing, so that an
estimate can be computed again for as long as the rows are kept. Costs by the stretch, whatever came before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from store.tables import Label, Prediction, Review
from store.truth import Opinion

MILLIONTHS = 1_000_000


@dataclass(frozen=True)
class AnswerGroup:
    """Answers that are alike: how many, and the sum of their confidences in millionths (whole, so that it repeats)."""

    model_version_id: str
    segment: str | None
    answer: str | None
    decision: str
    audit_rate: float
    audited: bool
    answers: int
    confidence: int


@dataclass(frozen=True)
class ReadAnswer:
    """A model's answer that people read, in one lane: their standing opinions, oldest first, and when the first came."""

    prediction_id: str
    model_version_id: str
    segment: str | None
    answer: str | None
    decision: str
    audit_rate: float
    audited: bool
    confidence: float
    lane: str
    opinions: tuple[Opinion, ...]
    first_at: datetime


def population(session: Session, starts: datetime, ends: datetime) -> list[AnswerGroup]:
    """All predictions that a model looked at from `starts` on and before `ends`, by kind; held ones among them."""
    kind = (
        Prediction.model_version_id,
        Prediction.segment,
        Prediction.label,
        Prediction.decision,
        Prediction.audit_rate,
        Prediction.audited,
    )
    millionths = cast(func.round(func.coalesce(Prediction.confidence, 0) * MILLIONTHS), BigInteger)
    rows = session.execute(
        select(*kind, func.count(), func.sum(millionths))
        .where(
            Prediction.created_at >= starts,
            Prediction.created_at < ends,
            Prediction.model_version_id.is_not(None),
        )
        .group_by(*kind)
    )
    groups = [_group(list(row)) for row in rows]
    return sorted(groups, key=lambda one: tuple(map(str, vars(one).values())))


def read_answers(
    session: Session, starts: datetime, ends: datetime, model_version_id: str | None = None
) -> list[ReadAnswer]:
    """What people said before `ends` of the answers that models gave from `starts` on, in the order of predictions.

    Held answers are people's own and not among them. In the audit only blind opinions count.
    """
    query = (
        select(Prediction, Review.lane, Label)
        .join(Review, Review.prediction_id == Prediction.id)
        .join(Label, Label.review_id == Review.id)
        .where(
            Prediction.created_at >= starts,
            Prediction.created_at < ends,
            Prediction.decision != "hold",
            # a label is younger than its prediction: labels are few, and found by their own time
            Label.created_at >= starts,
            Label.created_at < ends,
        )
        .order_by(Prediction.id, Review.lane, Label.created_at, Label.id)
        .with_only_columns(
            Prediction.id, Prediction.model_version_id, Prediction.segment, Prediction.label,
            Prediction.decision, Prediction.audit_rate, Prediction.audited, Prediction.confidence,
            Review.lane, Label.id, Label.kind, Label.label, Label.undoes_id, Label.late,
            Label.source, Label.created_at,
        )
    )  # fmt: skip
    if model_version_id is None:
        query = query.where(Prediction.model_version_id.is_not(None))
    else:
        query = query.where(Prediction.model_version_id == model_version_id)
    return list(_read(session.execute(query)))


def _read(rows: Iterable[Any]) -> Iterator[ReadAnswer]:
    for about, labels in groupby(rows, key=lambda row: tuple(row[:9])):
        said = [tuple(row[9:]) for row in labels]
        undone = {undoes for _, _, _, undoes, _, _, _ in said if undoes is not None}
        standing = [
            ((kind, label), made)
            for identity, kind, label, _, late, source, made in said
            if kind != "undo" and not late and identity not in undone
            and (source == "human_blind" or about[8] != "audit")
        ]  # fmt: skip
        if standing:
            opinions = tuple(opinion for opinion, _ in standing)
            row: list[Any] = [*about[:7], about[7] or 0.0, about[8], opinions, standing[0][1]]
            yield ReadAnswer(*row)


def _group(row: list[Any]) -> AnswerGroup:
    # PostgreSQL sums whole numbers into decimals
    row[-1] = int(row[-1])
    return AnswerGroup(*row)
