"""Predictions of which only the flag matters, many at once; and a program that reads on in them until it is killed.

`python -m tests.monitoring.flags DATABASE_URL FOLDER` is that program. Its clock stands an hour after the tests' first
moment, and it reads five predictions in a transaction, so that a kill finds it in the middle of one.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from monitoring import online
from monitoring.monitor import Monitor
from monitoring.references import References
from store import pictures
from store.bundles import BundleStore
from store.database import Database, Session
from store.ids import new_id
from store.objects import Objects
from store.prediction_log import NewPrediction
from store.tables import Prediction
from tests.monitoring import given
from tests.store import given as store_given
from tests.store.given import NOW


def rows(consumer: str, version: str, flags: Sequence[bool], first: int = 0) -> list[NewPrediction]:
    """A prediction for each flag, a tenth of a second apart from NOW on; every picture is another one."""
    made = [
        store_given.prediction(consumer, 0, model_version_id=version, inside=not flag)
        for flag in flags
    ]
    return [moved(row, first + place) for place, row in enumerate(made)]


def moved(row: NewPrediction, place: int) -> NewPrediction:
    """The same prediction at another place of the stream, with an id to match and a picture of its own."""
    at = NOW + timedelta(milliseconds=100 * place)
    return replace(
        row,
        id=new_id(at),
        created_at=at,
        answered_at=at,
        picture_digest=store_given.digest(f"picture {place}"),
    )


def add(session: Session, new: Sequence[NewPrediction]) -> None:
    """Write them in one transaction."""
    shown = {row.picture_digest: row for row in new}
    seen = [replace(store_given.picture(0), digest=digest) for digest in shown]
    pictures.record(session, seen, "training", NOW)
    session.execute(insert(Prediction), [dict(vars(row)) for row in new])


def reader(url: str, folder: Path, at: datetime) -> Monitor:
    """A monitor of its own whose clock stands."""
    bundles = BundleStore(Objects(str(folder / "storage")), folder / "cache of a reader")
    database = Database(url, wait_seconds=30)
    return Monitor(given.settings(url, folder), lambda: at, database, References(bundles))


def main() -> None:
    """Read on for ever."""
    monitor = reader(sys.argv[1], Path(sys.argv[2]), store_given.later(hours=1))
    print("reading", flush=True)
    while True:
        online.turn(monitor, batch=5)


if __name__ == "__main__":
    main()
