"""How often a model version's rule errs when nothing has changed: one row for each version, written once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database import insert_new
from store.ids import new_id
from store.tables import ModelVersion, NullReplay


@dataclass(frozen=True)
class NewReplay:
    """`false_alarms` of `windows` without drift were called drift; `rate` with its 95 % interval, None without any."""

    model_version_id: str
    windows: int
    false_alarms: int
    rate: float | None
    low: float | None
    high: float | None
    detail: dict[str, Any]


def keep(session: Session, new: NewReplay, now: datetime) -> None:
    """Keep it, unless the version has one: replays are the same whoever makes them."""
    insert_new(session, NullReplay, [{"id": new_id(now), "created_at": now, **vars(new)}])


def of(session: Session, model_version_id: str) -> NullReplay | None:
    """The replay of a version, if it was made."""
    return session.scalar(select(NullReplay).where(NullReplay.model_version_id == model_version_id))


def missing(session: Session, limit: int) -> Sequence[str]:
    """Versions without one, the newest first."""
    return session.scalars(
        select(ModelVersion.id)
        .outerjoin(NullReplay, NullReplay.model_version_id == ModelVersion.id)
        .where(NullReplay.id.is_(None))
        .order_by(ModelVersion.number.desc())
        .limit(limit)
    ).all()
