"""Answers in a database that people audit: what tests of accuracy begin with."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from store import labels, models, reviews
from store.database import Database, Session
from store.ids import new_id
from store.labels import Answer
from store.tables import ModelVersion
from tests.store import given
from tests.store.given import CLASSES, NOW, keep, later

# what a person says of the picture of each answer, by reader; None: nobody has read it
Said = Sequence[str]


class Audited:
    """A database with one model version, whose answers people read."""

    def __init__(self, database: Database, card: dict[str, Any] | None = None) -> None:
        self.database, self.answers = database, 0
        with database.write() as session:
            self.consumer = given.consumer(session)
            self.people = [given.person(session, name) for name in ("rita", "otto", "anna")]
        self.version = self._register(given.digest("bundle"), card or {})

    def another(self, name: str) -> ModelVersion:
        """One more version."""
        return self._register(given.digest(name), {})

    def _register(self, digest: str, card: dict[str, Any]) -> ModelVersion:
        new = models.NewVersion(digest, 1, CLASSES, card)
        with self.database.write() as session:
            return models.register(session, new, NOW - timedelta(days=1))

    def answer(self, count: int, said: Said | None = None, **columns: Any) -> list[str]:
        """`count` answers "grizzly" a second apart, drawn for the audit if `said` is given; their ids."""
        lane = "audit" if said is not None else columns.pop("lane", None)
        entries = []
        for _ in range(count):
            self.answers += 1
            changes = {
                "model_version_id": self.version.id, "audited": said is not None, **columns,
            }  # fmt: skip
            entries.append(given.entry(self.consumer, self.answers, lane, **changes))
        keep(self.database, entries)
        ids = [one.prediction.id for one in entries]
        if said:
            with self.database.write() as session:
                for prediction_id in ids:
                    self._read(session, prediction_id, said, later(minutes=30))
        return ids

    def read(self, prediction_id: str, *said: str, at: datetime | None = None) -> None:
        """People say something of an answer, one after another; each is somebody else."""
        with self.database.write() as session:
            self._read(session, prediction_id, said, at or later(minutes=30))

    def _read(self, session: Session, prediction_id: str, said: Said, at: datetime) -> None:
        (review, *_) = reviews.of_prediction(session, prediction_id)
        before = len(labels.opinions(session, review.id))
        for place, one in enumerate(said, before):
            now = at + timedelta(seconds=place)
            kind, label = ("class", one) if one in CLASSES else (one, None)
            token = reviews.lease_again(session, review, self.people[place], now).token
            answer = Answer(review.id, self.people[place], token, kind, label, new_id(now))
            labels.give(session, answer, CLASSES, now)
