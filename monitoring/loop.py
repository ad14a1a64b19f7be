"""The loop of the monitoring program: say that it is alive, check the window that is due, set the gauges.

Many monitors may run: a window is a job, which one of them claims, and the database takes each stretch once. Nothing
here ends the loop but the one who stops it: what fails is logged, counted and tried again at the next look.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from monitoring import due, gauges, metrics
from monitoring.due import Stretch
from monitoring.references import Known, NoReference, References
from monitoring.settings import MonitoringSettings
from store import jobs, models, predictions, rollouts, windows
from store.database import Database, Session
from store.errors import Conflict, StoreError
from store.jobs import Claimed, Lost

if TYPE_CHECKING:
    from monitoring.checking import Checked

PROGRAM = "monitoring"
WINDOW = "window"
HEARTBEAT_SECONDS = 10.0
# after a check that failed for good
PAUSE = timedelta(minutes=10)

log = structlog.get_logger("monitoring")
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Monitor:
    """What one process of this program holds."""

    settings: MonitoringSettings
    clock: Clock
    database: Database
    references: References
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")


class Stopped(BaseException):
    """Somebody asked for the end; raised wherever the program happens to be."""


class Stop:
    """What a signal calls. It raises, so that a check of many seconds ends too, and it remembers.

    The exception may be swallowed (in a finalizer, by a library that catches all), the flag is not. No lock is
    taken here: the signal may have come while this thread holds it.
    """

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, *_: object) -> None:
        """Raises Stopped, the first time."""
        if not self.asked:
            self.asked = True
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Return when the time is over, or at once when the end was asked for."""
        if not self.asked:
            threading.Event().wait(seconds)


def work(monitor: Monitor, stop: Stop) -> None:
    """Look again and again until the end is asked for."""
    over = threading.Event()
    threading.Thread(target=_beat, args=(monitor, over), name="heartbeat", daemon=True).start()
    log.info("watching", pictures_in_a_window=monitor.settings.window_predictions)
    try:
        while not stop.asked:
            look(monitor)
            stop.wait(monitor.settings.monitoring_poll_seconds)
    finally:
        over.set()


def look(monitor: Monitor) -> None:
    """One turn of the loop. Raises nothing that the next turn could put right."""
    _tried("windows", lambda: _windows(monitor))
    metrics.DATABASE_UP.set(_tried("gauges", lambda: _refresh(monitor)))


def _windows(monitor: Monitor) -> None:
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


def _refresh(monitor: Monitor) -> None:
    with monitor.database.read() as session:
        gauges.refresh(session, monitor.clock())


def _beat(monitor: Monitor, over: threading.Event) -> None:
    detail = {"pictures_in_a_window": monitor.settings.window_predictions}
    while True:
        _tried(
            "heartbeat",
            lambda: jobs.heartbeat(
                monitor.database, PROGRAM, monitor.name, detail, monitor.clock()
            ),
        )
        if over.wait(HEARTBEAT_SECONDS):
            return


def _tried(part: str, act: Callable[[], None]) -> bool:
    try:
        act()
    except StoreError as error:
        log.warning("not now", part=part, why=str(error))
    except Exception:  # one part that fails must not silence the others
        log.exception("failed", part=part)
    else:
        return True
    metrics.FAILURES.labels(part).inc()
    return False
