"""What monitoring concluded about candidates, kept with all that it takes to conclude it again; append-only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.errors import NotFound
from store.ids import new_id
from store.tables import Decision


@dataclass(frozen=True)
class NewDecision:
    """One look at a candidate. `ids` says which rows it saw, `thresholds` under which rule, `values` what it found."""

    rollout_id: str
    stage: str
    verdict: str
    rule_version: str
    versions: dict[str, Any]
    ids: dict[str, Any]
    values: dict[str, Any]
    thresholds: dict[str, Any]
    actor: str


def add(session: Session, new: NewDecision, now: datetime) -> Decision:
    """Keep a decision."""
    decision = Decision(id=new_id(now), at=now, **vars(new))
    session.add(decision)
    session.flush()
    return decision


def get(session: Session, decision_id: str) -> Decision:
    """Raises NotFound."""
    decision = session.get(Decision, decision_id)
    if decision is None:
        raise NotFound("There is no such decision.")
    return decision


def newest(session: Session, limit: int = 50, rollout_id: str | None = None) -> Sequence[Decision]:
    """The newest decisions, of one rollout if it is named, newest first."""
    query = select(Decision).order_by(Decision.id.desc()).limit(limit)
    if rollout_id is not None:
        query = query.where(Decision.rollout_id == rollout_id)
    return session.scalars(query).all()


def every_id(session: Session) -> Iterator[str]:
    """The ids of all decisions, oldest first."""
    yield from session.scalars(select(Decision.id).order_by(Decision.id))
