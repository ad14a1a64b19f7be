"""Count a version's predictions again from the first one, and say whether an online alarm comes at the same picture.

The alarm's detail holds the plan that its detector was begun with; everything else is read from the log, in the order
of ids. The detector's own rows are not looked at.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from monitoring import online, streams
from monitoring.recompute import Recomputed
from monitoring.streams import Event, Plan, Stream
from store import alarms, detectors
from store.database import Database, Session
from store.detectors import Seen
from store.ids import time_of
from store.tables import Alarm


def alarm(database: Database, alarm_id: str) -> Recomputed:
    """Raises NotFound when there is no such alarm."""
    with database.read() as session:
        kept = alarms.get(session, alarm_id)
        if kept.kind != online.KIND or kept.model_version_id is None:
            return Recomputed(
                False, f"Alarm {kept.id} is not one of the online detectors ({kept.kind})."
            )
        found, standing = _again(session, kept)
    was = {name: value for name, value in kept.detail.items() if name != "why"}
    if found is not None and _plain(found.detail) == was:
        return Recomputed(
            True,
            f"Alarm {kept.id} is the same, bit for bit: picture {was['index']},"
            f" threshold {was['threshold']}.",
        )
    counted = standing[kept.stream].seen if kept.stream in standing else 0
    if counted != was["index"]:
        return Recomputed(
            False,
            f"Alarm {kept.id} cannot be computed again: {counted} of the {was['index']} pictures"
            " that were counted until then are left.",
        )
    return Recomputed(False, f"Alarm {kept.id} differs: no such alarm comes from the same rows.")


def _again(session: Session, kept: Alarm) -> tuple[Event | None, dict[str, Stream]]:
    """The alarm that its last picture leads to, if it does, and the streams as they stand there."""
    plan, standing = Plan(**kept.detail["plan"]), dict[str, Stream]()
    events: list[Event] = []
    for rows in _until(session, kept):
        events += streams.advance(standing, rows, plan)
    last = kept.detail["last_prediction_id"]
    for event in events:
        ends = event.detail.get("last_prediction_id")
        if (event.kind, event.stream, ends) == ("alarm", kept.stream, last):
            return event, standing
    return None, standing


def _until(session: Session, kept: Alarm) -> Iterator[list[Seen]]:
    version, last = kept.model_version_id or "", kept.detail["last_prediction_id"]
    end, after = time_of(last) + timedelta(milliseconds=1), None
    while rows := detectors.unread(session, version, after, end, online.BATCH):
        yield [row for row in rows if row.id <= last]
        after = rows[-1].id


def _plain(value: Any) -> Any:
    """As a database gives JSON back."""
    return json.loads(json.dumps(value))
