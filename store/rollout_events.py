"""The append-only record of every rollout: who moved what, when, why and on what evidence.

Order: `check` who acts and why, `write` the event in the transaction of its cause, read them newest first. A
confirmation that a candidate may answer everything is an event too: it counts until the rollout moves. Nothing here
is ever changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.errors import Conflict, Invalid, NotFound
from store.tables import Rollout, RolloutEvent
from store.tables.rollouts import ACTORS


@dataclass(frozen=True)
class Actor:
    """Who moves: `kind` is person, key, command, monitoring or system."""

    kind: str
    name: str


# no move of anybody's: what becomes of a candidate when the version that it is compared with is taken back
ANEW = "begin_anew"


@dataclass(frozen=True)
class Step:
    """A step of a rollout's way: the event that began it, the stage it is in, when it began, and the share since then.

    `anew`: what was counted before it was against another version.
    """

    event_id: int
    stage: str
    at: datetime
    share: float
    anew: bool = False


def check(actor: Actor, reason: str) -> None:
    """Raises Invalid for an unknown kind of actor, or without a reason (`no_reason`)."""
    if actor.kind not in ACTORS:
        raise Invalid(f"There is no such kind of actor: {actor.kind!r}.")
    if not reason.strip():
        raise Invalid("A reason is needed.", "no_reason")


def write(
    session: Session,
    rollout: Rollout,
    name: str,
    from_stage: str | None,
    to_stage: str | None,
    actor: Actor,
    reason: str,
    now: datetime,
    evidence: dict[str, Any],
    decision_id: str | None = None,
) -> RolloutEvent:
    """Add an event with the rollout's share and scope as they stand now."""
    event = RolloutEvent(
        rollout_id=rollout.id,
        at=now,
        move=name,
        from_stage=from_stage,
        to_stage=to_stage,
        share=rollout.share,
        scope=rollout.scope,
        actor_kind=actor.kind,
        actor=actor.name,
        reason=reason.strip(),
        evidence=evidence,
        decision_id=decision_id,
    )
    session.add(event)
    session.flush()
    return event


def events(
    session: Session, limit: int = 50, rollout_id: str | None = None
) -> Sequence[RolloutEvent]:
    """The newest events, newest first."""
    query = select(RolloutEvent).order_by(RolloutEvent.id.desc()).limit(limit)
    if rollout_id is not None:
        query = query.where(RolloutEvent.rollout_id == rollout_id)
    return session.scalars(query).all()


def all_since(
    session: Session, since: datetime | None = None
) -> Sequence[tuple[RolloutEvent, str]]:
    """Every event from `since` on with its model version's id, oldest first."""
    query = (
        select(RolloutEvent, Rollout.model_version_id)
        .join(Rollout, Rollout.id == RolloutEvent.rollout_id)
        .order_by(RolloutEvent.id)
    )
    if since is not None:
        query = query.where(RolloutEvent.at >= since)
    return [(event, version) for event, version in session.execute(query)]


def steps(session: Session, rollout_id: str) -> list[Step]:
    """Every move that led to a stage, oldest first."""
    rows = session.execute(
        select(
            RolloutEvent.id,
            RolloutEvent.to_stage,
            RolloutEvent.at,
            RolloutEvent.share,
            RolloutEvent.move == ANEW,
        )
        .where(
            RolloutEvent.rollout_id == rollout_id,
            RolloutEvent.to_stage.is_not(None),
            # a word that it may go is no step
            RolloutEvent.move != "confirm",
        )
        .order_by(RolloutEvent.id)
    )
    return [
        Step(event_id, str(stage), at, share, anew)
        for event_id, stage, at, share, anew in rows.tuples()
    ]


def exposed(session: Session, rollout_id: str) -> RolloutEvent | None:
    """The event with which the candidate last began to answer anybody, from `manual`; None when it never did."""
    return session.scalar(
        select(RolloutEvent)
        .where(
            RolloutEvent.rollout_id == rollout_id,
            RolloutEvent.from_stage == "manual",
            RolloutEvent.to_stage.in_(("limited", "full")),
        )
        .order_by(RolloutEvent.id.desc())
        .limit(1)
    )


def confirm(
    session: Session,
    rollout_id: str,
    actor: Actor,
    reason: str,
    now: datetime,
    *,
    although_held: bool = False,
    held: bool = False,
) -> list[str]:
    """Say that a candidate may answer everything; who has said so since its last move, oldest first.

    The same hand counts once, however often it says so, under the lock of its rollout. `although_held`: though
    monitoring may hold it; where it does (`held`) nobody else's word counts. Raises Conflict when the rollout has ended.
    """
    check(actor, reason)
    rollout = session.get(Rollout, rollout_id, with_for_update=True, populate_existing=True)
    if rollout is None:
        raise NotFound("There is no such rollout.")
    if rollout.ended_at is not None or rollout.stage == "full":
        raise Conflict("This rollout is not on its way.", "illegal_move")
    before, stage = _said(session, rollout_id, held=although_held), rollout.stage
    if len(_hands([*before, actor])) > len(_hands(before)):
        said = {"although_held": although_held}
        write(session, rollout, "confirm", stage, stage, actor, reason, now, said)
    return confirmed(session, rollout_id, held=held)


def confirmed(session: Session, rollout_id: str, *, held: bool = False) -> list[str]:
    """Who has confirmed since the rollout's last move, each once, oldest first; `held`: those who said it in spite of a hold."""
    return _hands(_said(session, rollout_id, held=held))


def _said(session: Session, rollout_id: str, *, held: bool) -> list[Actor]:
    said: list[Actor] = []
    for one in events(session, 100, rollout_id):
        if one.move != "confirm":
            break
        if not held or one.evidence.get("although_held"):
            said.insert(0, Actor(one.actor_kind, one.actor))
    return said


def _hands(said: Sequence[Actor]) -> list[str]:
    """The names of those who are different people for all that can be known here, in their order."""
    names: list[str] = []
    typed = False
    for one in said:
        # two keys of one consumer are one hand
        name = one.name.rpartition(" (")[0] or one.name if one.kind == "key" else one.name
        # and so is all that is typed at the machine, where one user can become another; a person of the same name too
        if name not in names and not (typed and one.kind == "command"):
            names.append(name)
            typed = typed or one.kind == "command"
    return names
