"""Retention's part of the loop: once a day what is too old goes, in short batches, after its day has been counted.

Order: count the days that are over, then features and reports, then predictions with the pictures that nothing names
any more, then the bytes. It is a job, which one monitor has; killed anywhere, what it did is done and the next one
goes on. Nothing goes whose day is not counted.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import structlog

from monitoring import metrics
from monitoring.monitor import PROGRAM, Monitor, Stopped
from monitoring.settings import MonitoringSettings
from store import days, jobs, retention, retired
from store.database import Database, Session
from store.errors import StoreError
from store.jobs import Claimed, Hold, Lost
from store.objects import Objects
from store.retention import Gone

RETENTION = "retention"
EVERY = timedelta(days=1)
# of a database that was never counted, as many days as this in one job
MOST_DAYS = 400
DAYS_AT_ONCE = 20
# a request that began before midnight has committed by then
SETTLED = timedelta(hours=1)
# between two batches, in which whoever else waits for the database gets it
BREATH_SECONDS = 0.02

Taker = Callable[[Session, Sequence[str], datetime, bool], Gone]

log = structlog.get_logger("monitoring")


def turn(monitor: Monitor) -> None:
    """Do the day's work, if it is due and no other monitor has it."""
    with monitor.database.read() as session:
        due = _is_due(session, monitor.clock())
    if due:
        with monitor.database.write() as session:
            # again, under the lock: another monitor may have asked meanwhile
            if _is_due(session, monitor.clock()):
                jobs.add(session, RETENTION, {}, monitor.clock(), asked_by=PROGRAM)
    job = jobs.claim(monitor.database, [RETENTION], monitor.name, monitor.clock())
    if job is None:
        return
    try:
        jobs.do(
            monitor.database,
            job,
            lambda one, hold: _work(monitor, one, hold),
            monitor.clock,
            _failed,
        )
    except Stopped:
        with suppress(StoreError, Lost):
            jobs.give_back(monitor.database, job, monitor.clock())
        raise


def would_take(database: Database, settings: MonitoringSettings, now: datetime) -> Gone:
    """What the next run takes, changing nothing. It counts days that are not counted yet as if they were."""
    gone = Gone()
    for before, taker in _takers(settings, now):
        for ids in _pages(database, before):
            with database.read() as session:
                gone += taker(session, ids, now, True)
    light = _before(settings.retention_features_days, now)
    if light is not None:
        with database.read() as session:
            gone += retention.count_passing(session, light)
    return gone


def take(
    database: Database,
    objects: Objects,
    settings: MonitoringSettings,
    now: datetime,
    hold: Hold | None,
) -> Gone:
    """Count days, take what is too old, and let bytes follow. Raises Lost when another has the job."""
    _count_days(database, now)
    with database.read() as session:
        counted = days.counted_until(session)
    if counted is None:
        return Gone()  # nothing came yet
    gone = Gone()
    for before, taker in _takers(settings, now):
        for ids in _pages(database, min(before, counted)):
            with database.write() as session:
                gone += taker(session, ids, now, False)
            _between(hold)
    gone += _take_passing(database, settings, now, hold)
    for step in (retired.lay_aside, retired.forget):
        while step(database, objects, now) == retired.PAGE:
            _between(hold)
    return gone


def in_words(gone: Gone, dry: bool) -> str:
    """One sentence for people."""
    would = "Would take" if dry else "Took"
    return (
        f"{would} {gone.predictions} predictions, {gone.pictures} pictures ({gone.picture_bytes:,} bytes),"
        f" the features of {gone.features} predictions, {gone.reports} reports and {gone.other} rows of work that is done."
    )


def _work(monitor: Monitor, job: Claimed, hold: Hold) -> None:
    objects = Objects(monitor.settings.store.storage_url, there=True)
    gone = take(monitor.database, objects, monitor.settings, monitor.clock(), hold)
    with monitor.database.write() as session:
        jobs.finish(session, job, asdict(gone), monitor.clock())
    for what, number in asdict(gone).items():
        metrics.RETIRED.labels(what).inc(number)
    log.info("retention", **asdict(gone))


def _is_due(session: Session, now: datetime) -> bool:
    if jobs.unfinished(session, RETENTION):
        return False
    last = next(iter(jobs.newest(session, RETENTION, 1)), None)
    return last is None or now - last.created_at >= EVERY


def _before(ages: int, now: datetime) -> datetime | None:
    """The start of the day before which things are too old; None where they stay for good."""
    return days.start_of((now - timedelta(days=ages)).astimezone(UTC).date()) if ages else None


def _takers(settings: MonitoringSettings, now: datetime) -> list[tuple[datetime, Taker]]:
    light, rows = (
        _before(settings.retention_features_days, now),
        _before(settings.retention_days, now),
    )
    takers: list[tuple[datetime | None, Taker]] = [
        (light, retention.take_features),
        (rows, retention.take_predictions),
    ]
    return [(before, taker) for before, taker in takers if before is not None]


def _pages(database: Database, before: datetime) -> Iterator[list[str]]:
    cursor = ""
    while True:
        with database.read() as session:
            ids = retention.page(session, before, cursor)
        if ids:
            yield ids
        if len(ids) < retention.PAGE:
            return
        cursor = ids[-1]


def _count_days(database: Database, now: datetime) -> None:
    today = (now - SETTLED).astimezone(UTC).date()
    with database.read() as session:
        wanted = days.uncounted(session, today, MOST_DAYS)
    for start in range(0, len(wanted), DAYS_AT_ONCE):
        with database.write() as session:
            for day in wanted[start : start + DAYS_AT_ONCE]:
                days.count(session, day, now)


def _take_passing(
    database: Database, settings: MonitoringSettings, now: datetime, hold: Hold | None
) -> Gone:
    before, gone = _before(settings.retention_features_days, now), Gone()
    while before is not None:
        with database.write() as session:
            taken = retention.take_passing(session, before, dry=False)
        gone += taken
        if taken == Gone():
            break
        _between(hold)
    return gone


def _between(hold: Hold | None) -> None:
    if hold is not None:
        hold.check()
    threading.Event().wait(BREATH_SECONDS)


def _failed(job: Claimed, error: Exception) -> None:
    metrics.FAILURES.labels("retention").inc()
    log.error("retention failed", job=job.id, attempt=job.attempt, exc_info=error)
