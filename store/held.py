"""Answers that wait for a person longer than their scope allows, and what becomes of them then.

The scope under which an answer was held says it, as the rollout event kept it: the incumbent's answer is given, the
candidate's, or it goes on waiting. Order: find those past their deadline, answer each once. The question to people
stays open: what they say is still evidence, it only comes too late for the consumer.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from store import webhooks
from store.tables import Prediction, Review, RolloutEvent, ShadowAnswer


def overdue(session: Session, now: datetime, limit: int = 200) -> Sequence[str]:
    """Ids of predictions that are still pending past the deadline of their held review, oldest first."""
    return session.scalars(
        select(Prediction.id)
        .join(Review, Review.prediction_id == Prediction.id)
        .join(RolloutEvent, RolloutEvent.id == Prediction.rollout_event_id)
        .where(
            Review.lane == "held",
            Review.status == "open",
            Review.deadline <= now,
            Prediction.status == "pending",
            RolloutEvent.scope["at_limit"].as_string().in_(("incumbent", "candidate")),
        )
        .order_by(Prediction.id)
        .limit(limit)
    ).all()


def answer_at_limit(session: Session, prediction_id: str, now: datetime) -> str | None:
    """Give the answer that the scope wrote down; None when there is none to give, or a person was first.

    Where the incumbent did not answer the same picture (it was left out under load) the person is waited for.
    """
    row = session.get(Prediction, prediction_id, with_for_update=True, populate_existing=True)
    if row is None or row.status != "pending":
        return None
    event = session.get(RolloutEvent, row.rollout_event_id) if row.rollout_event_id else None
    whose = (event.scope or {}).get("at_limit") if event is not None else None
    label = row.label if whose == "candidate" else None
    if whose == "incumbent":
        label = session.scalar(
            select(ShadowAnswer.label)
            .where(ShadowAnswer.prediction_id == prediction_id, ShadowAnswer.error.is_(None))
            .order_by(ShadowAnswer.id)
            .limit(1)
        )
    if label is None:
        return None
    row.status, row.answer, row.answered_by, row.answered_at = "answered", label, "model", now
    session.flush()
    webhooks.prediction_changed(session, row, "answered", now)
    return label
