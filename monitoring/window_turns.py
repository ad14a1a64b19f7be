"""The windows' part of the loop: ask for the check that is due, claim it, check, keep.

Many monitors may run: a window is a job, which one of them claims, and the database takes each stretch once.
"""

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from monitoring import due, metrics
from monitoring.due import Stretch
from monitoring.monitor import PROGRAM, Monitor, Stopped
from monitoring.references import Known, NoReference
from store import jobs, models, predictions, rollouts, windows
from store.database import Session
from store.errors import Conflict, StoreError
from store.jobs import Claimed, Lost

if TYPE_CHECKING:
    from monitoring.checking import Checked

WINDOW = "window"
# after a check that failed for good
PAUSE = timedelta(minutes=10)

log = structlog.get_logger("monitoring")


def turn(monitor: Monitor) -> None:
    """Check the window that is due, if one is and no other monitor has it."""
    with monitor.database.read() as session:
        wanted = _wanted(session, monitor)
    if wanted is not None:
        with monitor.database.write() as session:
            # again, under the lock: another monitor may have asked meanwhile
            if _wanted(session, monitor) == wanted:
                jobs.add(session, WINDOW, vars(wanted), monitor.clock(), asked_by=PROGRAM)
    job = jobs.claim(monitor.database, [WINDOW], monitor.name, monitor.clock())
    if job is None:
        return
    try:
        jobs.do(monitor.database, job, lambda one, _: _check(monitor, one), monitor.clock, _failed)
    except Stopped:
        with suppress(StoreError, Lost):
            jobs.give_back(monitor.database, job, monitor.clock())
        raise


def _wanted(session: Session, monitor: Monitor) -> Stretch | None:
    live, now = rollouts.live(session), monitor.clock()
    if live.incumbent is None or jobs.unfinished(session, WINDOW):
        return None
    last = next(iter(jobs.newest(session, WINDOW, 1)), None)
    if last and last.status == "failed" and last.finished_at and now - last.finished_at < PAUSE:
        return None
    return due.stretch(session, live.incumbent.version_id, monitor.settings, now)


def _check(monitor: Monitor, job: Claimed) -> None:
    log.info("checking", job=job.id, attempt=job.attempt)
    _keep(monitor, job, _checked(monitor, Stretch(**job.payload)))


def _checked(monitor: Monitor, stretch: Stretch) -> "Checked | None":
    # it takes seconds to load, and heartbeats and gauges need none of it
    from monitoring import checking

    with monitor.database.read() as session:
        version = models.get(session, stretch.model_version_id)
        ends = stretch.first_prediction_id, stretch.last_prediction_id
        rows = predictions.between(session, version.id, *ends)
    if not rows:
        return None
    known: Known | NoReference
    try:
        known = monitor.references.of(version.bundle_digest)
    except NoReference as none:
        known = none
    minimum = monitor.settings.window_minimum
    with metrics.WINDOW_SECONDS.time():
        return checking.check(version, stretch, rows, known, minimum, monitor.clock())


def _keep(monitor: Monitor, job: Claimed, checked: "Checked | None") -> None:
    now = monitor.clock()
    if checked is None:
        return _skip(monitor, job, "the predictions are gone")
    verdict = checked.window.verdict
    try:
        with monitor.database.write() as session:
            window = windows.add(session, checked.window, checked.report, now)
            if checked.script and not windows.has_script(session, checked.script[0]):
                windows.keep_script(session, *checked.script, now)
            jobs.finish(session, job, {"window_id": window.id, "verdict": verdict}, now)
    except Conflict:
        return _skip(monitor, job, "another monitor was first")
    metrics.WINDOWS.labels(verdict).inc()
    log.info("window", verdict=verdict, pictures=window.pictures, window=window.id)
    return None


def _skip(monitor: Monitor, job: Claimed, why: str) -> None:
    with monitor.database.write() as session:
        jobs.finish(session, job, {"skipped": why}, monitor.clock())
    log.info("window skipped", why=why)


def _failed(job: Claimed, error: Exception) -> None:
    metrics.FAILURES.labels("windows").inc()
    log.error("window failed", job=job.id, attempt=job.attempt, exc_info=error)
