"""Let a model version take over, and take it back: the one act behind the page, the API and the command.

Every move has a reason in words and is written down with who made it, in the caller's transaction. Nothing takes
over on worse evidence, nor on one person's word: two confirm. Where another model answers, monitoring must have found
the version not worse where it stands now; people who let it through although it is held say so, both of them, and that
is written down. Going back needs no evidence and one person.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service import stepping
from store import models, preflight, privileged_acts, rollout_events, rollouts, switches
from store.database import Session
from store.errors import Conflict
from store.rollouts import Actor, Live
from store.tables import Backtest, ModelVersion, Rollout

PEOPLE_FOR_FULL = 2


@dataclass(frozen=True)
class Released:
    """Who answers after a move: the number of a model version, or None for people.

    `confirmed`: who has said so far that the version may answer everything, where more must.
    """

    event_id: int
    moved: int
    answering: int | None
    confirmed: tuple[str, ...] = ()


def promote(
    session: Session,
    version_number: int,
    actor: Actor,
    reason: str,
    now: datetime,
    *,
    although_held: bool = False,
) -> Released:
    """The version answers everything from now on, if somebody else has confirmed it before; else this confirms it.

    Raises NotFound, Invalid without a reason, and Conflict: `answers_already`, `backtest_worse`, `no_backtest` (none
    against the model that answers now), `candidate_on_its_way` (another one), `preflight` (its questions are not
    answered), `evidence_against` (monitoring's newest decision is to take it back), `evidence_lacking` (it holds, or has
    not looked since the last step, and neither `although_held` is said), `monitoring_silent`, `frozen`.
    """
    version = models.by_number(session, version_number)
    rollout = _on_its_way(session, version)
    if rollout is not None:
        # what was found stands for where it is now: nobody moves it between the look and the move
        rollout = rollouts.lock(session, rollout.id)
    live = rollouts.live(session)
    if live.incumbent is not None and live.incumbent.version_id == version.id:
        raise Conflict(f"Version {version_number} answers already.", "answers_already")
    backtest = models.newest_backtest(session, version.id)
    _check_evidence(version, backtest, live)
    if rollout is None:
        rollout = rollouts.open_rollout(session, version.id, actor, reason, now)
    _check_ready(session, rollout, now)
    found = stepping.evidence(session, rollout, live, although_held)
    confirmed = rollout_events.confirm(
        session, rollout.id, actor, reason, now, although_held=although_held, held=found.held
    )
    if len(confirmed) < PEOPLE_FOR_FULL:
        newest = rollouts.events(session, 1, rollout.id)[0]
        _record(session, "confirm", version_number, actor, reason, newest.id, now)
        answering = live.incumbent.number if live.incumbent else None
        return Released(newest.id, version_number, answering, tuple(confirmed))
    evidence = {**_evidence(backtest), "confirmed_by": confirmed, "although_held": found.held}
    event = rollouts.move(
        session, rollout.id, "promote", actor, reason, now,
        evidence=evidence, decision_id=found.decision_id,
    )  # fmt: skip
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


def _check_ready(session: Session, rollout: Rollout, now: datetime) -> None:
    if not preflight.answered(rollout.preflight, rollout.risks):
        raise Conflict("The questions before a rollout are not answered yet.", "preflight")
    if switches.thrown(session, "frozen"):
        raise Conflict("Rollouts are frozen: nothing grows until they are released.", "frozen")
    stepping.check_watched(session, now)


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
    privileged_acts.record(session, actor, act, f"version {number}", reason, {"event": event}, now)
