"""Counts of whole days, written before the rows that they count go. A day is counted once and never again."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database import insert_new
from store.tables import Day, Prediction

# the row of a day on which nothing came, so that a day is known to have been counted
NOBODY = ("", "")


def start_of(day: date) -> datetime:
    """The first moment of a day (UTC)."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def uncounted(session: Session, before: date, most: int) -> list[date]:
    """The oldest days before `before` that are not counted yet, `most` at a time."""
    first = session.scalar(select(func.min(Prediction.created_at)))
    last = session.scalar(select(func.max(Day.day)))
    if first is None:
        return []
    day = first.astimezone(UTC).date()
    if last is not None:
        day = max(day, date.fromisoformat(last) + timedelta(days=1))
    return [day + timedelta(days=n) for n in range(min(most, max(0, (before - day).days)))]


def count(session: Session, day: date, now: datetime) -> int:
    """Count a day that is over; how many predictions it had. A second monitor's count changes nothing."""
    made = (
        Prediction.created_at >= start_of(day),
        Prediction.created_at < start_of(day) + timedelta(1),
    )
    rows = session.execute(
        select(
            func.coalesce(Prediction.model_version_id, ""),
            func.coalesce(Prediction.segment, ""),
            Prediction.label,
            Prediction.decision,
            func.count(),
            func.count().filter(Prediction.inside.is_(False)),
            func.count().filter(Prediction.audited.is_(True)),
            func.coalesce(func.sum(Prediction.confidence), 0.0),
            func.count(Prediction.confidence),
        )
        .where(*made)
        .group_by(
            Prediction.model_version_id, Prediction.segment, Prediction.label, Prediction.decision
        )
    ).all()
    found: dict[tuple[str, str], dict[str, Any]] = defaultdict(_nothing)
    for version, segment, label, decision, number, flagged, audited, confidence, confident in rows:
        one = found[version, segment]
        one["predictions"] += number
        one["flagged"] += flagged
        one["audited"] += audited
        one["confidence_sum"] += confidence
        one["confidence_count"] += confident
        one["by_decision"][decision] = one["by_decision"].get(decision, 0) + number
        if label is not None:
            one["by_class"][label] = one["by_class"].get(label, 0) + number
    found = found or {NOBODY: _nothing()}
    keys = {"day": day.isoformat(), "created_at": now}
    insert_new(
        session,
        Day,
        [{**keys, "model_version_id": v, "segment": s, **one} for (v, s), one in found.items()],
    )
    return sum(one["predictions"] for one in found.values())


def counted_until(session: Session) -> datetime | None:
    """The moment before which every prediction is counted; None before the first count."""
    last = session.scalar(select(func.max(Day.day)))
    return None if last is None else start_of(date.fromisoformat(last)) + timedelta(days=1)


def since(session: Session, day: date) -> list[Day]:
    """The counts from `day` on, oldest first."""
    return list(
        session.scalars(
            select(Day)
            .where(Day.day >= day.isoformat())
            .order_by(Day.day, Day.model_version_id, Day.segment)
        )
    )


def _nothing() -> dict[str, Any]:
    zero = dict.fromkeys(("predictions", "flagged", "audited", "confidence_count"), 0)
    return {**zero, "confidence_sum": 0.0, "by_class": {}, "by_decision": {}}
