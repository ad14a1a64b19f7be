"""What stands in the rows now, counted: the figures that monitoring turns into gauges.

Every query costs by what is open or recent, never by what the tables hold in all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.tables import Decision, Heartbeat, Job, Review, Rollout, Switch, Window


def windows_by_segment(session: Session, model_version_id: str, since: datetime) -> list[Window]:
    """The newest window of each segment ("" is all of them) of a model version, made since `since`."""
    ends = (
        select(Window.segment, func.max(Window.last_prediction_id).label("last"))
        .where(Window.model_version_id == model_version_id, Window.created_at >= since)
        .group_by(Window.segment)
        .subquery()
    )
    rows = session.scalars(
        select(Window)
        .join(
            ends,
            (Window.segment == ends.c.segment) & (Window.last_prediction_id == ends.c.last),
        )
        .where(Window.model_version_id == model_version_id)
        .order_by(Window.created_at, Window.id)
    ).all()
    # by count and by time a stretch may end at the same picture: the later check is the newest
    return list({row.segment: row for row in rows}.values())


def oldest_by_lane(session: Session) -> dict[str, datetime]:
    """Since when the oldest open review of each lane waits."""
    rows = session.execute(
        select(Review.lane, func.min(Review.created_at))
        .where(Review.status == "open")
        .group_by(Review.lane)
    )
    return dict(rows.tuples().all())


@dataclass(frozen=True)
class Work:
    """Jobs of one kind: how many are due and wait, and how many failed for good since a moment."""

    waiting: int
    failed: int


def work(session: Session, now: datetime, since: datetime) -> dict[str, Work]:
    """Jobs by kind."""
    waiting = session.execute(
        select(Job.kind, func.count())
        .where(Job.status == "todo", Job.due_at <= now)
        .group_by(Job.kind)
    )
    failed = session.execute(
        select(Job.kind, func.count())
        .where(Job.status == "failed", Job.finished_at >= since)
        .group_by(Job.kind)
    )
    waits = dict(waiting.tuples().all())
    fails = dict(failed.tuples().all())
    return {kind: Work(waits.get(kind, 0), fails.get(kind, 0)) for kind in sorted({*waits, *fails})}


@dataclass(frozen=True)
class Way:
    """The candidate on its way: stage, share of subjects, since when, and monitoring's newest verdict on it."""

    stage: str
    share: float
    opened_at: datetime
    verdict: str | None
    decided_at: datetime | None


def way(session: Session) -> Way | None:
    """How far the candidate is; None when there is none."""
    rollout = session.scalar(select(Rollout).where(Rollout.on_its_way.is_(True)))
    if rollout is None:
        return None
    decision = session.scalar(
        select(Decision)
        .where(Decision.rollout_id == rollout.id)
        .order_by(Decision.at.desc(), Decision.id.desc())
        .limit(1)
    )
    return Way(
        rollout.stage,
        rollout.share,
        rollout.opened_at,
        decision.verdict if decision else None,
        decision.at if decision else None,
    )


def switches(session: Session) -> set[str]:
    """The switches that people have thrown."""
    return set(session.scalars(select(Switch.name).where(Switch.thrown.is_(True))))


def alive(session: Session, now: datetime, within: timedelta) -> dict[str, int]:
    """How many instances of each program said that they are alive within the last moments."""
    rows = session.execute(
        select(Heartbeat.program, func.count())
        .where(Heartbeat.at >= now - within)
        .group_by(Heartbeat.program)
    )
    return dict(rows.tuples().all())
