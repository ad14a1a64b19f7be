"""The rollouts' part of the loop: note what has come, look, keep what was concluded, and move.

Many monitors may run. What is slow is done with no lock; then the rollout's row is locked, and whoever finds that the
candidate has moved, or that the same was concluded meanwhile, writes nothing: two monitors do not decide twice. The
decision and the move that follows from it are one commit.
"""

from datetime import datetime, timedelta

import structlog

from monitoring import action_guard, deciding, metrics, noting
from monitoring.acting import Act, Standing
from monitoring.action_guard import Changed
from monitoring.deciding import Candidacy
from monitoring.monitor import PROGRAM, Monitor
from store import (
    actions,
    alarms,
    decisions,
    heartbeats,
    models,
    pairs,
    preflight,
    rollout_events,
    rollouts,
    switches,
)
from store.actions import Known
from store.alarms import NewAlarm
from store.database import Session
from store.decisions import NewDecision
from store.errors import Conflict
from store.rollouts import Actor
from store.tables import Decision, Rollout

# no exposure grows on the word of a program that was not alive within this time
FRESH = timedelta(seconds=60)
# a hold that says the same as the one before is kept this often
AGAIN = timedelta(minutes=1)
OVERDUE = "evidence_overdue"
GUARD = "rollout_guard"
HELD = "rollout_held"

log = structlog.get_logger("monitoring")


def turn(monitor: Monitor) -> None:
    """Look at every candidate once."""
    with monitor.database.read() as session:
        found = deciding.candidacies(session)
    for candidacy in found:
        while noting.note(monitor.database, candidacy, monitor.settings.rollout) == noting.MOST:
            pass
        _look(monitor, candidacy)


def _look(monitor: Monitor, candidacy: Candidacy) -> None:
    now, settings = monitor.clock(), monitor.settings.rollout
    with monitor.database.read() as session:
        rollout = rollouts.get(session, candidacy.rollout_id)
        last = _newest(session, candidacy)
        act, decision = deciding.decide(
            session,
            candidacy,
            settings.rule,
            pairs.last_number(session, candidacy.rollout_id),
            deciding.as_of_now(now, settings.settle_seconds),
            _standing(session, rollout, now),
            _shares(rollout),
            _actions(session, rollout, monitor.answered_before),
        )
    if not _worth_keeping(act, decision, last, now):
        return
    try:
        kept = _keep(monitor, candidacy, act, decision, last, now)
    except Conflict as conflict:
        # somebody froze the rollouts or moved it between the look and the lock
        log.info("decision dropped", why=str(conflict))
        return
    if kept is not None:
        metrics.DECISIONS_MADE.labels(act.verdict).inc()
        log.info("decision", verdict=act.verdict, because=act.because, move=act.move, id=kept)


def _standing(session: Session, rollout: Rollout, now: datetime) -> Standing:
    forbidden = {
        "frozen": switches.thrown(session, "frozen"),
        "heartbeat": not _alive(session, now),
        "alarm": any(
            one.pages and one.model_version_id == rollout.model_version_id
            for one in alarms.open_alarms(session)
        ),
        "preflight": rollout.stage == "manual"
        and not preflight.answered(rollout.preflight, rollout.risks),
        "backtest": rollout.stage == "manual" and _worse(session, rollout.model_version_id),
    }
    return Standing(
        rollout.stage,
        rollout.share,
        preflight.planned_scope(rollout.preflight) is not None,
        tuple(name for name, there in forbidden.items() if there),
    )


def _actions(session: Session, rollout: Rollout, known: Known) -> Changed:
    live = rollouts.live(session)
    if live.candidate is None or live.candidate.rollout_id != rollout.id:
        return Changed()
    return action_guard.of_report(actions.report(session, live.candidate, live.incumbent, known))


def _worse(session: Session, model_version_id: str) -> bool:
    backtest = models.newest_backtest(session, model_version_id)
    return backtest is not None and backtest.verdict == "worse"


def _alive(session: Session, now: datetime) -> bool:
    last = heartbeats.last(session).get(PROGRAM)
    return last is not None and now - last <= FRESH


