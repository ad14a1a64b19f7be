"""Reading the log of answers, and the few things that are added to it later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database import insert_new
from store.errors import NotFound
from store.prediction_log import IDEMPOTENCY_HOURS
from store.tables import (
    Feedback,
    IdempotencyKey,
    ModelVersion,
    Prediction,
    Review,
    ShadowAnswer,
    StoredPolicy,
)


def get(session: Session, prediction_id: str, consumer_id: str | None = None) -> Prediction:
    """Raises NotFound, also when it is another consumer's."""
    prediction = session.get(Prediction, prediction_id)
    if prediction is None or (consumer_id is not None and prediction.consumer_id != consumer_id):
        raise NotFound("There is no such prediction.")
    return prediction


def lock(session: Session, prediction_id: str) -> Prediction | None:
    """So that one at a time gives its answer or takes it back; it is read anew. A review is locked before it."""
    # no more than that: what the consumer says back may be added meanwhile, and waits for nobody who waits for it
    return session.get(
        Prediction, prediction_id, with_for_update={"key_share": True}, populate_existing=True
    )


def first_answer(
    session: Session, consumer_id: str, key: str, now: datetime
) -> IdempotencyKey | None:
    """What was answered to this key within the last 24 hours."""
    found = session.get(IdempotencyKey, (consumer_id, key))
    if found is None or found.created_at <= now - timedelta(hours=IDEMPOTENCY_HOURS):
        return None
    return found


def recent(session: Session, limit: int, before_id: str | None = None) -> Sequence[Prediction]:
    """The newest predictions, newest first; `before_id` goes on where a page ended."""
    query = select(Prediction).order_by(Prediction.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(Prediction.id < before_id)
    return session.scalars(query).all()


def of_version(
    session: Session, model_version_id: str, limit: int, after_id: str = ""
) -> Sequence[Prediction]:
    """What a model version answered after `after_id`, in the order of time."""
    return session.scalars(
        select(Prediction)
        .where(Prediction.model_version_id == model_version_id, Prediction.id > after_id)
        .order_by(Prediction.id)
        .limit(limit)
    ).all()


def latest_of_version(session: Session, model_version_id: str, limit: int) -> Sequence[Prediction]:
    """The newest answers of a model version, in the order of time."""
    newest = session.scalars(
        select(Prediction)
        .where(Prediction.model_version_id == model_version_id)
        .order_by(Prediction.id.desc())
        .limit(limit)
    ).all()
    return newest[::-1]


def latest_ids(
    session: Session, model_version_id: str, limit: int, after_id: str = ""
) -> list[tuple[str, datetime]]:
    """Ids and times of the newest answers of a model version after `after_id`, in the order of time."""
    newest = session.execute(
        select(Prediction.id, Prediction.created_at)
        .where(Prediction.model_version_id == model_version_id, Prediction.id > after_id)
        .order_by(Prediction.id.desc())
        .limit(limit)
    )
    return [(identity, made) for identity, made in newest][::-1]


def shadows(session: Session, prediction_id: str) -> Sequence[ShadowAnswer]:
    """What other model versions said to the same picture."""
    return session.scalars(
        select(ShadowAnswer).where(ShadowAnswer.prediction_id == prediction_id)
    ).all()


def version_number(session: Session, model_version_id: str | None) -> int | None:
    """The number that people know a model version by."""
    if model_version_id is None:
        return None
    return session.scalar(select(ModelVersion.number).where(ModelVersion.id == model_version_id))


def add_feedback(
    session: Session,
    prediction: Prediction,
    *,
    label: str | None,
    correct: bool | None,
    note: str | None,
    now: datetime,
) -> Feedback:
    """Keep what the consumer said back. Opening the review is the caller's next step."""
    feedback = Feedback(
        prediction_id=prediction.id, label=label, correct=correct, note=note, created_at=now
    )
    session.add(feedback)
    session.flush()
    return feedback


def has_policy(session: Session, digest: str) -> bool:
    """Whether a policy's text is kept."""
    return session.get(StoredPolicy, digest) is not None


def keep_policy(session: Session, digest: str, text: str, now: datetime) -> None:
    """Keep the text of a policy before anything is decided by it."""
    if not has_policy(session, digest):
        # two programs that start at once with a new one keep it once
        insert_new(session, StoredPolicy, [{"digest": digest, "text": text, "created_at": now}])


@dataclass(frozen=True)
class Traffic:
    """What came in since a moment: counts of predictions."""

    predictions: int
    pending: int
    reviewed: int
    out_of_domain: int
    audited: int


def traffic(session: Session, since: datetime) -> Traffic:
    """Counts over the predictions made since `since`, in one pass over them."""
    made = Prediction.created_at >= since
    predictions, pending, out_of_domain, audited = session.execute(
        select(
            func.count(),
            func.count().filter(Prediction.status == "pending"),
            func.count().filter(Prediction.inside.is_(False)),
            func.count().filter(Prediction.audited.is_(True)),
        ).where(made)
    ).one()
    reviewed = session.scalar(
        select(func.count(func.distinct(Review.prediction_id)))
        .join(Prediction, Prediction.id == Review.prediction_id)
        .where(made)
    )
    return Traffic(predictions, pending, reviewed or 0, out_of_domain, audited)


def per_hour(session: Session, until: datetime, hours: int = 24) -> list[int]:
    """How many predictions were made in each of the hours before `until`, oldest first."""
    edges = [until - timedelta(hours=hours - number) for number in range(hours + 1)]
    counts = [
        func.count().filter(Prediction.created_at >= start, Prediction.created_at < end)
        for start, end in pairwise(edges)
    ]
    made = (Prediction.created_at >= edges[0], Prediction.created_at < until)
    return list(session.execute(select(*counts).where(*made)).one())


def count(session: Session) -> int:
    """How many predictions the log holds."""
    return session.scalar(select(func.count()).select_from(Prediction)) or 0
