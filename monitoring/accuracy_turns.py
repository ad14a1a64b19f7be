"""Accuracy's part of the loop: look when a look is due, keep its rows, raise an alarm when accuracy has fallen.

Looks end at whole multiples of their interval, a minute ago at least, so that every monitor sees the same answers and
labels; a look is a job, which one monitor claims. A row computes again from the log for as long as that is kept.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from monitoring import accuracy_looks, failing, metrics
from monitoring.accuracy_looks import Course, Look
from monitoring.monitor import PROGRAM, Monitor, Stopped
from store import accuracies, alarms, audits, jobs, locks, models, predictions, rollouts
from store.accuracies import NewAccuracy
from store.alarms import NewAlarm
from store.audits import ReadAnswer
from store.database import Session
from store.errors import StoreError
from store.jobs import Claimed, Lost
from store.tables import Accuracy, ModelVersion

ACCURACY = "accuracy"
# answers and labels carry the time at which they were made, and are there a little later
SETTLED_AFTER = timedelta(minutes=1)
# after a look that failed for good
PAUSE = timedelta(minutes=10)
# a fall to nothing, or from everything, has no likelihood ratio
HIGHEST_TARGET = 0.999

log = structlog.get_logger("monitoring")


def turn(monitor: Monitor) -> None:
    """Take the look that is due, if one is and no other monitor has it."""
    with monitor.database.read() as session:
        wanted = _wanted(session, monitor)
        over = alarms.left_behind(session, ACCURACY, rollouts.live(session).version_ids)
    for alarm in over:
        # a version that answers nobody harms nobody any more
        with monitor.database.write() as session:
            alarms.clear(session, alarm.id, monitor.clock())
    if wanted is not None:
        with monitor.database.write() as session:
            # again, one monitor at a time: another may have asked meanwhile
            locks.hold(session, f"ask {ACCURACY}")
            if _wanted(session, monitor) == wanted:
                due = {"ends_at": wanted.isoformat()}
                jobs.add(session, ACCURACY, due, monitor.clock(), asked_by=PROGRAM)
    job = jobs.claim(monitor.database, [ACCURACY], monitor.name, monitor.clock())
    if job is None:
        return
    try:
        jobs.do(monitor.database, job, lambda one, _: _look(monitor, one), monitor.clock, _failed)
    except Stopped:
        with suppress(StoreError, Lost):
            jobs.give_back(monitor.database, job, monitor.clock())
        raise


def again(session: Session, accuracy_id: str) -> tuple[Accuracy, NewAccuracy]:
    """A row, and the same computed once more from the log as it was then; equal in every bit. Raises NotFound."""
    row = accuracies.get(session, accuracy_id)
    test, version = row.detail.get("test"), row.model_version_id
    courses = {}
    if version is not None and row.slice_kind == "all":
        known = models.get(session, version)
        target = (test["target"], test["declared"], test["fall"]) if test else (None, False, 0.0)
        courses[version] = _course(session, known, row.ends_at, target)
    look = Look(
        row.starts_at,
        row.ends_at,
        tuple(audits.population(session, row.starts_at, row.ends_at)),
        tuple(audits.read_answers(session, row.starts_at, row.ends_at)),
        courses,
    )
    return row, accuracy_looks.one_slice(look, version, row.slice_kind, row.slice_name)


def _wanted(session: Session, monitor: Monitor) -> datetime | None:
    now = monitor.clock()
    every = monitor.settings.accuracy_every_seconds
    ends = datetime.fromtimestamp((now - SETTLED_AFTER).timestamp() // every * every, UTC)
    # first: one that is finished in between has left its look behind
    if jobs.unfinished(session, ACCURACY):
        return None
    last = accuracies.last_look(session)
    if last is not None and last >= ends:
        return None
    newest = next(iter(jobs.newest(session, ACCURACY, 1)), None)
    failed = newest is not None and newest.status == "failed" and newest.finished_at
    if failed and now - failed < PAUSE:
        return None
    return ends if predictions.recent(session, 1) else None


def _look(monitor: Monitor, job: Claimed) -> None:
    ends = datetime.fromisoformat(job.payload["ends_at"])
    with metrics.ACCURACY_SECONDS.time():
        with monitor.database.read() as session:
            look = _read(session, monitor, ends)
        rows = accuracy_looks.all_slices(look)
    now = monitor.clock()
    with monitor.database.write() as session:
        ids = accuracies.keep(session, rows, now)
        for row, identity in zip(rows, ids, strict=True):
            _alarm(session, row, identity, now)
        jobs.finish(session, job, {"rows": len(rows), "ends_at": ends.isoformat()}, now)
    overall = rows[0]
    log.info("accuracy", labels=overall.labels, estimate=overall.estimate, slices=len(rows))


def _read(session: Session, monitor: Monitor, ends: datetime) -> Look:
    starts = ends - timedelta(days=monitor.settings.accuracy_days)
    groups = tuple(audits.population(session, starts, ends))
    look = Look(starts, ends, groups, tuple(audits.read_answers(session, starts, ends)), {})
    courses = {}
    for version in (models.get(session, one) for one in accuracy_looks.most_used(look)):
        courses[version.id] = _course(session, version, ends, _target(monitor, version))
    return Look(starts, ends, groups, look.reads, courses)


def _course(
    session: Session,
    version: ModelVersion,
    ends: datetime,
    target: tuple[float | None, bool, float],
) -> Course:
    # a moment before the end: a look that ends with the month belongs to it
    month = (ends - timedelta(microseconds=1)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    since = max(version.created_at, month)
    reads: list[ReadAnswer] = audits.read_answers(session, since, ends, version.id)
    return Course(since, tuple(reads), *target)


def _target(monitor: Monitor, version: ModelVersion) -> tuple[float | None, bool, float]:
    """What is tested against: what people declared, else the lower limit of the version's own held-out accuracy."""
    fall, declared = monitor.settings.accuracy_fall, monitor.settings.accuracy_target
    unseen: dict[str, Any] = version.card.get("unseen") or {}
    promised = unseen.get("low") if unseen.get("pictures") else None
    target = declared or promised
    if target is None or target <= fall:
        return None, False, fall
    return min(float(target), HIGHEST_TARGET), bool(declared), fall


def _alarm(session: Session, row: NewAccuracy, row_id: str, now: datetime) -> None:
    """Once a month and version: the evidence stays for the rest of the month, and says nothing new."""
    test = row.detail.get("test")
    if test is None or test["at"] is None:
        return
    since = datetime.fromisoformat(row.detail["sequence"]["since"])
    if alarms.raised_since(session, ACCURACY, row.model_version_id, since):
        return
    detail = {
        "accuracy_id": row_id,
        **{name: test[name] for name in ("target", "declared", "fall", "at", "largest")},
        **{name: row.detail["sequence"][name] for name in ("since", "labels", "right")},
        "estimate": row.estimate,
        "low": row.low,
        "high": row.high,
        "ends_at": row.ends_at.isoformat(),
    }
    new = NewAlarm(ACCURACY, "", row.model_version_id, None, detail, pages=True)
    raised = alarms.raise_alarm(session, new, now)
    log.warning("accuracy has fallen", alarm=raised.id, target=test["target"], row=row_id)


def _failed(job: Claimed, error: Exception) -> None:
    failing.say("accuracy", "accuracy", job, error)
