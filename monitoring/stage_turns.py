"""The stages' part of the loop: what the clock and the counts ask for, whatever the evidence says.

Order: a stage whose time is over falls back to `manual` (requests have followed the clock already, the row follows
here); answers held past their limit get what their scope wrote down; what is decided in one segment has doubled or
halved beyond chance (`store.actions`), and the candidate falls back. It never lets anything grow. Many monitors may
run: each move is legal once, each answer is given once.
"""

from contextlib import suppress
from typing import Any

import structlog

from monitoring import metrics
from monitoring.monitor import PROGRAM, Monitor
from store import actions, held, rollouts
from store.action_ratio import Cell
from store.errors import Conflict
from store.rollouts import Actor, LiveModel

log = structlog.get_logger("monitoring")


def expire(monitor: Monitor) -> None:
    """Fall back where the stage's time is over."""
    now = monitor.clock()
    with monitor.database.read() as session:
        candidate = rollouts.live(session).candidate
    if candidate is None or candidate.expires_at is None or now < candidate.expires_at:
        return
    _fall_back(monitor, candidate, "the time that its scope gave it is over", {})


def answer_overdue(monitor: Monitor) -> None:
    """Give the held answers that nobody looked at in time, one transaction for each."""
    now = monitor.clock()
    with monitor.database.read() as session:
        waiting = held.overdue(session, now)
    for prediction_id in waiting:
        with monitor.database.write() as session:
            given = held.answer_at_limit(session, prediction_id, now)
        if given is not None:
            metrics.HELD_TO_THE_LIMIT.inc()
            log.info("held to its limit", prediction=prediction_id)


def watch_actions(monitor: Monitor) -> None:
    """Fall back when what is decided has changed too much in a segment."""
    with monitor.database.read() as session:
        live = rollouts.live(session)
        if live.candidate is None:
            return
        found = actions.report(session, live.candidate, live.incumbent)
    if found is not None and found.stops:
        worst = min(found.stops, key=lambda one: one.p_value or 0.0)
        evidence = {"actions": [vars(one) | {"ratio": _finite(one)} for one in found.stops]}
        _fall_back(monitor, live.candidate, _reason(worst), evidence)


def _fall_back(
    monitor: Monitor, candidate: LiveModel, reason: str, evidence: dict[str, Any]
) -> None:
    actor = Actor("monitoring", monitor.name)
    # another monitor, or a person, was first
    with suppress(Conflict), monitor.database.write() as session:
        rollouts.move(
            session, candidate.rollout_id, "fall_back", actor, reason, monitor.clock(), evidence=evidence
        )  # fmt: skip
        log.warning("fell back", by=PROGRAM, version=candidate.number, why=reason)


def _reason(cell: Cell) -> str:
    where = f"in segment {cell.segment}" if cell.segment else "where no segment is named"
    return (
        f"{cell.action!r} {where}: {cell.now} of {cell.now_all} answers now,"
        f" {cell.before} of {cell.before_all} before"
    )


def _finite(cell: Cell) -> float | None:
    # JSON has no infinity
    return cell.ratio if cell.ratio is not None and cell.ratio != float("inf") else None
