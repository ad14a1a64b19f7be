"""Answers that wait for a person longer than their scope allows, and what becomes of them then.

The scope under which the candidate's answer was held says it, as the newest event of the candidate's own rollout kept it
then: the incumbent's answer is given, the candidate's, or it goes on waiting. Order: find those past their deadline, answer
each once. The question to people stays open: what they say is still evidence, it only comes too late for the consumer.
What a policy held waits for a person whatever a scope says; while all models are stopped nothing is given, and nothing
ever of a version that was reverted.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from store import predictions, stops, switches, webhooks
from store.tables import Prediction, Review, Rollout, RolloutEvent, ShadowAnswer

PAGE = 200


def overdue(session: Session, now: datetime) -> list[str]:
    """Ids of predictions that are still pending past the deadline of their held review and get an answer now, oldest first.

    At most some PAGE of them; those for which a person is waited for hold up nobody behind them.
    """
    found: list[str] = []
    page: Sequence[Prediction] = ()
    while len(found) < PAGE:
        page = _past(session, now, page[-1].id if page else "")
        found += [row.id for row in page if _written(session, row) is not None]
        if len(page) < PAGE:
            break
    return found


def answer_at_limit(
    session: Session, prediction_id: str, now: datetime, is_stopped: Callable[[str], bool]
) -> str | None:
    """Give the answer that the scope wrote down; None when there is none to give, or a person was first.

    `is_stopped` says of a target whether its mark stands (`stops`): the rows may not say it yet.
    Where the incumbent did not answer the same picture (it was left out under load) the person is waited for, and where
    the version whose answer it would be was reverted meanwhile.
    """
    row = predictions.lock(session, prediction_id)
    if row is None or row.status != "pending":
        return None
    label = _written(session, row, is_stopped)
    if label is None:
        return None
    row.status, row.answer, row.answered_by, row.answered_at = "answered", label, "model", now
    session.flush()
    webhooks.prediction_changed(session, row, "answered", now)
    return label


def _past(session: Session, now: datetime, after_id: str) -> Sequence[Prediction]:
    return session.scalars(
        select(Prediction)
        .join(Review, Review.prediction_id == Prediction.id)
        .where(
            Review.lane == "held",
            Review.status == "open",
            Review.deadline <= now,
            Prediction.status == "pending",
            Prediction.stage == "limited",
            Prediction.id > after_id,
        )
        .order_by(Prediction.id)
        .limit(PAGE)
    ).all()


def _written(
    session: Session, row: Prediction, is_stopped: Callable[[str], bool] = lambda _: False
) -> str | None:
    """The answer that is given at the limit by what was written down."""
    # nobody else's answers are held by a scope
    if row.stage != "limited" or switches.thrown(session, "killed"):
        return None
    own = _newest(session, row, Rollout.model_version_id == row.model_version_id)
    whose = (own.scope or {}).get("at_limit") if own is not None else None
    by = own if whose == "candidate" else None
    if whose == "incumbent":
        by = _newest(session, row, RolloutEvent.to_stage == "full")
    if by is None:
        return None
    rollout = session.get_one(Rollout, by.rollout_id)
    if rollout.outcome == "reverted" or is_stopped(rollout.id) or is_stopped(stops.KILLED):
        return None
    if whose == "candidate":
        return row.label
    # more than one version may have run alongside
    return session.scalar(
        select(ShadowAnswer.label).where(
            ShadowAnswer.prediction_id == row.id,
            ShadowAnswer.model_version_id == rollout.model_version_id,
            ShadowAnswer.error.is_(None),
        )
    )


def _newest(session: Session, row: Prediction, which: ColumnElement[bool]) -> RolloutEvent | None:
    """The newest of such events that whoever answered knew of."""
    return session.scalar(
        select(RolloutEvent)
        .join(Rollout, Rollout.id == RolloutEvent.rollout_id)
        .where(which, RolloutEvent.id <= row.rollout_event_id)
        .order_by(RolloutEvent.id.desc())
        .limit(1)
    )
