"""Take a candidate through its stages: the acts behind the rollout page, the API and the commands.

Order: answer the questions (`prepare`), let it answer inside a scope (`limit`), for a growing share (`expand`);
`fall_back` takes it to `manual` again. `service.releasing` lets it answer everything and takes it back. Every move
has a reason and is written down. Nothing grows while monitoring is silent: nobody would notice; nor, where another model
answers, on less than monitoring's word, unless whoever moves says that it shall although it is held.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from store import (
    decisions,
    heartbeats,
    models,
    preflight,
    privileged_acts,
    rollout_events,
    rollouts,
)
from store.database import Session
from store.errors import Conflict
from store.rollouts import Actor, Live
from store.tables import Rollout, RolloutEvent

SILENT_AFTER = timedelta(seconds=60)


def prepare(
    session: Session, version_number: int, given: Mapping[str, Any], actor: Actor, now: datetime
) -> list[str]:
    """Keep the answers, risks, scope and steps of a version's rollout, which opens with them; what is still lacking.

    They may be written again while it is in `manual`. Raises NotFound, Invalid, Conflict `illegal_move`, and where
    the rollout cannot be opened `candidate_on_its_way` and `answers_already`.
    """
    version = models.by_number(session, version_number)
    rollout = rollouts.of_version(session, version.id)
    if rollout is None or not rollout.on_its_way:
        reason = "the questions before it are being answered"
        rollout = rollouts.open_rollout(session, version.id, actor, reason, now)
    # a first step that is being taken is waited for
    rollout = rollouts.lock(session, rollout.id)
    if rollout.stage != "manual":
        raise Conflict(
            "What was answered before the first step is not changed after it.", "illegal_move"
        )
    kept, risks = preflight.parse(given)
    rollout.preflight, rollout.risks = kept, risks
    session.flush()
    missing = preflight.lacks(kept, risks)
    # what is written over stays in the trail
    said = {**kept, "risks": risks}
    detail = {"lacking": len(missing), "said": said}
    privileged_acts.record(
        session, actor, "preflight", f"version {version_number}", None, detail, now
    )
    return missing


def limit(
    session: Session,
    version_number: int,
    scope: Mapping[str, Any] | None,
    actor: Actor,
    reason: str,
    now: datetime,
    *,
    although_held: bool = False,
) -> RolloutEvent:
    """The candidate answers inside a scope: the one given, else the planned one.

    Raises NotFound, Invalid (`scope`, `no_reason`), Conflict: `not_on_its_way`, `preflight`, `no_scope`, `frozen`,
    `monitoring_silent`, `backtest_worse`, `evidence_against`, `evidence_lacking` (monitoring has not found it to be not
    worse where it stands, and `although_held` is not said), `illegal_move`.
    """
    given = dict(scope) if scope is not None else None
    return _grow(session, version_number, "limit", actor, reason, now, although_held, scope=given)


def expand(
    session: Session,
    version_number: int,
    share: float | None,
    actor: Actor,
    reason: str,
    now: datetime,
    *,
    although_held: bool = False,
) -> RolloutEvent:
    """The candidate answers for a larger share, below all: the one given, else the next planned step.

    Raises as `limit` does, and Conflict `not_more`.
    """
    return _grow(session, version_number, "expand", actor, reason, now, although_held, share=share)


def fall_back(
    session: Session, version_number: int, actor: Actor, reason: str, now: datetime
) -> RolloutEvent:
    """The candidate runs alongside again and changes nothing. Needs no evidence and no monitoring."""
    return _move(session, version_number, "fall_back", actor, reason, now)


def on_its_way(session: Session, version_number: int) -> Rollout:
    """The rollout of a version. Raises NotFound, Conflict `not_on_its_way`."""
    rollout = rollouts.of_version(session, models.by_number(session, version_number).id)
    if rollout is None or not rollout.on_its_way:
        raise Conflict(f"Version {version_number} is not on its way.", "not_on_its_way")
    return rollout


@dataclass(frozen=True)
class Found:
    """Monitoring's newest decision about a candidate, if there is one, and whether it is held where it stands now."""

    decision_id: str | None
    held: bool


def found(session: Session, rollout: Rollout, live: Live) -> Found:
    """A first model has nothing to be compared with: it is never held. Raises Conflict `evidence_against`."""
    newest = next(iter(decisions.newest(session, 1, rollout.id)), None)
    if newest is not None and newest.verdict == "revert":
        raise Conflict("The evidence is against this version.", "evidence_against")
    here = rollout_events.steps(session, rollout.id)[-1].event_id
    passed = newest is not None and newest.verdict == "advance" and newest.ids["step"] == here
    return Found(newest.id if newest else None, live.incumbent is not None and not passed)


def evidence(session: Session, rollout: Rollout, live: Live, although_held: bool) -> Found:
    """What lets the version grow, or people do so in spite of it. Raises Conflict: `evidence_against`, `evidence_lacking`."""
    here = found(session, rollout, live)
    if here.held and not although_held:
        raise Conflict(
            "Monitoring has not found this version to be not worse where it stands now."
            " Wait for it, or say that it shall answer although it is held.",
            "evidence_lacking",
        )
    return here


def check_watched(session: Session, now: datetime) -> None:
    """Raises Conflict `monitoring_silent` unless monitoring said within a minute that it is alive."""
    heard = heartbeats.last(session).get("monitoring")
    if heard is None or now - heard > SILENT_AFTER:
        raise Conflict(
            "Nothing grows while monitoring is silent: it has not been heard of for a minute.",
            "monitoring_silent",
        )


def _grow(
    session: Session,
    version_number: int,
    name: str,
    actor: Actor,
    reason: str,
    now: datetime,
    although_held: bool,
    **how: Any,
) -> RolloutEvent:
    rollout = on_its_way(session, version_number)
    # what was found stands for one step: of two who take it at once the second finds where the first has led
    rollout = rollouts.lock(session, rollout.id)
    check_watched(session, now)
    backtest = models.newest_backtest(session, rollout.model_version_id)
    if name == "limit" and backtest is not None and backtest.verdict == "worse":
        raise Conflict(
            f"The backtest says that version {version_number} is worse.", "backtest_worse"
        )
    here = evidence(session, rollout, rollouts.live(session), although_held)
    said = {"although_held": here.held}
    return _move(
        session, version_number, name, actor, reason, now,
        evidence=said, decision_id=here.decision_id, **how,
    )  # fmt: skip


def _move(
    session: Session,
    version_number: int,
    name: str,
    actor: Actor,
    reason: str,
    now: datetime,
    **how: Any,
) -> RolloutEvent:
    rollout = on_its_way(session, version_number)
    event = rollouts.move(session, rollout.id, name, actor, reason, now, **how)
    detail = {"event": event.id}
    privileged_acts.record(session, actor, name, f"version {version_number}", reason, detail, now)
    return event
