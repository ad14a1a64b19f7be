"""Let a model version take over, and take it back: the one act behind the page, the API and the command.

Every move has a reason in words and is written down with who made it, in the caller's transaction. Nothing takes
over on worse evidence, or on none where another model answers. Going back needs no evidence.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store import models, people, rollouts
from store.database import Session
from store.errors import Conflict
from store.rollouts import Actor, Live
from store.tables import Backtest, ModelVersion, Rollout


@dataclass(frozen=True)
class Released:
    """Who answers after a move: the number of a model version, or None for people."""

    event_id: int
    moved: int
    answering: int | None


def promote(
    session: Session, version_number: int, actor: Actor, reason: str, now: datetime
) -> Released:
    """The version answers everything from now on.

    Raises NotFound, Invalid without a reason, and Conflict: `answers_already`, `backtest_worse`, `no_backtest` (none
    against the model that answers now), `candidate_on_its_way` (another one).
    """
    version = models.by_number(session, version_number)
    live = rollouts.live(session)
    if live.incumbent is not None and live.incumbent.version_id == version.id:
        raise Conflict(f"Version {version_number} answers already.", "answers_already")
    backtest = models.newest_backtest(session, version.id)
    _check_evidence(version, backtest, live)
    rollout = _on_its_way(session, version) or rollouts.open_rollout(
        session, version.id, actor, reason, now
    )
    event = rollouts.move(
        session, rollout.id, "promote", actor, reason, now, evidence=_evidence(backtest)
    )
    _record(session, "promote", version_number, actor, reason, event.id, now)
    return Released(event.id, version_number, version_number)


def revert(session: Session, actor: Actor, reason: str, now: datetime) -> Released:
    """Take back the model that answers: the candidate where it answers a part, else the incumbent.

    The one before answers again, or people. Raises Invalid without a reason, Conflict `nothing_to_revert`.
    """
    live = rollouts.live(session)
    answering = [
        one
        for one in (live.candidate, live.incumbent)
        # a candidate in `manual` answers nobody
        if one is not None and one.stage != "manual"
    ]
    if not answering:
        raise Conflict("People answer already: no model can be reverted.", "nothing_to_revert")
    gone = answering[0]
    event = rollouts.move(session, gone.rollout_id, "revert", actor, reason, now)
    _record(session, "revert", gone.number, actor, reason, event.id, now)
    after = rollouts.live(session).incumbent
    return Released(event.id, gone.number, after.number if after else None)


def withdraw(
    session: Session, version_number: int, actor: Actor, reason: str, now: datetime
) -> Released:
    """Take a candidate off its way, so that another may go; who answered before it goes on.

    Raises NotFound, Invalid without a reason, and Conflict `not_on_its_way`.
    """
    rollout = _on_its_way(session, models.by_number(session, version_number))
    if rollout is None:
        raise Conflict(f"Version {version_number} is not on its way.", "not_on_its_way")
    event = rollouts.move(session, rollout.id, "withdraw", actor, reason, now)
    _record(session, "withdraw", version_number, actor, reason, event.id, now)
    after = rollouts.live(session).incumbent
    return Released(event.id, version_number, after.number if after else None)


def _check_evidence(version: ModelVersion, backtest: Backtest | None, live: Live) -> None:
    if backtest is not None and backtest.verdict == "worse":
        raise Conflict(
            f"The backtest says that version {version.number} is worse.", "backtest_worse"
        )
    incumbent = live.incumbent
    if incumbent is None:
        return
    if backtest is None or backtest.against_id != incumbent.version_id:
        raise Conflict(
            f"There is no backtest of version {version.number} against version {incumbent.number},"
            " which answers now.",
            "no_backtest",
        )


def _on_its_way(session: Session, version: ModelVersion) -> Rollout | None:
    rollout = rollouts.of_version(session, version.id)
    return rollout if rollout is not None and rollout.on_its_way else None


def _evidence(backtest: Backtest | None) -> dict[str, Any]:
    if backtest is None:
        return {}
    return {
        "backtest": backtest.id,
        "verdict": backtest.verdict,
        "pictures": backtest.pictures,
        "difference": backtest.difference,
        "low": backtest.low,
        "high": backtest.high,
    }


def _record(
    session: Session, act: str, number: int, actor: Actor, reason: str, event: int, now: datetime
) -> None:
    detail = {"reason": reason.strip(), "event": event, "actor_kind": actor.kind}
    people.record_act(session, actor.name, act, f"version {number}", detail, now)
