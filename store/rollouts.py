"""The only way in which a model takes over, or is taken back.

`move` knows the legal moves; each writes an append-only event with who, why and on what evidence. `live` says who
answers now, from the rows alone: every process that answers asks it and needs no message from anyone. What grows a
candidate's exposure is refused while rollouts are frozen; what takes it back never is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store import locks, switches
from store import scope as scopes
from store.errors import Conflict, Invalid, NotFound
from store.exposures import expose
from store.ids import new_id
from store.rollout_events import ANEW, Actor, check, events, write
from store.scope import Scope
from store.tables import ModelVersion, Rollout, RolloutEvent

__all__ = [
    "GROWS", "MOVES", "Actor", "Live", "LiveModel", "Move", "events", "get", "live", "lock", "move",
    "newest", "of_version",
    "open_rollout",
]  # fmt: skip


@dataclass(frozen=True)
class Move:
    """From which stages a move may be made, where it leads (None: the rollout ends), with which outcome."""

    from_stages: tuple[str, ...]
    to_stage: str | None
    outcome: str | None = None


MOVES = {
    "limit": Move(("manual",), "limited"),
    "expand": Move(("limited", "expanding"), "expanding"),
    "promote": Move(("manual", "limited", "expanding"), "full"),
    "fall_back": Move(("limited", "expanding"), "manual"),
    "withdraw": Move(("manual", "limited", "expanding"), None, "withdrawn"),
    "revert": Move(("manual", "limited", "expanding", "full"), None, "reverted"),
}
GROWS = ("limit", "expand", "promote")


@dataclass(frozen=True)
class LiveModel:
    """A model that answers or runs alongside.

    In `limited` it may answer inside its scope; in `expanding` for its share of all subjects, and for those who were
    in the scope before.
    """

    rollout_id: str
    version_id: str
    number: int
    bundle_digest: str
    stage: str
    share: float
    scope: Scope | None
    expires_at: datetime | None


@dataclass(frozen=True)
class Live:
    """Who answers now. Without an incumbent people do; `event_id` grows with every change.

    `previous` is the one that the incumbent took over from: it comes back when the incumbent is taken back.
    """

    event_id: int
    incumbent: LiveModel | None
    candidate: LiveModel | None
    killed: bool
    previous: LiveModel | None = None

    @property
    def version_ids(self) -> list[str]:
        """The versions that look at pictures now: the incumbent first."""
        return [one.version_id for one in (self.incumbent, self.candidate) if one is not None]


def open_rollout(
    session: Session, model_version_id: str, actor: Actor, reason: str, now: datetime
) -> Rollout:
    """Put a model version on its way, in `manual`: it runs on everything and changes nothing.

    Raises Conflict while another candidate is on its way (`candidate_on_its_way`) or it answers already.
    """
    check(actor, reason)
    version = session.get(ModelVersion, model_version_id)
    if version is None:
        raise NotFound("There is no such model version.")
    locks.hold(session, "open rollout")
    if _on_its_way(session) is not None:
        raise Conflict("Another candidate is on its way.", "candidate_on_its_way")
    incumbent = _answering(session)
    if incumbent is not None and incumbent.model_version_id == model_version_id:
        raise Conflict(f"Version {version.number} answers already.", "answers_already")
    rollout = Rollout(
        id=new_id(now),
        model_version_id=model_version_id,
        previous_id=incumbent.id if incumbent else None,
        stage="manual",
        on_its_way=True,
        share=0.0,
        opened_at=now,
    )
    session.add(rollout)
    session.flush()
    write(session, rollout, "open", None, "manual", actor, reason, now, {})
    return rollout


def move(
    session: Session,
    rollout_id: str,
    name: str,
    actor: Actor,
    reason: str,
    now: datetime,
    *,
    evidence: dict[str, Any] | None = None,
    share: float | None = None,
    scope: dict[str, Any] | None = None,
    expires_at: datetime | None = None,
    decision_id: str | None = None,
) -> RolloutEvent:
    """Make a legal move, or raise Conflict with code `illegal_move`; a reason in words is demanded.

    `limit` needs a scope: the one given, else the one that was planned with the rollout (Conflict `no_scope`), and,
    unless a system moves, answered questions (`preflight`). `expand` goes to `share`, else to the next planned
    step, and never to less (`not_more`). Whoever was in the scope stays in while the share grows. At `full` the
    candidate becomes the one that answers and the one before is `replaced`. A revert from `full` brings back the
    one before, or people when there is none, and a candidate on its way begins anew in `manual`. While rollouts are frozen nothing grows (`frozen`).
    """
    check(actor, reason)
    legal = _legal(session, name, actor)
    rollout = lock(session, rollout_id)
    over = rollout.expires_at is not None and rollout.expires_at <= now
    if name in GROWS and over:
        raise Conflict("Its stage is over and falls back: nothing grows from it.", "illegal_move")
    if rollout.stage not in legal.from_stages:
        way = name.replace("_", " ")
        raise Conflict(f"From {rollout.stage} there is no way to {way}.", "illegal_move")
    came_from, was_answering = rollout.stage, not rollout.on_its_way
    if legal.to_stage is None:
        rollout.outcome, rollout.ended_at, rollout.on_its_way = legal.outcome, now, False
    else:
        expose(rollout, name, actor, share, scope, expires_at)
        rollout.stage = legal.to_stage
        rollout.on_its_way = legal.to_stage != "full"
    session.flush()
    event = write(
        session, rollout, name, came_from, legal.to_stage, actor, reason, now,
        evidence or {}, decision_id,
    )  # fmt: skip
    if name == "promote":
        _replace(session, rollout, now)
    elif name == "revert" and was_answering:
        _restore(session, rollout, actor, now)
        _begin_anew(session, actor, now)
    return event


def lock(session: Session, rollout_id: str) -> Rollout:
    """Every rollout that goes on, so that two hands on two of them cannot make two incumbents; the one that is asked for.

    Raises NotFound, Conflict `illegal_move` when it has ended.
    """
    locked = session.scalars(
        select(Rollout)
        .where(Rollout.ended_at.is_(None))
        # always in one order: the candidate's first
        .order_by(Rollout.id.desc())
        .with_for_update()
        # what this session read before the lock may have changed since
        .execution_options(populate_existing=True)
    ).all()
    rollout = next((one for one in locked if one.id == rollout_id), None)
    if rollout is None:
        get(session, rollout_id)
        raise Conflict("This rollout has ended.", "illegal_move")
    return rollout


def live(session: Session) -> Live:
    """Who answers now, and who runs alongside."""
    incumbent = _answering(session)
    before = incumbent.previous_id if incumbent else None
    return Live(
        event_id=session.scalar(select(func.max(RolloutEvent.id))) or 0,
        incumbent=_live(session, incumbent),
        candidate=_live(session, _on_its_way(session)),
        killed=switches.thrown(session, "killed"),
        previous=_live(session, session.get(Rollout, before) if before else None),
    )


def get(session: Session, rollout_id: str) -> Rollout:
    """Raises NotFound."""
    rollout = session.get(Rollout, rollout_id)
    if rollout is None:
        raise NotFound("There is no such rollout.")
    return rollout


def newest(session: Session) -> Rollout | None:
    """The rollout that is on its way, else the one that was opened last."""
    return session.scalar(
        select(Rollout)
        .order_by(Rollout.on_its_way.desc(), Rollout.opened_at.desc(), Rollout.id.desc())
        .limit(1)
    )


def of_version(session: Session, model_version_id: str) -> Rollout | None:
    """The newest rollout of a model version."""
    return session.scalar(
        select(Rollout)
        .where(Rollout.model_version_id == model_version_id)
        .order_by(Rollout.opened_at.desc(), Rollout.id.desc())
        .limit(1)
    )


def _legal(session: Session, name: str, actor: Actor) -> Move:
    legal = MOVES.get(name)
    if legal is None:
        raise Invalid(f"There is no move {name!r}.", "unknown_move")
    # held to the end of the move, so that nothing grows once a freeze has been told
    if name in GROWS and actor.kind != "system" and switches.thrown(session, "frozen", hold=True):
        raise Conflict("Rollouts are frozen: nothing grows until they are released.", "frozen")
    return legal


def _answering(session: Session) -> Rollout | None:
    return session.scalar(
        select(Rollout).where(Rollout.stage == "full", Rollout.ended_at.is_(None)).limit(1)
    )


def _on_its_way(session: Session) -> Rollout | None:
    return session.scalar(select(Rollout).where(Rollout.on_its_way.is_(True)).limit(1))


def _replace(session: Session, rollout: Rollout, now: datetime) -> None:
    before = session.scalar(
        select(Rollout).where(
            Rollout.stage == "full", Rollout.ended_at.is_(None), Rollout.id != rollout.id
        )
    )
    if before is not None:
        before.outcome, before.ended_at = "replaced", now
    rollout.previous_id = before.id if before else None
    session.flush()


def _restore(session: Session, reverted: Rollout, actor: Actor, now: datetime) -> None:
    if reverted.previous_id is None:
        return
    before = get(session, reverted.previous_id)
    before.outcome = before.ended_at = None
    session.flush()
    write(
        session, before, "restore", "full", "full", actor, "the one after it was reverted", now, {}
    )


def _begin_anew(session: Session, actor: Actor, now: datetime) -> None:
    """To be not worse than a version that was taken back says nothing about the one before it."""
    candidate = _on_its_way(session)
    if candidate is None:
        return
    came_from = candidate.stage
    expose(candidate, "fall_back", actor, None, None, None)
    candidate.stage = "manual"
    session.flush()
    reason = "the version that it was compared with was taken back"
    write(session, candidate, ANEW, came_from, "manual", actor, reason, now, {})


def _live(session: Session, rollout: Rollout | None) -> LiveModel | None:
    if rollout is None:
        return None
    version = session.get_one(ModelVersion, rollout.model_version_id)
    return LiveModel(
        rollout.id, version.id, version.number, version.bundle_digest,
        rollout.stage, rollout.share, scopes.kept(rollout.scope) if rollout.scope is not None else None,
        rollout.expires_at,
    )  # fmt: skip
