"""What the online detector does with predictions, one after the other: a sum for all of them and one per segment. Pure.

The same rows in the same order lead to the same alarms at the same pictures, in whatever batches they are read and
whoever reads them: thresholds follow from what was counted so far, and from the plan that a version's detector was
begun with. A picture that was sent before is not counted again: eight copies of one strange picture are no eight
pieces of evidence.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from monitoring import cusum
from monitoring.cusum import Cusum
from store.detectors import ALL, Seen

# one false alarm in so many days, over all streams of a version together
DAYS = 90
MOST_SEGMENTS = 20
# segments beyond the first twenty share a stream
OTHER = "other"
KEPT_PATH = 240


@dataclass(frozen=True)
class Plan:
    """What is fixed when a version's detector is begun; kept with it.

    `calibration` scores stand behind its flags; a stream is taken to have `pictures_a_day` at least.
    """

    calibration: int
    pictures_a_day: int
    days: int = DAYS
    most_segments: int = MOST_SEGMENTS
    rule: str = "cusum 13:1"

    @property
    def rate(self) -> float:
        """What false flags keep to."""
        return cusum.rate_bound(self.calibration)

    def budget(self, streams: int, busiest: int) -> float:
        """The run length that is asked of each stream; the busiest day counts as the next power of two."""
        a_day = max(self.pictures_a_day, 2 ** math.ceil(math.log2(max(busiest, 1))))
        return float(streams * a_day * self.days)


@dataclass
class Stream:
    """Where one stream stands; JSON as it is kept. `path` holds S after each of the latest pictures."""

    threshold: int = 0
    statistic: int = 0
    seen: int = 0
    since: int = 0
    since_id: str | None = None  # the first picture after S was last 0
    budget: float = 0.0
    day: str = ""
    today: int = 0
    busiest: int = 0
    alarms: int = 0
    alarmed: int | None = None  # at which picture the alarm came that is not over yet
    path: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Event:
    """A stream has crossed its threshold, or has been quiet for so long after it that what it told of is over."""

    kind: Literal["alarm", "quiet"]
    stream: str
    detail: dict[str, Any]


def advance(streams: dict[str, Stream], rows: Iterable[Seen], plan: Plan) -> list[Event]:
    """Fold the rows, in order, into the streams (changed in place, new ones added); what happened on the way."""
    events = []
    for row in rows:
        for name, repeated in _streams_of(row, streams, plan):
            stream = streams.setdefault(name, Stream())
            if not repeated:
                events += _count(stream, name, row, plan, len(streams))
    return events


def from_json(state: dict[str, Any]) -> Stream:
    """What `as_json` gave."""
    return Stream(**{name: state[name] for name in Stream.__dataclass_fields__ if name in state})


def as_json(stream: Stream) -> dict[str, Any]:
    """For the detector's row."""
    return asdict(stream)


def _streams_of(row: Seen, streams: dict[str, Stream], plan: Plan) -> list[tuple[str, bool]]:
    wanted = [(ALL, row.repeated)]
    if row.segment:
        known = row.segment in streams or len(streams) <= plan.most_segments
        wanted.append((row.segment if known else OTHER, row.repeated_in_segment))
    return wanted


def _count(stream: Stream, name: str, row: Seen, plan: Plan, streams: int) -> list[Event]:
    _measure(stream, row.created_at, plan, streams)
    if stream.since_id is None:
        stream.since_id = row.id
    before = Cusum(stream.statistic, stream.seen, stream.since)
    at, crossing = cusum.step(before, row.flagged, stream.threshold)
    stream.statistic, stream.seen, stream.since = at.s, at.seen, at.since
    stream.path = [*stream.path, crossing.s if crossing else at.s][-KEPT_PATH:]
    events = []
    if crossing is not None:
        stream.alarms += 1
        stream.alarmed = crossing.index
        detail = {"index": crossing.index, "since": crossing.since, "statistic": crossing.s}
        events.append(Event("alarm", name, detail | _told(stream, row, plan, streams)))
    elif stream.alarmed and stream.seen - stream.alarmed >= cusum.quiet_after(stream.threshold):
        events.append(Event("quiet", name, {"index": stream.seen, "since": stream.alarmed}))
        stream.alarmed = None
    if at.s == 0:
        stream.since_id = None
    return events


def _measure(stream: Stream, at: datetime, plan: Plan, streams: int) -> None:
    """The threshold that the traffic so far asks for; it only ever rises."""
    day = at.date().isoformat()
    stream.today = stream.today + 1 if day == stream.day else 1
    stream.day = day
    stream.busiest = max(stream.busiest, stream.today)
    budget = plan.budget(streams, stream.busiest)
    if budget > stream.budget:
        stream.budget = budget
        stream.threshold = max(stream.threshold, cusum.threshold(budget, plan.rate))


def _told(stream: Stream, row: Seen, plan: Plan, streams: int) -> dict[str, Any]:
    return {
        "threshold": stream.threshold,
        "run_length": round(cusum.run_length(stream.threshold, plan.rate)),
        "budget": round(stream.budget),
        "streams": streams,
        "first_prediction_id": stream.since_id,
        "last_prediction_id": row.id,
        "path": stream.path,
        "plan": asdict(plan),
    }
