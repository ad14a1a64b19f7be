"""A log of answers with real bytes, from which what is old is taken."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from monitoring import retention
from monitoring.retention import Run
from monitoring.settings import MonitoringSettings
from store.database import Database
from store.errors import NotFound
from store.objects import Objects
from store.pictures import NewPicture, PictureStore
from store.prediction_log import Entry
from store.retention import Gone
from store.tables import Prediction
from tests.monitoring.given import settings
from tests.store import given
from tests.store.given import later

# of these tests: a year and a bit after the predictions were made
LATER = later(days=400)
FEATURES = b"\0" * 64


class Kept:
    """A log of answers with real bytes, and what takes them when they are old."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.objects = Objects(str(folder / "storage"))
        self.pictures = PictureStore(self.objects)
        self.settings: MonitoringSettings = settings(database.url, folder)
        with database.write() as session:
            self.consumer = given.consumer(session)

    def entry(self, number: int, lane: str | None = None, **changes: Any) -> Entry:
        made = given.entry(self.consumer, number, lane, **{"features": FEATURES, **changes})
        data = str(number).encode()
        digest = self.pictures.keep(data)
        return replace(
            made,
            prediction=replace(made.prediction, picture_digest=digest),
            picture=NewPicture(digest, "png", len(data), 8, 8),
            review=made.review and replace(made.review, picture_digest=digest),
        )

    def answer(self, *entries: Entry) -> None:
        given.keep(self.database, entries)

    def take(self, now: Any = LATER) -> Gone:
        return retention.take(Run(self.database, self.objects, self.settings, now))

    def left(self) -> set[str]:
        with self.database.read() as session:
            return set(session.scalars(select(Prediction.id)))

    def has_bytes(self, digest: str) -> bool:
        try:
            self.pictures.read(digest)
        except NotFound:
            return False
        return True


def digest_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()
