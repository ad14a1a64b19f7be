"""A candidate and an incumbent that have answered the same pictures: what tests of pairs begin with."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from store import labels, reviews, rollouts
from store.database import Database
from store.labels import Answer
from store.prediction_log import Entry, NewShadow
from store.reviews import NewReview
from store.rollouts import Actor
from store.tables import ModelVersion, Person, Rollout
from tests.store import given
from tests.store.given import CLASSES, NOW, later

OPS = Actor("person", "olga")


@dataclass
class Two:
    """`incumbent` answers at full, `candidate` is on its way; pictures get numbers as they come."""

    database: Database
    incumbent: ModelVersion = field(init=False)
    candidate: ModelVersion = field(init=False)
    rollout: Rollout = field(init=False)
    consumer: str = field(init=False)
    readers: list[str] = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        with self.database.write() as session:
            self.consumer = given.consumer(session)
            self.readers = [given.person(session, name) for name in ("rita", "rob")]
            self.incumbent = given.version(session, "incumbent")
            first = rollouts.open_rollout(session, self.incumbent.id, OPS, "first", NOW)
            rollouts.move(session, first.id, "promote", Actor("system", "a test"), "first", NOW)
            self.candidate = given.version(session, "candidate")
            self.rollout = rollouts.open_rollout(session, self.candidate.id, OPS, "better", NOW)

    def answer(
        self,
        candidate: str | None,
        incumbent: str | None,
        *,
        candidate_answers: bool = False,
        picture: object = None,
        subject: str | None = None,
        seconds: float | None = None,
        doubled: bool = False,
        event_id: int | None = None,
        milliseconds: float = 20.0,
    ) -> str:
        """One request, and the review that a disagreement opens; the prediction's id."""
        self.number += 1
        name = self.number if picture is None else picture
        answering = self.candidate if candidate_answers else self.incumbent
        other = self.incumbent if candidate_answers else self.candidate
        said, beside = (candidate, incumbent) if candidate_answers else (incumbent, candidate)
        row = given.prediction(
            self.consumer,
            self.number,
            picture_digest=given.digest(name),
            model_version_id=answering.id,
            label=said,
            subject=subject,
            rollout_event_id=event_id or self.event(),
            milliseconds={"model": milliseconds},
        )
        if seconds is not None:
            row = replace(row, created_at=later(seconds=seconds))
        error = None if beside is not None else "RuntimeError: broken"
        shadow = NewShadow(other.id, beside, 0.8, {}, error, milliseconds)
        differ = candidate is not None and incumbent is not None and candidate != incumbent
        question = NewReview(
            row.id, row.picture_digest, "evidence", ("disagreement",), 2 if doubled else 1,
            doubled=doubled,
        )  # fmt: skip
        entry = Entry(row, given.picture(name), (shadow,), question if differ else None)
        given.keep(self.database, [entry])
        return row.id

    def event(self) -> int:
        """The newest event's id."""
        with self.database.read() as session:
            return rollouts.live(session).event_id

    def label(self, prediction_id: str, said: str, at: datetime, reader: int = 0) -> str:
        """One reader's blind answer; the label's id."""
        person = self.readers[reader]
        with self.database.write() as session:
            review = next(iter(reviews.of_prediction(session, prediction_id)))
            lease = reviews.lease_again(session, review, person, at)
            kind = "class" if said in CLASSES else said
            answer = Answer(
                review.id, person, lease.token, kind, said if kind == "class" else None,
                submission=f"{prediction_id} {person} {at.isoformat()}",
            )  # fmt: skip
            return labels.give(session, answer, CLASSES, at).label_id

    def shown(self, name: object, reader: int) -> None:
        """A reader saw what was answered to a picture."""
        with self.database.write() as session:
            reviews.saw_answer(session, given.digest(name), self.readers[reader], NOW)

    def leave(self, reader: int) -> None:
        """A reader does not work here any more."""
        with self.database.write() as session:
            session.get_one(Person, self.readers[reader]).active = False
