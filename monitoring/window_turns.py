"""The windows' part of the loop: ask for the checks that are due, claim them, check, keep.

Many monitors may run: a window is a job, which one of them claims, and the database takes each stretch once. A turn
takes as many as it can in some seconds, so that the other parts have theirs.
"""

from contextlib import suppress
from datetime import timedelta

import structlog

from monitoring import checking, due, failing, hours, metrics, paging
from monitoring.checking import Checked, Material
from monitoring.due import Stretch
from monitoring.monitor import PROGRAM, Monitor, Stopped
from monitoring.references import Known, NoReference
from monitoring.window_verdicts import LEAST_REFERENCE, MOST_REFERENCE
from store import alarms, jobs, locks, models, rollouts, slices, windows
from store.database import Session
from store.errors import Conflict, StoreError
from store.jobs import Claimed, Lost

WINDOW = "window"
# after a check that failed for good; less than `due.LATE`, so that its window is tried again and not passed over
PAUSE = timedelta(minutes=2)
# no further check is begun in a turn that has lasted so long
TURN = timedelta(seconds=10)
_LAST_JOBS = 50

log = structlog.get_logger("monitoring")


def turn(monitor: Monitor) -> None:
    """Check the windows that are due and that no other monitor has."""
    with monitor.database.read() as session:
        wanted = _wanted(session, monitor)
        over = alarms.left_behind(session, paging.KIND, rollouts.live(session).version_ids)
    if over:
        with monitor.database.write() as session:
            paging.clear_left_behind(session, rollouts.live(session).version_ids, monitor.clock())
    if wanted:
        with monitor.database.write() as session:
            # again, one monitor at a time: another may have asked meanwhile
            locks.hold(session, f"ask {WINDOW}")
            for stretch in _wanted(session, monitor):
                jobs.add(session, WINDOW, stretch.payload(), monitor.clock(), asked_by=PROGRAM)
    until = monitor.clock() + TURN
    while _claimed(monitor) and monitor.clock() < until:
        pass


def _claimed(monitor: Monitor) -> bool:
    job = jobs.claim(monitor.database, [WINDOW], monitor.name, monitor.clock())
    if job is None:
        return False
    try:
        jobs.do(monitor.database, job, lambda one, _: _check(monitor, one), monitor.clock, _failed)
    except Stopped:
        with suppress(StoreError, Lost):
            jobs.give_back(monitor.database, job, monitor.clock())
        raise
    return True


def _wanted(session: Session, monitor: Monitor) -> list[Stretch]:
    now = monitor.clock()
    asked = {Stretch.of(job.payload).stream for job in jobs.unfinished(session, WINDOW)}
    for job in jobs.newest(session, WINDOW, _LAST_JOBS):
        if job.status == "failed" and job.finished_at and now - job.finished_at < PAUSE:
            asked.add(Stretch.of(job.payload).stream)
    found = [
        stretch
        for version in rollouts.live(session).version_ids
        for stretch in due.stretches(session, version, monitor.settings, now)
    ]
    return [stretch for stretch in found if stretch.stream not in asked]


def _check(monitor: Monitor, job: Claimed) -> None:
    log.info("checking", job=job.id, attempt=job.attempt)
    with metrics.WINDOW_SECONDS.time():
        material = material_of(monitor, Stretch.of(job.payload))
        if material is None:
            return _skip(monitor, job, "the predictions are gone")
        return _keep(monitor, job, material, checking.check(material))


def material_of(monitor: Monitor, stretch: Stretch) -> Material | None:
    """What the check of a stretch needs, or None when its predictions are gone."""
    with monitor.database.read() as session:
        version = models.get(session, stretch.model_version_id)
        ends = stretch.first_prediction_id, stretch.last_prediction_id
        ids = slices.ids_between(session, stretch.slice, *ends)
        rows = slices.rows(session, checking.drawn(ids, stretch))
    if not rows:
        return None
    known: Known | NoReference
    try:
        known = monitor.references.of(version.bundle_digest)
    except NoReference as none:
        known = none
    least = MOST_REFERENCE if isinstance(known, NoReference) else known.pictures
    with monitor.database.read() as session:
        earlier = hours.reference(session, stretch, rows, max(least, LEAST_REFERENCE))
    return Material(
        version, stretch, len(ids), rows, known, earlier, monitor.settings.window_minimum
    )


def _keep(monitor: Monitor, job: Claimed, material: Material, checked: Checked) -> None:
    now = monitor.clock()
    report = checking.report(checked, material.version, now)
    try:
        with monitor.database.write() as session:
            day = paging.of_the_day(session, monitor.settings.window_pages_per_day, now)
            window = windows.add(
                session, paging.decided(session, checked.window, day, now), report, now
            )
            _keep_script(session, monitor, report is not None)
            paging.tell(session, window, now)
            jobs.finish(session, job, {"window_id": window.id, "verdict": window.verdict}, now)
    except Conflict:
        return _skip(monitor, job, "another monitor was first")
    metrics.WINDOWS.labels(window.verdict).inc()
    log.info("window", verdict=window.verdict, pictures=window.pictures, window=window.id)
    return None


def _keep_script(session: Session, monitor: Monitor, needed: bool) -> None:
    if not needed:
        return
    from monitoring import drift

    sha256, body = drift.script()
    if not windows.has_script(session, sha256):
        windows.keep_script(session, sha256, body, monitor.clock())


def _skip(monitor: Monitor, job: Claimed, why: str) -> None:
    with monitor.database.write() as session:
        jobs.finish(session, job, {"skipped": why}, monitor.clock())
    log.info("window skipped", why=why)


def _failed(job: Claimed, error: Exception) -> None:
    failing.say("windows", "window", job, error)
