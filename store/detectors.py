"""The state of online detectors, and the stretch of the log that they have not read yet.

A version's detector of all pictures (stream "") holds the cursor for all its streams: whoever reads on locks that
row, folds what comes next into every stream, and moves the cursor in the same transaction. So a picture is counted
once whatever dies, and two monitors count as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from store.database import insert_new
from store.ids import first_id, time_of
from store.tables import Detector, Prediction

ALL = ""


@dataclass(frozen=True)
class Seen:
    """One prediction as a detector sees it; `repeated`: the same picture came before, in the segment or at all."""

    id: str
    created_at: datetime
    segment: str | None
    flagged: bool
    repeated: bool
    repeated_in_segment: bool


def of_version(session: Session, model_version_id: str) -> Sequence[Detector]:
    """Every stream of a model version, that of all pictures first."""
    return session.scalars(
        select(Detector)
        .where(Detector.model_version_id == model_version_id)
        .order_by(Detector.stream)
    ).all()


def updated_since(session: Session, since: datetime) -> Sequence[str]:
    """The model versions whose detectors have read something since then."""
    return session.scalars(
        select(Detector.model_version_id)
        .where(Detector.stream == ALL, Detector.updated_at >= since)
        .order_by(Detector.model_version_id)
    ).all()


def begin(session: Session, model_version_id: str, state: dict[str, Any], now: datetime) -> None:
    """The detector of all pictures of a version, unless another monitor has begun it."""
    row = {
        "stream": ALL,
        "model_version_id": model_version_id,
        "seen": 0,
        "last_prediction_id": None,
        "state": state,
        "updated_at": now,
    }
    insert_new(session, Detector, [row])


def locked(session: Session, model_version_id: str) -> dict[str, Detector]:
    """Every stream of a version by name, held until the transaction ends; empty before it has begun."""
    first = session.scalar(
        select(Detector)
        .where(Detector.model_version_id == model_version_id, Detector.stream == ALL)
        .with_for_update()
    )
    if first is None:
        return {}
    return {one.stream: one for one in of_version(session, model_version_id)}


def keep(
    session: Session, model_version_id: str, stream: str, seen: int, last_id: str, state: dict[str, Any],
    now: datetime,
) -> None:  # fmt: skip
    """Where a stream stands now; the caller holds the version's streams."""
    session.merge(
        Detector(
            stream=stream,
            model_version_id=model_version_id,
            seen=seen,
            last_prediction_id=last_id,
            state=state,
            updated_at=now,
        )
    )
    session.flush()


def unread(
    session: Session, model_version_id: str, after: str | None, until: datetime, limit: int
) -> list[Seen]:
    """What a version answered after prediction `after` and before `until`, in the order of ids; `limit` at most.

    Pictures at which no model has looked are left out. Ids follow `created_at`, which is how the index finds them.
    """
    came = aliased(Prediction)
    same = (
        came.picture_digest == Prediction.picture_digest,
        came.model_version_id == model_version_id,
        came.id < Prediction.id,
        came.inside.is_not(None),
    )
    of_segment = func.coalesce(came.segment, "") == func.coalesce(Prediction.segment, "")
    query = (
        select(
            Prediction.id,
            Prediction.created_at,
            Prediction.segment,
            Prediction.inside.is_(False),
            select(came.id).where(*same).exists().label("repeated"),
            select(came.id).where(*same, of_segment).exists().label("repeated_in_segment"),
        )
        .where(
            Prediction.model_version_id == model_version_id,
            Prediction.inside.is_not(None),
            Prediction.created_at < until,
            Prediction.id < first_id(until),
        )
        .order_by(Prediction.created_at, Prediction.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Prediction.id > after, Prediction.created_at >= time_of(after))
    return [Seen(*row) for row in session.execute(query)]