def _shares(rollout: Rollout) -> tuple[float, ...]:
    return tuple((rollout.preflight or {}).get("steps", preflight.STEPS))


def _newest(session: Session, candidacy: Candidacy) -> Decision | None:
    return next(iter(decisions.newest(session, 1, candidacy.rollout_id)), None)


def _worth_keeping(act: Act, new: NewDecision, last: Decision | None, now: datetime) -> bool:
    """A move always; else what is new, and what is the same with other counts once a minute."""
    if last is None or act.move is not None or last.ids["step"] != new.ids["step"]:
        return True
    said = ("verdict", "because", "move", "advised", "share")
    if any(last.values["act"][one] != new.values["act"][one] for one in said):
        return True
    counted = ("pairs", "differing", "overdue", "waiting", "answers", "doubles", "actions")
    same = all(last.values[one] == new.values[one] for one in counted)
    return not same and now - last.at >= AGAIN


def _keep(
    monitor: Monitor,
    candidacy: Candidacy,
    act: Act,
    new: NewDecision,
    last: Decision | None,
    now: datetime,
) -> str | None:
    with monitor.database.write() as session:
        if act.move is not None:
            rollouts.lock(session, candidacy.rollout_id)  # all that a move locks, in its order
        rollout = pairs.lock(session, candidacy.rollout_id)
        steps = rollout_events.steps(session, candidacy.rollout_id)
        before = _newest(session, candidacy)
        moved = rollout.ended_at is not None or steps[-1].event_id != candidacy.step
        if moved or (before.id if before else None) != (last.id if last else None):
            return None  # another monitor, or a person, was first
        new = NewDecision(**{**vars(new), "actor": monitor.name})
        decision = decisions.add(session, new, now)
        if act.move is not None:
            rollouts.move(
                session,
                rollout.id,
                act.move,
                Actor("monitoring", monitor.name),
                _reason(act),
                now,
                evidence={"decision": decision.id, **{one: new.values[one] for one in _TOLD}},
                share=act.share if act.move == "expand" else None,
                decision_id=decision.id,
            )
        _alarms(session, candidacy, act, now)
        # told once, when it begins
        if "actions" in act.because and (last is None or "actions" not in _because(last)):
            why = f"What is decided has changed: {_words(new)}."
            _raise(session, HELD, candidacy, why, now)
        return decision.id


_TOLD = ("pairs", "wins", "losses", "overdue", "harm", "class_harm", "not_worse", "actions")


def _because(decision: Decision) -> list[str]:
    because: list[str] = decision.values["act"]["because"]
    return because


def _words(new: NewDecision) -> str:
    return action_guard.in_words(action_guard.of_json(new.values["actions"]))


def _reason(act: Act) -> str:
    if act.move == "revert":
        return f"The evidence is against it: {', '.join(act.because)}."
    return "By the evidence it is not worse."


def _alarms(session: Session, candidacy: Candidacy, act: Act, now: datetime) -> None:
    """Page somebody when labels are overdue, and when a candidate was taken back; say when labels are there again."""
    about = candidacy.candidate_id
    if "overdue" in act.because:
        why = "Too many disagreements wait for people past their deadline."
        _raise(session, OVERDUE, candidacy, why, now)
    else:
        _clear(session, OVERDUE, about, now)
    if act.move == "revert":
        _raise(session, GUARD, candidacy, _reason(act), now)
        # what was taken back waits for nobody
        _clear(session, HELD, about, now)


def _raise(session: Session, kind: str, candidacy: Candidacy, why: str, now: datetime) -> None:
    detail = {"rollout": candidacy.rollout_id, "why": {"sentence": why}}
    new = NewAlarm(kind, "", candidacy.candidate_id, None, detail, pages=True)
    alarms.raise_alarm(session, new, now)


def _clear(session: Session, kind: str, version_id: str, now: datetime) -> None:
    for one in alarms.open_alarms(session, kind):
        if one.model_version_id == version_id:
            alarms.clear(session, one.id, now)
