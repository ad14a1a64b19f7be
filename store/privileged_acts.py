"""The append-only record of what privileged hands did: who, when and why. Nothing in it is ever changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.rollout_events import Actor, check
from store.tables import PrivilegedAct


def record(
    session: Session,
    actor: Actor,
    act: str,
    subject: str,
    reason: str | None,
    detail: dict[str, Any],
    now: datetime,
) -> None:
    """Append an act in the transaction of what it did. Raises Invalid without a reason (`no_reason`).

    `reason` is None only for what asks or prepares and changes nobody's answer: there what was written says why.
    """
    said = {**detail, "actor_kind": actor.kind}
    if reason is not None:
        check(actor, reason)
        said["reason"] = reason.strip()
    session.add(PrivilegedAct(at=now, actor=actor.name, act=act, subject=subject, detail=said))
    session.flush()


def newest(session: Session, limit: int) -> Sequence[PrivilegedAct]:
    """Newest first."""
    return session.scalars(
        select(PrivilegedAct).order_by(PrivilegedAct.id.desc()).limit(limit)
    ).all()


def since(session: Session, moment: datetime | None = None) -> Sequence[PrivilegedAct]:
    """Every act from `moment` on, oldest first."""
    query = select(PrivilegedAct).order_by(PrivilegedAct.id)
    if moment is not None:
        query = query.where(PrivilegedAct.at >= moment)
    return session.scalars(query).all()
