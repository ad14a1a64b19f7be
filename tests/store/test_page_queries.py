"""The questions that only pages ask the store."""

from datetime import timedelta
from typing import Any

from store import labels, people, predictions, reviews, training_sets
from store.database import Database
from store.labels import Answer
from store.predictions import Traffic
from store.training_sets import Row
from tests.service import rows
from tests.service.rows import NOON


def test_what_was_read_can_be_used_after_the_session_is_closed(database: Database) -> None:
    with database.write() as session:
        rows.person(session, "anna")
    with database.read() as session:
        found = people.people(session)
    assert found[0].name == "anna"


def test_predictions_are_counted_by_the_hour_up_to_a_moment(database: Database) -> None:
    rows.ask(database, 3, at=NOON - timedelta(minutes=30))
    rows.ask(database, 1, at=NOON - timedelta(hours=1), lane="audit")
    rows.ask(database, 2, at=NOON - timedelta(hours=3, minutes=1), lane="rule")
    with database.read() as session:
        assert predictions.per_hour(session, NOON, hours=3) == [0, 0, 4]
        assert predictions.per_hour(session, NOON, hours=5) == [0, 2, 0, 0, 4]


def test_traffic_counts_what_came_in_and_what_became_of_it(database: Database) -> None:
    rows.ask(database, 2, at=NOON - timedelta(minutes=30))
    answered: dict[str, Any] = {
        "status": "answered",
        "inside": False,
        "audited": True,
        "audit_rate": 0.1,
    }
    rows.ask(database, 3, at=NOON - timedelta(minutes=40), lane="audit", **answered)
    rows.ask(database, 1, at=NOON - timedelta(hours=2), lane="rule")
    with database.read() as session:
        hour = predictions.traffic(session, NOON - timedelta(hours=1))
        none = predictions.traffic(session, NOON)
    assert hour == Traffic(predictions=5, pending=2, reviewed=5, out_of_domain=3, audited=3)
    assert none == Traffic(0, 0, 0, 0, 0)


def test_pictures_of_a_class_come_from_settled_reviews_the_newest_first(
    database: Database,
) -> None:
    asked = rows.ask(database, 3)
    with database.write() as session:
        who = rows.person(session, "anna").id
        for number, label in enumerate(("teddy", "black", "teddy")):
            now = NOON + timedelta(seconds=number)
            lease = reviews.lease_next(session, who, now)
            assert lease is not None
            answer = Answer(lease.review_id, who, lease.token, "class", label, f"{number}")
            labels.give(session, answer, rows.CLASSES, now)
    with database.read() as session:
        assert reviews.settled_as(session, "teddy", 10) == [asked[2].picture, asked[0].picture]
        assert reviews.settled_as(session, "teddy", 1) == [asked[2].picture]
        assert reviews.settled_as(session, "grizzly", 10) == []


def test_examples_of_a_class_are_some_pictures_of_its_training_set(database: Database) -> None:
    digests = sorted(one.picture for one in rows.ask(database, 3))
    kinds = ("teddy", "black", "teddy")
    with database.write() as session:
        frozen = training_sets.freeze(
            session,
            rows.CLASSES,
            [
                Row(digest, kind, "train", "folder")
                for digest, kind in zip(digests, kinds, strict=True)
            ],
            NOON,
        )
        assert training_sets.examples(session, frozen.id, "teddy", 5) == [digests[0], digests[2]]
        assert training_sets.examples(session, frozen.id, "teddy", 1) == [digests[0]]
