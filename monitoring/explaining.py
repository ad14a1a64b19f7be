"""The explanations' part of the loop: find out why for every open alarm of windows and detectors that has no answer yet.

It runs right after the parts that raise them, so an alarm is explained seconds after it is there. What cannot be
explained (rows or bundle gone) is said in the alarm, and asked no more.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import structlog

from classifier.properties import NAMES
from monitoring import online, why
from monitoring.monitor import Monitor
from monitoring.references import NoReference
from monitoring.why import Judged
from store import alarms, models, predictions, windows
from store.database import Session
from store.tables import Alarm, Prediction

WINDOW = "window"
KINDS = (WINDOW, online.KIND)
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
    """What `why.explain` says of the alarm's stretch, or a sentence that says why it cannot."""
    with monitor.database.read() as session:
        rows = _rows(session, alarm)
        version = models.get(session, alarm.model_version_id) if alarm.model_version_id else None
    if version is None or not rows:
        return {"pictures": [], "sentence": "The predictions behind this alarm are gone."}
    try:
        reference = monitor.references.of(version.bundle_digest).reference
    except NoReference as none:
        return {"pictures": [], "sentence": str(none)}
    table = reference.table()
    return why.explain([_judged(row, table) for row in rows], table)


def _rows(session: Session, alarm: Alarm) -> Sequence[Prediction]:
    """The stretch's different pictures at which a model has looked, the latest ones if there are many."""
    if alarm.model_version_id is None:
        return []
    if alarm.window_id is not None:
        window = windows.get(session, alarm.window_id)
        ends = window.first_prediction_id, window.last_prediction_id
    else:
        ends = alarm.detail["first_prediction_id"], alarm.detail["last_prediction_id"]
    rows = predictions.between(session, alarm.model_version_id, *ends)
    first: dict[str, Prediction] = {}
    for row in rows:
        if row.inside is not None and alarm.stream in ("", row.segment):
            first.setdefault(row.picture_digest, row)
    return list(first.values())[-MOST_ROWS:]


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
