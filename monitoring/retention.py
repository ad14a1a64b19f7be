"""Retention's part of the loop: once a day what is too old goes, in short batches, after its day has been counted.

Order: count the days that are over, then features, predictions with the pictures that nothing names any more, what is
left of work that is done, then the bytes: what a kill has left half written, those of the day before, those of this one.
It is a job, which one monitor has. A turn does so much of it as fits into some seconds, and leaves the job with where it
got to, so that the other parts of the loop have theirs. Killed anywhere, what it did is done and the next one goes on. Nothing goes whose day is not counted.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from monitoring import failing, metrics
from monitoring.monitor import PROGRAM, Monitor, Stopped
from monitoring.settings import MonitoringSettings
from store import days, jobs, locks, retention, retired, strays
from store.database import Database, Session
from store.errors import StoreError
from store.jobs import Claimed, Hold, Lost
from store.objects import Objects
from store.retention import Gone

RETENTION = "retention"
EVERY = timedelta(days=1)
# no further batch is begun in a turn that has lasted so long
TURN = timedelta(seconds=2)
# days that are counted in one transaction, fewer where they hold this many predictions
DAYS_AT_ONCE, MANY = 20, 20_000
# a request that began before midnight has committed by then
SETTLED = timedelta(hours=1)
# between two batches, in which whoever else waits for the database gets it
BREATH_SECONDS = 0.02

Taker = Callable[[Session, Sequence[str], datetime, bool], Gone]

log = structlog.get_logger("monitoring")


@dataclass(frozen=True)
class Run:
    """What one run works on; what is too old by `now` goes."""

    database: Database
    objects: Objects
    settings: MonitoringSettings
    now: datetime


@dataclass(frozen=True)
class Reached:
    """How far a run has come: which of `PARTS` it is at, after which id, and what is gone; kept with the job."""

    part: int = 0
    after: str = ""
    gone: Gone = field(default_factory=Gone)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.part >= len(PARTS)

    def as_json(self) -> dict[str, Any]:
        """As a job carries it."""
        return asdict(self)

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> "Reached":
        """What `as_json` gave; of a job that nobody has begun, the beginning."""
        if not payload:
            return cls()
        return cls(payload["part"], payload["after"], Gone(**payload["gone"]))


def turn(monitor: Monitor) -> None:
    """Do the day's work, if it is due and no other monitor has it."""
    with monitor.database.read() as session:
        due = _is_due(session, monitor.clock())
    if due:
        with monitor.database.write() as session:
            # again, one monitor at a time: another may have asked meanwhile
            locks.hold(session, f"ask {RETENTION}")
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


def take(run: Run) -> Gone:
    """Count days, take what is too old, and let bytes follow."""
    reached = Reached()
    while not reached.over:
        reached = batch(run, reached)
        _breathe()
    return reached.gone


def batch(run: Run, reached: Reached) -> Reached:
    """One short transaction more, from where the run has come."""
    gone, after = PARTS[reached.part](run, reached.after)
    part = reached.part + (after is None)
    return Reached(part, after or "", reached.gone + gone)


def in_words(gone: Gone, dry: bool) -> str:
    """One sentence for people."""
    would = "Would take" if dry else "Took"
    return (
        f"{would} {gone.predictions} predictions, {gone.pictures} pictures ({gone.picture_bytes:,} bytes),"
        f" the features of {gone.features} predictions, {gone.reports} reports and {gone.other} rows of work that is done."
    )


def _work(monitor: Monitor, job: Claimed, hold: Hold) -> None:
    objects = Objects(monitor.settings.store.storage_url, there=True)
    run = Run(monitor.database, objects, monitor.settings, monitor.clock())
    reached = begun = Reached.of(job.payload)
    while not reached.over and monitor.clock() < run.now + TURN:
        reached = batch(run, reached)
        hold.check()
        _breathe()
    if reached.over:
        with monitor.database.write() as session:
            jobs.finish(session, job, asdict(reached.gone), monitor.clock())
        log.info("retention", **asdict(reached.gone))
    else:
        jobs.give_back(monitor.database, job, monitor.clock(), reached.as_json())
    for what, number in asdict(reached.gone).items():
        metrics.RETIRED.labels(what).inc(number - getattr(begun.gone, what))


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


def _count_days(run: Run, _: str) -> tuple[Gone, str | None]:
    today = (run.now - SETTLED).astimezone(UTC).date()
    with run.database.read() as session:
        wanted = days.uncounted(session, today, DAYS_AT_ONCE)
    if not wanted:
        return Gone(), None
    found = 0
    with run.database.write() as session:
        for day in wanted:
            found += days.count(session, day, run.now)
            if found >= MANY:
                break
    return Gone(), ""


def _features(run: Run, after: str) -> tuple[Gone, str | None]:
    return _page(run, run.settings.retention_features_days, retention.take_features, after)


def _predictions(run: Run, after: str) -> tuple[Gone, str | None]:
    return _page(run, run.settings.retention_days, retention.take_predictions, after)


def _page(run: Run, ages: int, taker: Taker, after: str) -> tuple[Gone, str | None]:
    before = _before(ages, run.now)
    with run.database.read() as session:
        counted = days.counted_until(session)
        if before is None or counted is None:
            return Gone(), None
        ids = retention.page(session, min(before, counted), after)
    if not ids:
        return Gone(), None
    with run.database.write() as session:
        gone = taker(session, ids, run.now, False)
    return gone, ids[-1] if len(ids) == retention.PAGE else None


def _passing(run: Run, _: str) -> tuple[Gone, str | None]:
    before = _before(run.settings.retention_features_days, run.now)
    if before is None:
        return Gone(), None
    with run.database.write() as session:
        gone = retention.take_passing(session, before, dry=False)
    return gone, None if gone == Gone() else ""


def _tidy(run: Run, after: str) -> tuple[Gone, str | None]:
    return Gone(), strays.tidy(run.objects, after, run.now)


def _lay_aside(run: Run, _: str) -> tuple[Gone, str | None]:
    done = retired.lay_aside(run.database, run.objects, run.now)
    return Gone(), "" if done == retired.PAGE else None


def _forget(run: Run, _: str) -> tuple[Gone, str | None]:
    done = retired.forget(run.database, run.objects, run.now)
    return Gone(), "" if done == retired.PAGE else None


# each takes one batch after an id, and says after which the next one begins (None: nothing is left of this part)
# first what lies aside goes: to lay more aside takes room
PARTS = (_count_days, _features, _predictions, _passing, _tidy, _forget, _lay_aside)


def _breathe() -> None:
    threading.Event().wait(BREATH_SECONDS)


def _failed(job: Claimed, error: Exception) -> None:
    failing.say("retention", "retention", job, error)
