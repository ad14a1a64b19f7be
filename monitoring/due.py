"""Which stretch of predictions is to be checked next.

A stretch is the latest predictions of one model version that no check has used up yet. It is due when it is full, or
when it has waited long enough; a check that held too few pictures to conclude anything uses nothing up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring.settings import MonitoringSettings
from store import predictions, windows
from store.database import Session


@dataclass(frozen=True)
class Stretch:
    """The predictions of a model version from the first id to the last, both included."""

    model_version_id: str
    first_prediction_id: str
    last_prediction_id: str


def stretch(
    session: Session, model_version_id: str, settings: MonitoringSettings, now: datetime
) -> Stretch | None:
    """The stretch that is due, or None."""
    used_up = windows.latest_of(session, model_version_id, settings.window_minimum)
    after = used_up.last_prediction_id if used_up else ""
    unused = predictions.latest_ids(session, model_version_id, settings.window_predictions, after)
    last = windows.latest_of(session, model_version_id, 0)
    if not unused or (last is not None and last.last_prediction_id == unused[-1][0]):
        return None
    oldest = unused[0][1]
    waits_since = oldest if last is None else max(oldest, last.created_at)
    full = len(unused) == settings.window_predictions
    if not full and now - waits_since < timedelta(seconds=settings.window_wait_seconds):
        return None
    return Stretch(model_version_id, unused[0][0], unused[-1][0])
