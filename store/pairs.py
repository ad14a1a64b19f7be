"""Pairs: a candidate's and an incumbent's answers to the same pictures, noted once and in one order.

Monitoring notes them (`fresh`, then `note`); the number that a pair gets then is its place for good, so that what is
counted up to a number is the same for whoever counts again. Labels are not copied: what was said as of a moment is
read from the labels, which are append-only. Nothing here says which version is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from store.ids import time_of
from store.tables import (
    AwaitedShadow,
    Label,
    Pair,
    Prediction,
    Review,
    Rollout,
    RolloutEvent,
    ShadowAnswer,
    StoredPicture,
)

# longer than the prediction log's writer waits: nothing that is older can still be on its way into the database
LATE = timedelta(seconds=60)


@dataclass(frozen=True)
class Fresh:
    """A pair that has not been noted. Labels are None where that version failed; `group`: of the same pictures."""

    prediction_id: str
    event_id: int
    candidate_answered: bool
    candidate_label: str | None
    incumbent_label: str | None
    milliseconds: float | None
    group: str
    consumer_id: str
    segment: str | None
    subject: str | None
    at: datetime


def fresh(
    session: Session, rollout: Rollout, candidate_id: str, incumbent_id: str, limit: int
) -> list[Fresh]:
    """Pairs of the two versions since the rollout was opened that are not noted yet, oldest first.

    By the event under which they were answered: who had not heard of it yet answered under another rollout.
    """
    opened = select(func.min(RolloutEvent.id)).where(RolloutEvent.rollout_id == rollout.id)
    newest = session.scalar(select(func.max(Pair.prediction_id)).where(_of(rollout.id)))
    since = max(rollout.opened_at, time_of(newest) - LATE) if newest else rollout.opened_at
    noted = exists().where(_of(rollout.id), Pair.prediction_id == Prediction.id)
    both = or_(
        and_(
            Prediction.model_version_id == incumbent_id,
            ShadowAnswer.model_version_id == candidate_id,
        ),
        and_(
            Prediction.model_version_id == candidate_id,
            ShadowAnswer.model_version_id == incumbent_id,
        ),
    )
    rows = session.execute(
        select(Prediction, ShadowAnswer, StoredPicture.group_id)
        .join(ShadowAnswer, ShadowAnswer.prediction_id == Prediction.id)
        .join(StoredPicture, StoredPicture.digest == Prediction.picture_digest)
        .where(both, Prediction.created_at >= since, ~noted)
        .where(Prediction.rollout_event_id >= opened.scalar_subquery())
        .order_by(Prediction.id)
        .limit(limit)
    )
    return [_fresh(*row, candidate_id) for row in rows.tuples()]


def unheard(session: Session, rollout: Rollout, now: datetime) -> int:
    """Pictures that will be no pair of this rollout, though both were asked: the process ended before one answered."""
    opened = select(func.min(RolloutEvent.id)).where(RolloutEvent.rollout_id == rollout.id)
    version = rollout.model_version_id
    query = (
        select(func.count())
        .select_from(AwaitedShadow)
        .join(Prediction, Prediction.id == AwaitedShadow.prediction_id)
        .where(
            or_(Prediction.model_version_id == version, AwaitedShadow.model_version_id == version),
            Prediction.rollout_event_id >= opened.scalar_subquery(),
            Prediction.created_at < now - LATE,
        )
    )
    return session.scalar(query) or 0


def lock(session: Session, rollout_id: str) -> Rollout:
    """Take the rollout's row, so that one monitor at a time notes and decides; it is read anew."""
    return session.get_one(Rollout, rollout_id, with_for_update=True, populate_existing=True)


def last_number(session: Session, rollout_id: str) -> int:
    """The number of the newest pair; 0 when there is none."""
    return session.scalar(select(func.max(Pair.number)).where(_of(rollout_id))) or 0


def note(session: Session, new: Sequence[Pair]) -> None:
    """Add pairs under the lock. The reviews of those that wait for a label get its deadline."""
    session.add_all(new)
    session.flush()
    for one in new:
        if one.kind == "differ" and one.votes:
            session.execute(
                update(Review)
                .where(Review.prediction_id == one.prediction_id, Review.deadline.is_(None))
                .values(deadline=one.deadline)
            )


