"""How right the answers are, as monitoring estimated it from the audit: one row a day for each slice.

A later look on the same day takes the place of the earlier one, so that history is a row a day and not a row a look.
An id follows from day, version and slice: two monitors that look at the same moment keep one row.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from store.database import insert_new
from store.errors import NotFound
from store.tables import Accuracy


@dataclass(frozen=True)
class NewAccuracy:
    """One slice of one look. Shares are 0 to 1; `estimate`, `low` and `high` are None where too little is known.

    `model_version_id` None stands for all versions together; `slice_name` is "" for the slice "all". `detail` says
    how it came about, with all that is needed to compute it again.
    """

    model_version_id: str | None
    slice_kind: str
    slice_name: str
    method: str
    starts_at: datetime
    ends_at: datetime
    labels: int
    effective_labels: float
    estimate: float | None
    low: float | None
    high: float | None
    detail: dict[str, Any]


def keep(session: Session, look: Sequence[NewAccuracy], now: datetime) -> list[str]:
    """Keep the slices of one look (all with one `ends_at`), in place of earlier ones of that day; their ids."""
    rows = [{"id": identity(one), "created_at": now, **vars(one)} for one in look]
    ids = [str(row["id"]) for row in rows]
    ends = max((one.ends_at for one in look), default=now)
    for start in range(0, len(ids), 500):
        older = Accuracy.id.in_(ids[start : start + 500]), Accuracy.ends_at <= ends
        session.execute(delete(Accuracy).where(*older))
    insert_new(session, Accuracy, rows)
    return ids


def identity(new: NewAccuracy) -> str:
    """The id of a slice on the day (UTC) on which its look ended."""
    day = new.ends_at.astimezone(UTC).date().isoformat()
    name = "\n".join((day, new.model_version_id or "", new.slice_kind, new.slice_name))
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def newest(session: Session) -> Sequence[Accuracy]:
    """Every slice of the newest look: all versions together first, then each version; empty before the first look."""
    last = select(func.max(Accuracy.ends_at)).scalar_subquery()
    return session.scalars(
        select(Accuracy)
        .where(Accuracy.ends_at == last)
        .order_by(
            Accuracy.model_version_id.is_not(None),
            Accuracy.model_version_id,
            Accuracy.slice_kind,
            Accuracy.slice_name,
        )
    ).all()


def history(session: Session, model_version_id: str | None, since: datetime) -> Sequence[Accuracy]:
    """The slice "all" of a version (None: of all together), a row a day, oldest first."""
    version = (
        Accuracy.model_version_id.is_(None)
        if model_version_id is None
        else Accuracy.model_version_id == model_version_id
    )
    return session.scalars(
        select(Accuracy)
        .where(version, Accuracy.slice_kind == "all", Accuracy.ends_at > since)
        .order_by(Accuracy.ends_at)
    ).all()


def latest(session: Session, model_version_id: str) -> Accuracy | None:
    """The newest row of a version as a whole."""
    return session.scalar(
        select(Accuracy)
        .where(Accuracy.model_version_id == model_version_id, Accuracy.slice_kind == "all")
        .order_by(Accuracy.ends_at.desc())
        .limit(1)
    )


def last_look(session: Session) -> datetime | None:
    """Until when the newest look saw; None before the first."""
    return session.scalar(select(func.max(Accuracy.ends_at)))


def get(session: Session, accuracy_id: str) -> Accuracy:
    """Raises NotFound."""
    found = session.get(Accuracy, accuracy_id)
    if found is None:
        raise NotFound("There is no such accuracy.")
    return found
