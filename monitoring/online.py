"""The online detectors' part of the loop: read on in the log of answers, raise alarms, take them back.

Order: which versions answer, what is settled, then for each version one transaction at a time that reads the next
predictions, folds them into the version's streams, raises and clears, and moves the cursor. Nothing is read twice
and nothing is passed over: ids are given before the commit, so what is younger than the settling time is left until
no smaller id can appear any more (`store.prediction_log` commits nothing that is older than half of it).
"""

from datetime import datetime, timedelta

import structlog

from monitoring import streams
from monitoring.monitor import Monitor
from monitoring.references import NoReference
from monitoring.streams import Event, Plan, Stream
from store import alarms, detectors, models, rollouts
from store.alarms import NewAlarm
from store.database import Session
from store.detectors import ALL, Seen

KIND = "online"
BATCH = 500
# a backlog is worked off over several looks, so that the other parts get their turn
MOST_BATCHES = 40
# a version that answers no more is read to its end, which the settling time has long brought by then
FOLLOWED = timedelta(hours=1)

log = structlog.get_logger("monitoring")


def turn(monitor: Monitor, batch: int = BATCH) -> None:
    """Read on in every version that answers, or did lately; `batch` predictions in a transaction."""
    now = monitor.clock()
    with monitor.database.read() as session:
        followed = _followed(session, now)
        left = [one.id for one in alarms.left_behind(session, KIND, followed)]
    for version_id in followed:
        for _ in range(MOST_BATCHES):
            if not read_on(monitor, version_id, now, batch):
                break
    for alarm_id in left:
        with monitor.database.write() as session:
            alarms.clear(session, alarm_id, now)


def read_on(monitor: Monitor, version_id: str, now: datetime, batch: int) -> bool:
    """The next predictions of a version; whether there may be more."""
    until = now - timedelta(seconds=monitor.settings.online_settle_seconds)
    with monitor.database.read() as session:
        known = detectors.of_version(session, version_id)
        cursor = known[0].last_prediction_id if known else None
        if not detectors.unread(session, version_id, cursor, until, 1):
            return False
    plan = _plan(monitor, version_id) if not known else None
    with monitor.database.write() as session:
        if plan is not None:
            detectors.begin(session, version_id, {"plan": vars(plan)}, now)
        held = detectors.locked(session, version_id)
        # from where the cursor stands now that it is held: another monitor may have read on meanwhile
        rows = detectors.unread(session, version_id, held[ALL].last_prediction_id, until, batch)
        if rows:
            kept = Plan(**held[ALL].state["plan"])
            standing = {name: streams.from_json(one.state) for name, one in held.items()}
            for event in streams.advance(standing, rows, kept):
                _happened(session, version_id, event, now)
            _keep(session, version_id, standing, kept, rows, now)
    return len(rows) == batch


def _followed(session: Session, now: datetime) -> list[str]:
    answering = rollouts.live(session).version_ids
    return list(dict.fromkeys([*answering, *detectors.updated_since(session, now - FOLLOWED)]))


def _plan(monitor: Monitor, version_id: str) -> Plan:
    with monitor.database.read() as session:
        digest = models.get(session, version_id).bundle_digest
    a_day = monitor.settings.online_pictures_a_day
    try:
        reference = monitor.references.of(digest).reference
    except NoReference as error:
        # its flags were made by a reference that could be read; the bound of 5 % holds for any
        log.warning("no reference", version=version_id, why=str(error))
        return Plan(0, a_day)
    return Plan(len(reference.calibration), a_day)


def _keep(
    session: Session, version_id: str, standing: dict[str, Stream], plan: Plan, rows: list[Seen],
    now: datetime,
) -> None:  # fmt: skip
    touched = {ALL, *(row.segment for row in rows if row.segment), streams.OTHER}
    for name, stream in standing.items():
        if name in touched:
            state = streams.as_json(stream) | {"plan": vars(plan)}
            detectors.keep(session, version_id, name, stream.seen, rows[-1].id, state, now)


def _happened(session: Session, version_id: str, event: Event, now: datetime) -> None:
    if event.kind == "alarm":
        new = NewAlarm(KIND, event.stream, version_id, None, event.detail, pages=True)
        alarm = alarms.raise_alarm(session, new, now)
        log.warning(
            "online alarm", alarm=alarm.id, stream=event.stream, index=event.detail["index"]
        )
        return
    for alarm in alarms.open_alarms(session, KIND):
        if (alarm.stream, alarm.model_version_id) == (event.stream, version_id):
            alarms.clear(session, alarm.id, now)
            log.info("online alarm over", alarm=alarm.id, stream=event.stream)
