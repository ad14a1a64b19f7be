"""The explanations' part of the loop: find out why for every open alarm that has no answer yet.

It runs right after the parts that raise them, so an alarm is explained seconds after it is there. What cannot be
explained (rows or bundle gone) is said in the alarm, and asked no more.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import structlog

from classifier.properties import NAMES
from monitoring import accuracy_sample, accuracy_turns, checking, online, streams, why, why_wrong
from monitoring.due import Stretch
from monitoring.monitor import Monitor
from monitoring.references import NoReference
from monitoring.why import Judged
from monitoring.why_wrong import Read
from store import alarms, audits, detectors, models, slices, windows
from store.database import Session
from store.slices import Slice
from store.tables import Alarm, Prediction

WINDOW = "window"
KINDS = (WINDOW, online.KIND, accuracy_turns.ACCURACY)
# a look explains no more than this, the next one goes on
MOST_ALARMS = 20
MOST_ROWS = 2000
_SCORES = ("look_score", "feature_score", "domain_score")

log = structlog.get_logger("monitoring")


def turn(monitor: Monitor) -> None:
    """Explain the alarms that wait for it, the oldest first."""
    with monitor.database.read() as session:
        waiting = alarms.unexplained(session, KINDS, MOST_ALARMS)
    for alarm in waiting:
        answer = explain(monitor, alarm)
        with monitor.database.write() as session:
            alarms.explain(session, alarm.id, answer, monitor.clock())
        log.info("explained", alarm=alarm.id, why=answer["sentence"])


def explain(monitor: Monitor, alarm: Alarm) -> dict[str, object]:
    """What `why` says of the alarm's stretch (`why_wrong`: of its wrong answers), or a sentence that says why it cannot."""
    with monitor.database.read() as session:
        reads = _reads(session, alarm) if alarm.kind == accuracy_turns.ACCURACY else None
        ids = (
            _stretch(session, alarm)
            if reads is None
            else [r.prediction_id for r in reads if r.wrong]
        )
        rows = _different(slices.rows(session, ids[-MOST_ROWS:]))
        version = models.get(session, alarm.model_version_id) if alarm.model_version_id else None
    if version is None or not rows:
        return {"pictures": [], "sentence": "The predictions behind this alarm are gone."}
    try:
        reference = monitor.references.of(version.bundle_digest).reference
    except NoReference as none:
        return {"pictures": [], "sentence": str(none)}
    table = reference.table()
    judged = [_judged(row, table) for row in rows]
    if reads is None:
        return why.explain(judged, table)
    return why_wrong.explain(reads, {one.prediction_id: one for one in judged}, table)


def _stretch(session: Session, alarm: Alarm) -> Sequence[str]:
    """The predictions that a window judged, or that a detector counted since its sum began to rise."""
    if alarm.window_id is not None:
        stretch = Stretch.of_window(windows.get(session, alarm.window_id))
        ends = stretch.first_prediction_id, stretch.last_prediction_id
        return checking.drawn(slices.ids_between(session, stretch.slice, *ends), stretch)
    if alarm.model_version_id is None:
        return []
    others: tuple[str, ...] = ()
    if alarm.stream == streams.OTHER:
        counted = detectors.of_version(session, alarm.model_version_id)
        others = tuple(one.stream for one in counted if one.stream not in ("", streams.OTHER))
    ends = alarm.detail["first_prediction_id"], alarm.detail["last_prediction_id"]
    return slices.ids_between(session, Slice(alarm.model_version_id, alarm.stream, others), *ends)


def _reads(session: Session, alarm: Alarm) -> list[Read]:
    """The answers that people had read for the audit when the alarm was raised, as far as they were settled."""
    since, until = (datetime.fromisoformat(alarm.detail[name]) for name in ("since", "ends_at"))
    found = []
    for one in audits.read_answers(session, since, until, alarm.model_version_id):
        truth = accuracy_sample.settled(one) if one.lane == "audit" else None
        if truth is not None and truth[0] != "not_usable":
            read = Read(one.prediction_id, one.segment or "", one.answer or "", truth[1])
            found.append(read)
    return found


def _different(rows: Sequence[Prediction]) -> list[Prediction]:
    """The first of each picture, of those at which a model has looked."""
    first: dict[str, Prediction] = {}
    for row in rows:
        if row.inside is not None:
            first.setdefault(row.picture_digest, row)
    return list(first.values())


def _judged(row: Prediction, table: Mapping[str, object]) -> Judged:
    values = dict(_values(row))
    return Judged(
        row.id, row.picture_digest, row.segment or "", {n: values[n] for n in table if n in values}
    )


def _values(row: Prediction) -> Iterator[tuple[str, float]]:
    yield from ((name, float(row.properties[name])) for name in NAMES if name in row.properties)
    for name in _SCORES:
        score = getattr(row, name)
        if score is not None:
            yield name, float(score)
    if row.features:
        projected = np.frombuffer(row.features, "<f2").astype(np.float64)
        yield from ((f"pca_{place:02}", float(value)) for place, value in enumerate(projected))
