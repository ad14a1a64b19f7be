"""The judges of `bench-queue` and `bench-swaps` find what they look for, each in its own figure and in no other."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from store import labels, reviews
from store.database import Database, Session
from store.labels import Answer
from store.tables import Label, Review
from tests.benchmarks import queue, swaps
from tests.benchmarks.queue_leases import Leases
from tests.benchmarks.queue_reviewers import Desk, Heard, truth
from tests.benchmarks.swaps import Swapped
from tests.benchmarks.swaps_rows import Rows, Told
from tests.service.rows import CLASSES
from tests.store import given

REVIEWS = 11


@dataclass
class Asked:
    """A queue that was worked off by two people, and what they were told; of the last review one opinion is late."""

    database: Database
    desk: Desk
    leases: Leases

    def harm(self) -> dict[str, Any]:
        """What is not as it must be."""
        found = {"kills": 1, **queue.judge(self.database, self.desk, self.leases, REVIEWS)}
        return {
            bar.name: found[bar.name] for bar in queue.BARS if not bar.is_met(found.get(bar.name))
        }


@pytest.fixture
def asked(sqlite_url: str) -> Iterator[Asked]:
    database = Database(sqlite_url)
    made = Asked(database, Desk(), Leases(database, threading.Event(), 5.0))
    with made.database.write() as session:
        both = [given.person(session, name) for name in ("rita", "rob")]
        consumer = given.consumer(session)
    given.keep(made.database, [given.entry(consumer, one, "rule") for one in range(REVIEWS)])
    with made.database.write() as session:
        ids = session.scalars(select(Review.id).order_by(Review.id)).all()
        # one needs two opinions
        session.execute(update(Review).where(Review.id == ids[0]).values(opinions_needed=2))
    for place, one in enumerate([*ids, ids[0], ids[-1]]):
        with made.database.write() as session:
            _label(session, made.desk, one, both[place >= REVIEWS], float(place))
    made.leases.look(datetime.now(UTC))
    yield made
    made.database.dispose()


def _label(session: Session, desk: Desk, review_id: str, person: str, at: float) -> None:
    number, now = f"{person}-{at}", datetime.now(UTC)
    review, token = reviews.get(session, review_id), "of nobody's lease"
    if review.status == "open":
        token = reviews.lease_again(session, review, person, now).token
    said = Answer(review_id, person, token, "class", truth(review_id), number)
    told = labels.give(session, said, CLASSES, now)
    desk.posted[number], desk.acknowledged[number] = at, Heard(told.counted, at + 0.5)


def _gone(session: Session, _desk: Desk) -> None:
    # of a review that has one more
    session.execute(delete(Label).where(Label.late))


def _other(session: Session, _desk: Desk) -> None:
    one = _first(session)
    one.label = next(label for label in CLASSES if label != one.label)


def _twice_by_one(session: Session, _desk: Desk) -> None:
    one, other = session.scalars(select(Label).where(Label.review_id == _first(session).review_id))
    other.person_id = one.person_id


def _one_too_many(session: Session, _desk: Desk) -> None:
    session.execute(
        update(Review).where(Review.id == _first(session).review_id).values(opinions_needed=1)
    )


def _open(session: Session, _desk: Desk) -> None:
    session.execute(
        update(Review).where(Review.id == _first(session).review_id).values(status="open")
    )


def _told_another_thing(session: Session, desk: Desk) -> None:
    number = _first(session).submission
    desk.acknowledged[number] = replace(desk.acknowledged[number], counted=False)


def _first_and_late(session: Session, desk: Desk) -> None:
    late = session.scalars(select(Label).where(Label.late)).one()
    desk.acknowledged[late.submission] = replace(desk.acknowledged[late.submission], at=-1.0)


def _reviewer_lost(_session: Session, desk: Desk) -> None:
    desk.lost.append("rita: hangs")


def _first(session: Session) -> Label:
    return session.scalars(select(Label).order_by(Label.id)).first()  # type: ignore[return-value]  # there is one


@pytest.mark.parametrize(
    ("harm", "figure"),
    [
        (_gone, "labels_lost"),
        (_other, "labels_lost"),
        (_twice_by_one, "doubled"),
        (_one_too_many, "doubled"),
        (_open, "stuck"),
        (_told_another_thing, "counted_otherwise"),
        (_first_and_late, "late_passed_over"),
        (_reviewer_lost, "reviewers_lost"),
    ],
)
def test_the_judge_of_the_queue_finds(
    asked: Asked, harm: Callable[[Session, Desk], None], figure: str
) -> None:
    assert asked.harm() == {}
    with asked.database.write() as session:
        harm(session, asked.desk)
    assert asked.harm() == {figure: 1}


def test_the_judge_of_the_queue_finds_who_waited_too_long(asked: Asked) -> None:
    asked.leases.stuck.add("a review")
    assert asked.harm() == {"stuck": 1}


# what two versions say about each of two pictures, by class
SAID = {1: [{"bear": 0.9, "teddy": 0.1}, {"bear": 0.2, "teddy": 0.8}],
        2: [{"bear": 0.3, "teddy": 0.7}, {"bear": 0.6, "teddy": 0.4}]}  # fmt: skip
BAD = 3


def _told(version: int, picture: int, **changes: Any) -> Told:
    said = SAID[min(version, 2)][picture]
    answer = {
        "status": "answered",
        "model_version": version,
        "probabilities": said,
        "label": max(said, key=said.__getitem__),
    }
    return Told(picture, 200, answer | changes)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (Told(0, 0, {}), {"not_answered": 1}),
        (Told(0, 503, {}), {"not_answered": 1}),
        (_told(1, 0, status="pending", model_version=None), {"not_answered": 1}),
        # what the other version says, or of the other picture; a label that is not its likeliest
        (_told(1, 0, probabilities=SAID[2][0], label="teddy"), {"mixed": 1}),
        (_told(2, 1, probabilities=SAID[2][0], label="teddy"), {"mixed": 1}),
        (_told(1, 0, label="teddy"), {"mixed": 1}),
        (_told(BAD, 0), {"bad_became_live": 1, "mixed": 1}),
        (_told(4, 0), {"mixed": 1}),
    ],
)
def test_the_judge_of_swaps_finds(told: Told, found: dict[str, int]) -> None:
    right = [_told(version, picture) for version in SAID for picture in (0, 1)]
    assert _harm(right) == {}
    assert _harm([*right, told]) == found


def _harm(told: list[Told]) -> dict[str, int]:
    done = Swapped()
    swaps._judge(done, told, SAID, {BAD})
    assert done.answers == len(told)
    return {
        name: getattr(done, name)
        for name in ("not_answered", "mixed", "bad_became_live")
        if getattr(done, name)
    }


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, 0),
        ({"label": "black"}, 1),
        ({"confidence": 0.8}, 1),
        ({"probabilities": {"grizzly": 1.0}}, 1),
        ({"stage": "limited"}, 1),
        ({"model_version": 2}, 1),
    ],
)
def test_the_judge_of_swaps_finds_an_answer_that_its_row_contradicts(
    sqlite_url: str, changed: dict[str, Any], found: int
) -> None:
    rows = Rows.__new__(Rows)  # only its rows are looked at
    rows.database = Database(sqlite_url)
    with rows.database.write() as session:
        version, consumer = given.version(session), given.consumer(session)
    kept = [given.entry(consumer, one, model_version_id=version.id) for one in range(2)]
    given.keep(rows.database, kept)
    answers = [
        {
            **{name: getattr(one.prediction, name) for name in ("id", "label", "confidence")},
            **{name: getattr(one.prediction, name) for name in ("probabilities", "stage")},
            "model_version": version.number,
        }
        for one in kept
    ]
    told = [Told(0, 200, answers[0]), Told(0, 200, answers[1] | changed), Told(0, 503, {})]
    assert rows.differing(told, {}, version.number) == found
    # of a version that may not answer then, neither is right
    assert rows.differing(told[:1], {}, version.number + 1) == 1
    rows.database.dispose()
