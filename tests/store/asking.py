"""One review of one prediction, and people who answer it: what tests of labels begin with."""

from typing import Any

from store import labels, reviews
from store.database import Database
from store.labels import Answer, Given
from store.reviews import Lease
from store.tables import Prediction
from tests.store.given import CLASSES, consumer, entry, keep, later, person


class Asked:
    """One review of one prediction, and people who answer it; `second` counts the seconds that pass."""

    def __init__(self, database: Database, *, needed: int = 1, **changes: Any) -> None:
        self.database, self.second = database, 100
        with database.write() as session:
            shop = consumer(session)
            self.people = {name: person(session, name) for name in ("rita", "otto", "anna", "zoe")}
        made = entry(shop, lane="audit", **changes)
        keep(database, [made])
        self.prediction_id = made.prediction.id
        with database.write() as session:
            review = reviews.of_prediction(session, self.prediction_id)[0]
            review.opinions_needed = needed
            self.review_id = review.id

    def lease(self, name: str) -> Lease:
        self.second += 1
        with self.database.write() as session:
            held = reviews.lease_next(session, self.people[name], later(seconds=self.second))
        assert held is not None, f"nothing waits for {name}"
        return held

    def give(self, name: str, said: str, held: Lease | None = None, **more: Any) -> Given:
        token = (held or self.lease(name)).token
        self.second += 1
        kind, label = ("class", said) if said in CLASSES else (said, None)
        values = {"submission": f"{name} {self.second}", **more}
        answer = Answer(self.review_id, self.people[name], token, kind, label, **values)
        with self.database.write() as session:
            return labels.give(session, answer, CLASSES, later(seconds=self.second))

    def undo(self, name: str, given: Given) -> Lease:
        self.second += 1
        with self.database.write() as session:
            return labels.undo(
                session, given.label_id, self.people[name], later(seconds=self.second)
            )

    def truth(self) -> tuple[str, str | None, str | None]:
        with self.database.read() as session:
            review = reviews.get(session, self.review_id)
            return review.status, review.truth_kind, review.truth_label

    def told(self) -> tuple[str, str | None, str | None]:
        with self.database.read() as session:
            row = session.get_one(Prediction, self.prediction_id)
            return row.status, row.answer, row.answered_by


OPEN = ("open", None, None)


TEDDY = ("settled", "class", "teddy")


UNKNOWN = ("settled", "cannot_tell", None)
