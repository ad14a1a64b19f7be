"""The null replays' part of the loop: every model version is asked once how often its rule errs.

A replay is a job of its own kind, added when a version is seen that has none; the database takes one for each version.
Hundreds of windows take minutes: a turn judges as many as fit into some seconds and leaves the job with what it has
counted, so that a candidate that has just begun is watched meanwhile.
"""

import hashlib
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from monitoring import failing, null_replay
from monitoring.monitor import PROGRAM, Monitor, Stopped
from monitoring.null_replay import Plan, Replayed
from monitoring.references import NoReference
from store import jobs, locks, models, null_replays
from store.database import Session
from store.errors import StoreError
from store.jobs import Claimed, Lost
from store.null_replays import NewReplay

NULL_REPLAY = "null_replay"
PAUSE = timedelta(minutes=10)
# no further window is begun in a turn that has lasted so long
TURN = timedelta(seconds=2)
_AT_ONCE = 10

log = structlog.get_logger("monitoring")


def turn(monitor: Monitor) -> None:
    """Ask for the replays that are missing, and do one of them."""
    with monitor.database.read() as session:
        wanted = _wanted(session, monitor)
    if wanted:
        with monitor.database.write() as session:
            # again, one monitor at a time: another may have asked meanwhile
            locks.hold(session, f"ask {NULL_REPLAY}")
            for version_id in _wanted(session, monitor):
                payload = {"model_version_id": version_id}
                jobs.add(session, NULL_REPLAY, payload, monitor.clock(), asked_by=PROGRAM)
    job = jobs.claim(monitor.database, [NULL_REPLAY], monitor.name, monitor.clock())
    if job is None:
        return
    try:
        jobs.do(monitor.database, job, lambda one, _: _replay(monitor, one), monitor.clock, _failed)
    except Stopped:
        with suppress(StoreError, Lost):
            jobs.give_back(monitor.database, job, monitor.clock())
        raise


def _wanted(session: Session, monitor: Monitor) -> list[str]:
    # first: one that is finished in between is missing no more
    asked = {job.payload["model_version_id"] for job in jobs.unfinished(session, NULL_REPLAY)}
    missing = null_replays.missing(session, _AT_ONCE)
    if not missing:
        return []
    now = monitor.clock()
    for job in jobs.newest(session, NULL_REPLAY, _AT_ONCE):
        if job.status == "failed" and job.finished_at and now - job.finished_at < PAUSE:
            asked.add(job.payload["model_version_id"])
    return [one for one in missing if one not in asked]


def _replay(monitor: Monitor, job: Claimed) -> None:
    until = monitor.clock() + TURN
    version_id = str(job.payload["model_version_id"])
    with monitor.database.read() as session:
        digest = models.get(session, version_id).bundle_digest
    seed = int.from_bytes(hashlib.sha256(f"{NULL_REPLAY}|{digest}".encode()).digest()[:8], "big")
    plan = _plan(monitor, digest, seed)
    if isinstance(plan, Replayed):
        return _keep(monitor, job, plan, {"seed": seed, "bundle": digest})
    counts = list(job.payload.get("counts", [0] * null_replay.REFERENCES))
    done = int(job.payload.get("windows", 0))
    for half, drift in null_replay.windows(plan, done):
        counts[half] += drift
        done += 1
        if monitor.clock() >= until:
            break
    if done < plan.of_each * null_replay.REFERENCES:
        so_far = {"model_version_id": version_id, "counts": counts, "windows": done}
        return jobs.give_back(monitor.database, job, monitor.clock(), so_far)
    return _keep(monitor, job, null_replay.replayed(plan, counts), {"seed": seed, "bundle": digest})


def _plan(monitor: Monitor, digest: str, seed: int) -> Plan | Replayed:
    settings = monitor.settings
    try:
        known = monitor.references.of(digest)
    except NoReference as none:
        return Replayed((), 0, 0, 0, str(none))
    of_each = settings.null_replay_windows // null_replay.REFERENCES
    return null_replay.planned(
        known, settings.window_predictions, settings.window_minimum, seed, of_each
    )


def _keep(monitor: Monitor, job: Claimed, replayed: Replayed, about: dict[str, Any]) -> None:
    version_id = str(job.payload["model_version_id"])
    low, high = replayed.interval or (None, None)
    new = NewReplay(
        version_id,
        replayed.windows,
        replayed.false_alarms,
        replayed.rate,
        low,
        high,
        {**replayed.as_json(), **about},
    )
    now = monitor.clock()
    with monitor.database.write() as session:
        null_replays.keep(session, new, now)
        jobs.finish(session, job, {"rate": replayed.rate, "why": replayed.why}, now)
    log.info("null replay", rate=replayed.rate, windows=replayed.windows, version=version_id)


def _failed(job: Claimed, error: Exception) -> None:
    failing.say("null_replays", "null replay", job, error)
