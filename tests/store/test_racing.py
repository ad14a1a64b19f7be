"""Of two who do the same at once the second finds what the first did, on both kinds of database."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import func, select

from store import (
    held,
    labels,
    locks,
    pictures,
    predictions,
    reviews,
    rollouts,
    webhooks,
)
from store.database import BUSY, Database
from store.errors import Conflict, Unavailable
from store.prediction_log import PredictionLog
from store.reviews import Lease, NewReview
from store.rollouts import Actor
from store.tables import Delivery, Prediction
from tests.store import given, rolling
from tests.store.given import CLASSES, NOW, PENDING, digest, entry, keep, later, picture
from tests.store.racing import at_once, meanwhile

LATE = later(seconds=80)


def test_a_name_is_held_to_the_end_of_the_transaction(database: Database) -> None:
    at_once(
        database,
        lambda session: locks.hold(session, "a name"),
        lambda session: locks.hold(session, "a name"),
    )


def test_another_name_is_free_and_a_shared_one_is_shared(postgresql_url: str) -> None:
    database = Database(postgresql_url, wait_seconds=0.2)
    with database.write() as one:
        locks.hold(one, "a name")
        locks.hold(one, "shared", shared=True)
        with database.write() as other:
            locks.hold(other, "another name")
            locks.hold(other, "shared", shared=True)
        with pytest.raises(Unavailable) as busy, database.write() as other:
            locks.hold(other, "shared")
    assert busy.value.code == BUSY
    database.dispose()


def test_a_consumer_is_told_one_answer_by_whoever_gives_it_first(database: Database) -> None:
    prediction_id, person, lease = _held(database)
    answer = labels.Answer(lease.review_id, person, lease.token, "class", "black", "submission")
    given_by_person = at_once(
        database,
        lambda session: held.answer_at_limit(session, prediction_id, LATE, lambda _: False),
        lambda session: labels.give(session, answer, CLASSES, LATE),
    )
    assert given_by_person.settled
    with database.read() as session:
        row = session.get_one(Prediction, prediction_id)
        assert (row.answer, row.answered_by) == ("grizzly", "model")
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1


def test_what_a_person_has_answered_is_not_answered_at_the_limit(database: Database) -> None:
    prediction_id, person, lease = _held(database)
    answer = labels.Answer(lease.review_id, person, lease.token, "class", "black", "submission")
    at_limit = at_once(
        database,
        lambda session: labels.give(session, answer, CLASSES, LATE),
        lambda session: held.answer_at_limit(session, prediction_id, LATE, lambda _: False),
    )
    assert at_limit is None
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1


def test_two_that_ask_the_same_at_once_ask_one_question(database: Database) -> None:
    asked = _answered(database)
    ids = []
    second = at_once(
        database,
        lambda session: ids.append(reviews.open_review(session, asked, NOW).id),
        lambda session: reviews.open_review(session, replace(asked, reasons=("again",)), NOW),
    )
    assert ids == [second.id]
    assert second.reasons == ["again", "feedback"]


def test_what_is_asked_again_while_it_is_settled_is_open_again(database: Database) -> None:
    asked = _answered(database)
    with database.write() as session:
        person = given.person(session)
        given.person(session, "otto")
        reviews.open_review(session, asked, NOW)
        lease = reviews.lease_next(session, person, later(seconds=70))
    assert lease is not None
    answer = labels.Answer(lease.review_id, person, lease.token, "class", "black", "submission")
    second = at_once(
        database,
        lambda session: labels.give(session, answer, CLASSES, LATE),
        lambda session: reviews.open_review(session, asked, LATE),
    )
    assert (second.status, second.opinions_needed, second.truth_label) == ("open", 2, None)


def test_who_says_something_back_and_who_settles_it_do_not_wait_for_each_other(
    postgresql_url: str,
) -> None:
    """The one has the prediction and then wants its review, the other the review and then its prediction."""
    database = Database(postgresql_url, wait_seconds=0.5)
    prediction_id, person, lease = _held(database)
    answer = labels.Answer(lease.review_id, person, lease.token, "class", "black", "submission")
    with database.write() as consumers:
        row = predictions.get(consumers, prediction_id)
        predictions.add_feedback(consumers, row, label="teddy", correct=False, note=None, now=LATE)
        with database.write() as persons:
            assert labels.give(persons, answer, CLASSES, LATE).settled
        asked = NewReview(row.id, row.picture_digest, "held", ("feedback",))
        assert reviews.open_review(consumers, asked, LATE).status == "open"
    database.dispose()


def test_an_audited_picture_whose_group_is_merged_meanwhile_is_kept(database: Database) -> None:
    with database.write() as session:
        shop = given.consumer(session)
        pictures.record(session, [picture("one"), picture("two")], "training", NOW)
    stays, leaves = sorted([digest("one"), digest("two")])
    log = PredictionLog(database)
    log.start()
    audited = entry(shop, picture_digest=leaves, audited=True)
    try:
        meanwhile(
            database,
            lambda session: pictures.merge_groups(session, [stays, leaves], NOW),
            lambda: log.keep(audited),
        )
    finally:
        log.stop()
    with database.read() as session:
        assert set(pictures.purposes(session, [stays, leaves]).values()) == {(stays, "audit")}
        assert predictions.count(session) == 1


def test_one_candidate_is_on_its_way_also_of_two_that_begin_at_once(database: Database) -> None:
    with database.write() as session:
        one, other = (given.version(session, name).id for name in ("one", "other"))
    begun = partial(rollouts.open_rollout, actor=rolling.OPS, reason="a new one", now=NOW)
    with pytest.raises(Conflict) as refused:
        at_once(
            database,
            lambda session: begun(session, one),
            lambda session: begun(session, other),
        )
    assert refused.value.code == "candidate_on_its_way"


def test_two_versions_that_are_registered_at_once_have_two_numbers(database: Database) -> None:
    second = at_once(
        database,
        lambda session: given.version(session, "one"),
        lambda session: given.version(session, "two").number,
    )
    assert second == 2


def _held(database: Database) -> tuple[str, str, Lease]:
    """A prediction whose answer a scope holds, past its limit, and who has it in hand."""
    with database.write() as session:
        shop, person = given.consumer(session), given.person(session)
        webhooks.add(session, "https://shop.example/told", shop, NOW)
        rolling.promoted(session, "one")
        rollout = rolling.opened(session, "two")
        scope = {"segments": ["zoo"], "hold_seconds": 60, "at_limit": "candidate"}
        system = Actor("system", "a test")
        event = rollouts.move(session, rollout.id, "limit", system, "try", NOW, scope=scope)
        version = rollout.model_version_id
    columns = {"stage": "limited", "model_version_id": version, "rollout_event_id": event.id}
    waits = entry(shop, 1, "held", **PENDING, **columns)
    assert waits.review is not None
    keep(database, [replace(waits, review=replace(waits.review, deadline=later(seconds=61)))])
    with database.write() as session:
        lease = reviews.lease_next(session, person, later(seconds=70))
    assert lease is not None
    return waits.prediction.id, person, lease


def _answered(database: Database) -> NewReview:
    """A prediction that is answered, and what may be asked about it."""
    with database.write() as session:
        answered = entry(given.consumer(session))
    keep(database, [answered])
    row = answered.prediction
    return NewReview(row.id, row.picture_digest, "feedback", ("feedback",))