def withdraw_reviews(session: Session, prediction_ids: Sequence[str]) -> int:
    """Ask nobody about disagreements that have no vote, where nobody has begun and nothing else is asked; how many."""
    begun = exists().where(Label.review_id == Review.id)
    done = session.execute(
        update(Review)
        .where(
            Review.prediction_id.in_(prediction_ids),
            Review.lane == "evidence",
            Review.status == "open",
            Review.lease_token.is_(None),
            ~begun,
        )
        .values(status="withdrawn")
    )
    return int(done.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


def seen_before(session: Session, rollout_id: str, pictures: Sequence[str]) -> set[str]:
    """Which of these groups of pictures were paired before."""
    query = select(Pair.picture).where(_of(rollout_id), Pair.picture.in_(pictures)).distinct()
    return set(session.scalars(query))


def last_of_sources(
    session: Session, rollout_id: str, sources: Sequence[str]
) -> dict[str, datetime]:
    """When each of these sources was last paired."""
    rows = session.execute(
        select(Pair.source, func.max(Pair.at))
        .where(_of(rollout_id), Pair.source.in_(sources))
        .group_by(Pair.source)
    )
    return {source: at for source, at in rows if source is not None}


def single(session: Session, rollout_id: str, until: int, since: int = 0) -> Sequence[Pair]:
    """Voting pairs up to number `until`, from the step that the event `since` began, that differ or in which the
    candidate failed, in their order.
    """
    return session.scalars(
        select(Pair)
        .where(voting(rollout_id, until, since), Pair.kind.in_(("differ", "lost")))
        .order_by(Pair.number)
    ).all()


@dataclass(frozen=True)
class Run:
    """`count` voting pairs that said the same, after the first `after` of the others (`single`)."""

    after: int
    step: int
    inside: bool
    count: int


def runs(session: Session, rollout_id: str, until: int, since: int = 0) -> list[Run]:
    """Voting pairs that said the same, of the same ones as `single`, by what stands between them."""
    other = case((Pair.kind == "alike", 0), else_=1)
    placed = (
        select(
            func.sum(other).over(order_by=Pair.number).label("after"),
            Pair.step.label("step"),
            Pair.inside.label("inside"),
            Pair.kind.label("kind"),
        )
        .where(voting(rollout_id, until, since), Pair.kind != "void")
        .subquery()
    )
    key = (placed.c.after, placed.c.step, placed.c.inside)
    rows = session.execute(
        select(*key, func.count()).where(placed.c.kind == "alike").group_by(*key).order_by(*key)
    )
    return [Run(*row) for row in rows.tuples()]


@dataclass(frozen=True)
class Answered:
    """The candidate's answers among all pairs: how many, how many failed, how many took longer than asked."""

    all: int
    failed: int
    slow: int


def answered(session: Session, rollout_id: str, until: int, milliseconds: float) -> Answered:
    """Counted over every pair up to number `until`, burst or not."""
    row = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(case((Pair.kind == "lost", 1), else_=0)), 0),
            func.coalesce(func.sum(case((Pair.milliseconds > milliseconds, 1), else_=0)), 0),
        ).where(_of(rollout_id), Pair.number <= until)
    ).one()
    return Answered(*map(int, row))


def voting(rollout_id: str, until: int, since: int) -> ColumnElement[bool]:
    """The pairs that count: up to number `until`, from the step that the event `since` began."""
    return and_(_of(rollout_id), Pair.number <= until, Pair.votes, Pair.step >= since)


def _of(rollout_id: str) -> ColumnElement[bool]:
    return Pair.rollout_id == rollout_id


def _fresh(prediction: Prediction, shadow: ShadowAnswer, group: str, candidate_id: str) -> Fresh:
    answers = prediction.model_version_id == candidate_id
    said = shadow.label if shadow.error is None else None
    return Fresh(
        prediction_id=prediction.id,
        event_id=prediction.rollout_event_id or 0,
        candidate_answered=answers,
        candidate_label=prediction.label if answers else said,
        incumbent_label=said if answers else prediction.label,
        milliseconds=prediction.milliseconds.get("model") if answers else shadow.milliseconds,
        group=group,
        consumer_id=prediction.consumer_id,
        segment=prediction.segment,
        subject=prediction.subject,
        at=prediction.created_at,
    )
