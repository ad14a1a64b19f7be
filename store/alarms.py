"""Alarms: raised by monitoring, acknowledged by operators, cleared when what they told of is over.

There is one open alarm for each kind, stream and model version, whoever raises it: raised again, it counts.
Nothing is ever deleted, and a cleared alarm never opens again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from store import webhooks
from store.database import insert_new
from store.errors import Conflict, Invalid, NotFound
from store.ids import new_id
from store.tables import Alarm

LONGEST_REASON = 2000


@dataclass(frozen=True)
class NewAlarm:
    """`kind` is who noticed (window, online, accuracy, ...), `stream` the segment, "" for all of them.

    `detail` is whatever explains it (JSON); `pages`: worth waking somebody up for.
    """

    kind: str
    stream: str
    model_version_id: str | None
    window_id: str | None
    detail: dict[str, Any]
    pages: bool = False


def raise_alarm(session: Session, new: NewAlarm, now: datetime) -> Alarm:
    """The open alarm of this kind, stream and version: a new one, or the one that was open, counted.

    What was open keeps its detail and window; `pages` is true from the first raise that says so. Two monitors
    that raise at once get the same row.
    """
    key = _key(new)
    row = {
        **vars(new),
        "id": new_id(now),
        "raised_at": now,
        "last_raised_at": now,
        "times": 1,
        "open_as": key,
    }
    # once more when the one that was open has been cleared between the two statements
    while not insert_new(session, Alarm, [row]):
        counted: dict[str, Any] = {"times": Alarm.times + 1, "last_raised_at": now}
        if new.pages:
            counted["pages"] = True
        raised = session.scalar(
            update(Alarm).where(Alarm.open_as == key).values(counted).returning(Alarm.id)
        )
        if raised is not None:
            return _fresh(session, raised)
    alarm = _fresh(session, str(row["id"]))
    webhooks.alarm_changed(session, alarm, "raised", now)
    return alarm


def get(session: Session, alarm_id: str, *, lock: bool = False) -> Alarm:
    """Raises NotFound."""
    # what this session read before the lock may have changed since
    alarm = session.get(Alarm, alarm_id, with_for_update=lock or None, populate_existing=lock)
    if alarm is None:
        raise NotFound("There is no such alarm.")
    return alarm


def open_alarms(session: Session, kind: str | None = None) -> Sequence[Alarm]:
    """What is open, the newest first; of one kind if it is named."""
    query = select(Alarm).where(Alarm.open_as.is_not(None))
    if kind is not None:
        query = query.where(Alarm.kind == kind)
    return session.scalars(query.order_by(Alarm.raised_at.desc(), Alarm.id.desc())).all()


def raised_since(
    session: Session, kind: str, model_version_id: str | None, since: datetime
) -> bool:
    """Whether an alarm of this kind was raised for a version since a moment, cleared or not."""
    found = select(Alarm.id).where(
        Alarm.kind == kind,
        Alarm.model_version_id == model_version_id,
        Alarm.raised_at >= since,
    )
    return session.scalar(found.limit(1)) is not None


def newest(session: Session, limit: int) -> Sequence[Alarm]:
    """Open ones first, then the newest first."""
    order = (Alarm.open_as.is_(None), Alarm.raised_at.desc(), Alarm.id.desc())
    return session.scalars(select(Alarm).order_by(*order).limit(limit)).all()


def unexplained(session: Session, kinds: Sequence[str], limit: int) -> Sequence[Alarm]:
    """Open alarms of these kinds to which no explanation was added, the oldest first."""
    return session.scalars(
        select(Alarm)
        .where(Alarm.open_as.is_not(None), Alarm.explained_at.is_(None), Alarm.kind.in_(kinds))
        .order_by(Alarm.raised_at, Alarm.id)
        .limit(limit)
    ).all()


def explain(session: Session, alarm_id: str, why: dict[str, Any], now: datetime) -> bool:
    """Add the explanation to the alarm's detail, as `why`; false when another monitor was first."""
    alarm = get(session, alarm_id, lock=True)
    if alarm.explained_at is not None:
        return False
    alarm.detail = {**alarm.detail, "why": why}
    alarm.explained_at = now
    session.flush()
    return True


def acknowledge(session: Session, alarm_id: str, who: str, reason: str, now: datetime) -> Alarm:
    """Somebody has seen it and says what is done about it; it stays open.

    Raises NotFound, Invalid without a reason, Conflict `alarm_cleared` or `acknowledged_already`.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise Invalid(f"A reason is needed, of at most {LONGEST_REASON} characters.", "no_reason")
    alarm = get(session, alarm_id, lock=True)
    if alarm.cleared_at is not None:
        raise Conflict("This alarm is cleared already.", "alarm_cleared")
    if alarm.acknowledged_at is not None:
        raise Conflict(
            f"{alarm.acknowledged_by} has acknowledged it already.", "acknowledged_already"
        )
    alarm.acknowledged_by, alarm.acknowledged_at, alarm.acknowledged_why = who, now, reason
    session.flush()
    return alarm


def clear(session: Session, alarm_id: str, now: datetime, by: str = "monitoring") -> Alarm:
    """What it told of is over. Cleared twice it is as it was the first time. Raises NotFound."""
    alarm = get(session, alarm_id, lock=True)
    if alarm.cleared_at is None:
        alarm.cleared_at, alarm.cleared_by, alarm.open_as = now, by, None
        session.flush()
        webhooks.alarm_changed(session, alarm, "cleared", now)
    return alarm


def left_behind(session: Session, kind: str, version_ids: Sequence[str]) -> Sequence[Alarm]:
    """Open alarms of a kind about other model versions than these: no picture of theirs will come again."""
    other = or_(Alarm.model_version_id.is_(None), Alarm.model_version_id.not_in(version_ids))
    return session.scalars(
        select(Alarm).where(Alarm.open_as.is_not(None), Alarm.kind == kind, other)
    ).all()


def _fresh(session: Session, alarm_id: str) -> Alarm:
    # the session may hold it as it was before it was counted
    return session.get_one(Alarm, alarm_id, populate_existing=True)


def _key(new: NewAlarm) -> str:
    parts = f"{new.kind}\n{new.stream}\n{new.model_version_id or ''}"
    return hashlib.sha256(parts.encode()).hexdigest()
