"""Which stretches of predictions are to be checked next.

A stretch is the predictions of one slice of a model version (all of it, each of its busiest segments, the other
segments together) that no check of its kind has used up yet. By count it is due when it is full: the next ones, so
that nothing lies between two windows, unless they are so old that nobody looked meanwhile or the checks do not keep up;
then the latest ones, since drift is to be told while it is there. By time it is due when a period has passed. A check
that held too few pictures to conclude anything uses nothing up. What was made in the last seconds is left alone: its
commit may still be under way, and a window that was checked must not change any more.

A look costs the same however long the log: the segments are counted among the latest answers, and only the busiest are
watched one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitoring.settings import MonitoringSettings
from store import slices, windows
from store.database import Session
from store.slices import ALL, OTHER, Slice
from store.tables import Window

# the latest answers among which segments are counted
LOOKED_THROUGH = 5_000
# a window by count that ended longer ago than this is passed over when there is a later one
LATE = timedelta(minutes=10)
# the largest stretch by time; what is beyond is traffic of a time when nobody looked
LONGEST = 10_000


@dataclass(frozen=True)
class Stretch:
    """The predictions of a slice of a model version from the first id to the last, both included."""

    model_version_id: str
    first_prediction_id: str
    last_prediction_id: str
    segment: str = ALL
    without: tuple[str, ...] = ()
    kind: str = "count"

    @property
    def slice(self) -> Slice:
        """Whose predictions these are."""
        return Slice(self.model_version_id, self.segment, self.without)

    @property
    def stream(self) -> tuple[str, str, str]:
        """What follows one another: stretches of one version, segment and kind."""
        return self.model_version_id, self.segment, self.kind

    def payload(self) -> dict[str, Any]:
        """As a job carries it."""
        return {**vars(self), "without": list(self.without)}

    @classmethod
    def of(cls, payload: dict[str, Any]) -> "Stretch":
        """What `payload` gave."""
        return cls(**{**payload, "without": tuple(payload.get("without", ()))})

    @classmethod
    def of_window(cls, kept: Window) -> "Stretch":
        """The stretch that a window is about."""
        return cls(
            kept.model_version_id,
            kept.first_prediction_id,
            kept.last_prediction_id,
            kept.segment,
            tuple(kept.config.get("without", ())),
            kept.kind,
        )


def stretches(
    session: Session, model_version_id: str, settings: MonitoringSettings, now: datetime
) -> list[Stretch]:
    """Every stretch of a version that is due: all of it first, then by segment; by count, then by time."""
    busy = slices.busiest(session, model_version_id, LOOKED_THROUGH, settings.window_segments)
    found = list(_of(session, Slice(model_version_id), "", settings, now))
    for segment in busy.segments:
        found += _of(session, Slice(model_version_id, segment), "", settings, now)
    if busy.segments:
        other = Slice(model_version_id, OTHER, busy.segments)
        found += _of(session, other, busy.since_id, settings, now)
    return found


def _of(
    session: Session, slice_: Slice, since_id: str, settings: MonitoringSettings, now: datetime
) -> Iterator[Stretch]:
    for kind, due in (("count", _by_count), ("time", _by_time)):
        used_up = windows.latest_of(
            session, slice_.model_version_id, settings.window_minimum, slice_.segment, kind
        )
        after = max(since_id, used_up.last_prediction_id if used_up else "")
        ends = due(session, slice_, after, settings, now)
        if ends is not None:
            yield Stretch(slice_.model_version_id, *ends, slice_.segment, slice_.without, kind)


def _by_count(
    session: Session, slice_: Slice, after: str, settings: MonitoringSettings, now: datetime
) -> tuple[str, str] | None:
    full, until = settings.window_predictions, _settled(settings, now)
    unused = slices.first(session, slice_, full, after, until)
    if len(unused) < full:
        return None
    if now - unused[-1][1] > LATE:
        unused = slices.latest(session, slice_, full, after, until)
    return unused[0][0], unused[-1][0]


def _by_time(
    session: Session, slice_: Slice, after: str, settings: MonitoringSettings, now: datetime
) -> tuple[str, str] | None:
    oldest = slices.oldest(session, slice_, after)
    last = windows.latest_of(session, slice_.model_version_id, 0, slice_.segment, "time")
    if oldest is None:
        return None
    waits_since = oldest if last is None else max(oldest, last.created_at)
    if now - waits_since < timedelta(seconds=settings.window_wait_seconds):
        return None
    unused = slices.latest(session, slice_, LONGEST, after, _settled(settings, now))
    if not unused or (last is not None and last.last_prediction_id == unused[-1][0]):
        return None
    # that too little came is told of all traffic, and not of every small segment
    if slice_.segment != ALL and len(unused) < settings.window_minimum:
        return None
    return unused[0][0], unused[-1][0]


def _settled(settings: MonitoringSettings, now: datetime) -> datetime:
    return now - timedelta(seconds=settings.window_settle_seconds)
