"""The same hours of earlier days: what night pictures are compared with, once there is enough ordinary night traffic.

A window of a few hours is compared with what the same model version answered at those hours on its first days, instead
of with the bundle's held-out pictures, as soon as that earlier traffic is at least as many pictures, of three days.
Only windows that were quiet, or that somebody has accepted as being as they should be, count as ordinary. It is the
**first** such traffic and it stays that for as long as retention leaves it whole: a reference that moved along would
take in a slow drift picture by picture. What is left of a window whose rows have begun to go is no sample of it (the
reviewed ones stay), and without features nothing could be said of where they lie: such windows are passed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import numpy as np

from monitoring import columns
from monitoring.due import Stretch
from monitoring.window_verdicts import LEAST_REFERENCE, MOST_REFERENCE, Against
from store import slices, windows
from store.database import Session
from store.slices import Slice
from store.tables import Prediction, Window

LEAST_DAYS = 3
# a window that is longer has no hour of its own
LONGEST = timedelta(hours=3)
# before and after the window's own
AROUND = 1
_AWAY = timedelta(hours=12)
_MOST_WINDOWS = 60
_MOST_OF_A_WINDOW = 1000


@dataclass(frozen=True, eq=False)
class Hours:
    """Earlier traffic at the same hours, and the windows it is from."""

    against: Against
    window_ids: tuple[str, ...]
    digest: str
    features_gone: bool = False

    def as_json(self) -> dict[str, Any]:
        """What is kept of it, so that a verdict can be computed again."""
        return {"windows": list(self.window_ids), "sha256": self.digest}


def reference(
    session: Session, stretch: Stretch, rows: Sequence[Prediction], least: int
) -> Hours | None:
    """Earlier traffic at the hours of `rows`, if there are `least` pictures of it (and enough for any reference)."""
    starts, ends = rows[0].created_at, rows[-1].created_at
    if ends - starts > LONGEST:
        return None
    middle = starts + (ends - starts) / 2
    hours = [(middle.hour + step) % 24 for step in range(-AROUND, AROUND + 1)]
    with_features = any(row.features is not None for row in rows)
    found = windows.of_hours(
        session, stretch.model_version_id, stretch.segment, hours, _MOST_WINDOWS, with_features
    )
    earlier = [
        one
        for one in found
        if one.last_prediction_id < stretch.first_prediction_id
        and one.ends_at <= starts - _AWAY
        and one.ends_at - one.starts_at <= LONGEST
    ]
    chosen = _first(earlier)
    if len({one.starts_at.date() for one in chosen}) < LEAST_DAYS:
        return None
    made = of_windows(session, chosen)
    return made if len(made.against.table) >= max(least, LEAST_REFERENCE) else None


def of_windows(session: Session, chosen: Sequence[Window]) -> Hours:
    """The pictures of these windows as something to compare with."""
    ids: list[str] = []
    for one in chosen:
        slice_ = Slice(one.model_version_id, one.segment, tuple(one.config.get("without", ())))
        ids += slices.ids_between(session, slice_, one.first_prediction_id, one.last_prediction_id)[
            :_MOST_OF_A_WINDOW
        ]
    rows = slices.rows(session, ids[:MOST_REFERENCE])
    different = list({row.picture_digest: row for row in rows}.values())
    table = columns.of_predictions(different)
    looked_at = table.flagged[np.isfinite(table.flagged)]
    digest = sha256("|".join(row.id for row in different).encode()).hexdigest()
    against = Against(table, int(looked_at.sum()), len(looked_at), traffic=True)
    faded = any(row.features is None and row.feature_score is not None for row in different)
    return Hours(against, tuple(one.id for one in chosen), digest, faded)


def _first(earlier: Sequence[Window]) -> list[Window]:
    """The first windows that make a whole reference; from then on it stays the same."""
    chosen: list[Window] = []
    for one in earlier:
        pictures = sum(min(other.pictures, _MOST_OF_A_WINDOW) for other in chosen)
        days = {other.starts_at.date() for other in chosen}
        if pictures >= MOST_REFERENCE and len(days) >= LEAST_DAYS:
            break
        chosen.append(one)
    return chosen
