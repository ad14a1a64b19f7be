"""The stages' part of the loop: what the clock and the counts ask for, whatever the evidence says.

Order: a stage whose time is over falls back to `manual` (requests have followed the clock already, the row follows
here); answers held past their limit get what their scope wrote down. It never lets anything grow. Many monitors may run:
each move is legal once, each answer is given once.
"""

from contextlib import suppress

import structlog

from monitoring import metrics
from monitoring.monitor import PROGRAM, Monitor
from store import held, rollouts, stops
from store.errors import Conflict
from store.objects import Objects
from store.rollouts import Actor

log = structlog.get_logger("monitoring")


def expire(monitor: Monitor) -> None:
    """Fall back where the stage's time is over."""
    now = monitor.clock()
    with monitor.database.read() as session:
        candidate = rollouts.live(session).candidate
    if candidate is None or candidate.expires_at is None or now < candidate.expires_at:
        return
    reason = "the time that its scope gave it is over"
    # another monitor, or a person, was first
    with suppress(Conflict), monitor.database.write() as session:
        expires_at = rollouts.lock(session, candidate.rollout_id).expires_at
        if expires_at is None or now < expires_at:
            return
        rollouts.move(
            session,
            candidate.rollout_id,
            "fall_back",
            Actor("monitoring", monitor.name),
            reason,
            now,
        )
        log.warning("fell back", by=PROGRAM, version=candidate.number, why=reason)


def answer_overdue(monitor: Monitor) -> None:
    """Give the held answers that nobody looked at in time, one transaction for each."""
    now = monitor.clock()
    with monitor.database.read() as session:
        waiting = held.overdue(session, now)
    if not waiting:
        return
    # where it cannot be looked at nobody knows what is stopped, and nothing is given
    objects = Objects(monitor.settings.store.storage_url, there=True)

    def is_stopped(target: str) -> bool:
        return stops.find(objects, target) is not None

    for prediction_id in waiting:
        with monitor.database.write() as session:
            given = held.answer_at_limit(session, prediction_id, now, is_stopped)
        if given is not None:
            metrics.HELD_TO_THE_LIMIT.inc()
            log.info("held to its limit", prediction=prediction_id)
