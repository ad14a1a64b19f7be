"""The review act: leases ahead, blind questions, fenced answers, and taking back."""

from dataclasses import fields
from datetime import datetime, timedelta

import pytest

from service import reviewing
from service.reviewing import Question, Turn
from store import labels, predictions, reviews, rollouts
from store.database import Database
from store.errors import Conflict, Invalid, NotFound
from store.labels import Answer, Given
from store.rollouts import Actor
from tests.service import rows
from tests.service.rows import NOON

LEASE = 60.0


def take(database: Database, who: str, now: datetime = NOON, **more: object) -> Turn:
    with database.write() as session:
        return reviewing.take(session, who, now, seconds=LEASE, **more)  # type: ignore[arg-type]


def say(
    database: Database,
    who: str,
    question: Question,
    label: str | None,
    now: datetime = NOON,
    kind: str = "class",
    submission: str | None = None,
) -> Given:
    given = Answer(
        question.review_id,
        who,
        question.token,
        kind,
        label,
        submission or f"{who} {question.review_id} {now}",
    )
    with database.write() as session:
        return reviewing.answer(session, given, now)


@pytest.fixture
def anna(database: Database) -> str:
    with database.write() as session:
        rows.version(session)
        return rows.person(session, "anna").id


@pytest.fixture
def berta(database: Database) -> str:
    with database.write() as session:
        return rows.person(session, "berta").id


def test_several_pictures_are_leased_ahead_in_the_order_of_the_queue(
    database: Database, anna: str
) -> None:
    asked = rows.ask(database, 5)
    turn = take(database, anna, count=3)
    assert [one.review_id for one in turn.questions] == [one.review_id for one in asked[:3]]
    assert turn.waiting == 5
    assert turn.questions[0].until == NOON + timedelta(seconds=LEASE)
    assert (turn.questions[0].width, turn.questions[0].height) == (64, 48)


def test_what_is_held_is_not_given_again(database: Database, anna: str) -> None:
    asked = rows.ask(database, 3)
    held = [one.review_id for one in take(database, anna, count=2).questions]
    more = take(database, anna, holding=held, count=2)
    assert [one.review_id for one in more.questions] == [asked[2].review_id]


def test_two_people_never_hold_the_same_review(database: Database, anna: str, berta: str) -> None:
    rows.ask(database, 6)
    hers = {one.review_id for one in take(database, anna, count=4).questions}
    theirs = {one.review_id for one in take(database, berta, count=4).questions}
    assert len(hers) == 4
    assert len(theirs) == 2
    assert not hers & theirs


def test_nobody_can_take_the_whole_queue(database: Database, anna: str) -> None:
    rows.ask(database, 1)
    with pytest.raises(Invalid) as caught:
        take(database, anna, holding=[str(n) for n in range(12)], count=1)
    assert caught.value.code == "too_many_held"


def test_a_question_tells_nothing_of_the_model_the_reasons_or_the_lane() -> None:
    assert {field.name for field in fields(Question)} == {
        "review_id", "picture_digest", "width", "height", "token", "until",
    }  # fmt: skip


def test_an_answer_settles_the_review_and_answers_the_consumer(
    database: Database, anna: str
) -> None:
    asked = rows.ask(database, 1)[0]
    given = say(database, anna, take(database, anna).questions[0], "teddy")
    assert given.counted
    assert given.settled
    with database.read() as session:
        told = predictions.get(session, asked.prediction_id)
    assert (told.status, told.answer, told.answered_by) == ("answered", "teddy", "person")


def test_the_same_submission_twice_is_one_label(database: Database, anna: str) -> None:
    rows.ask(database, 1)
    question = take(database, anna).questions[0]
    first = say(database, anna, question, "teddy", submission="one")
    again = say(database, anna, question, "teddy", submission="one")
    assert first.label_id == again.label_id
    with database.read() as session:
        assert len(labels.opinions(session, question.review_id)) == 1


def test_an_unknown_class_is_refused_and_nothing_is_kept(database: Database, anna: str) -> None:
    rows.ask(database, 1)
    question = take(database, anna).questions[0]
    with pytest.raises(Invalid) as caught:
        say(database, anna, question, "unicorn")
    assert caught.value.code == "unknown_class"
    with database.read() as session:
        assert not labels.opinions(session, question.review_id)


def test_a_lapsed_lease_cannot_overwrite_and_the_answer_stays_as_an_extra_opinion(
    database: Database, anna: str, berta: str
) -> None:
    asked = rows.ask(database, 1)[0]
    slow = take(database, anna).questions[0]
    later = NOON + timedelta(seconds=LEASE + 1)
    quick = take(database, berta, later).questions[0]
    assert quick.review_id == slow.review_id
    assert say(database, berta, quick, "grizzly", later).counted
    late = say(database, anna, slow, "teddy", later)
    assert not late.counted
    with database.read() as session:
        assert reviews.get(session, asked.review_id).truth_label == "grizzly"
        assert [one.label for one in labels.opinions(session, asked.review_id)] == ["grizzly"]


def test_an_extra_opinion_cannot_be_taken_back_to_open_what_others_settled(
    database: Database, anna: str, berta: str
) -> None:
    asked = rows.ask(database, 1)[0]
    slow = take(database, anna).questions[0]
    later = NOON + timedelta(seconds=LEASE + 1)
    say(database, berta, take(database, berta, later).questions[0], "grizzly", later)
    late = say(database, anna, slow, "teddy", later)
    with pytest.raises(Conflict) as caught, database.write() as session:
        reviewing.take_back(session, late.label_id, anna, later, LEASE)
    assert caught.value.code == "not_counted"
    with database.read() as session:
        assert reviews.get(session, asked.review_id).status == "settled"


def test_an_answer_is_taken_back_as_often_as_one_likes(database: Database, anna: str) -> None:
    rows.ask(database, 3)
    given = [say(database, anna, take(database, anna).questions[0], "teddy") for _ in range(3)]
    for one in reversed(given):
        with database.write() as session:
            question = reviewing.take_back(session, one.label_id, anna, NOON, LEASE)
        assert question.review_id == one.review_id
        with database.read() as session:
            assert reviews.get(session, one.review_id).status == "open"
            assert reviewing.in_hand(session, one.review_id, anna, NOON).token == question.token
    with database.read() as session:
        assert reviewing.given_today(session, anna, NOON) == []


def test_another_persons_answer_cannot_be_taken_back(
    database: Database, anna: str, berta: str
) -> None:
    rows.ask(database, 1)
    given = say(database, anna, take(database, anna).questions[0], "teddy")
    with pytest.raises(NotFound), database.write() as session:
        reviewing.take_back(session, given.label_id, berta, NOON, LEASE)


def test_own_answers_are_listed_newest_first_with_their_pictures(
    database: Database, anna: str
) -> None:
    asked = rows.ask(database, 2)
    for number, label in enumerate(("teddy", "black")):
        now = NOON + timedelta(seconds=number)
        say(database, anna, take(database, anna, now).questions[0], label, now)
    with database.read() as session:
        mine = reviewing.given_today(session, anna, NOON)
    assert [one.label for one in mine] == ["black", "teddy"]
    assert [one.picture_digest for one in mine] == [asked[1].picture, asked[0].picture]


def test_a_skipped_review_goes_to_others_and_does_not_come_back(
    database: Database, anna: str, berta: str
) -> None:
    asked = rows.ask(database, 1)[0]
    question = take(database, anna).questions[0]
    with database.write() as session:
        reviewing.skip(session, question.review_id, question.token, anna, NOON)
    assert take(database, anna).questions == ()
    assert take(database, berta).questions[0].review_id == asked.review_id


def test_a_lease_is_renewed_by_who_holds_it_only(database: Database, anna: str, berta: str) -> None:
    rows.ask(database, 1)
    question = take(database, anna).questions[0]
    soon, later = NOON + timedelta(seconds=50), NOON + timedelta(seconds=90)
    with database.write() as session:
        until = reviewing.renew(session, question.review_id, question.token, soon, LEASE)
    assert until == soon + timedelta(seconds=LEASE)
    assert take(database, berta, later).questions == ()
    with database.read() as session, pytest.raises(Conflict):
        reviewing.in_hand(session, question.review_id, berta, later)
    lapsed = NOON + timedelta(seconds=200)
    with pytest.raises(Conflict) as caught, database.write() as session:
        reviewing.renew(session, question.review_id, question.token, lapsed, LEASE)
    assert caught.value.code == "lease_lost"


def test_the_keys_choose_the_answering_models_classes_then_what_the_candidate_adds(
    database: Database,
) -> None:
    hand = Actor("person", "olga")
    with database.write() as session:
        assert reviewing.classes(session) == []
        rows.guide(session, "wolf")
        rows.guide(session, "dog")
        assert reviewing.classes(session) == ["dog", "wolf"]
        first = rows.version(session, ["teddy", "black"])
        assert reviewing.classes(session) == ["teddy", "black"]
        rollout = rollouts.open_rollout(session, first.id, hand, "try it", NOON)
        rollouts.move(session, rollout.id, "promote", hand, "good", NOON)
        second = rows.version(session, ["black", "panda", "teddy"], "second")
        rollouts.open_rollout(session, second.id, hand, "try it too", NOON)
        assert reviewing.classes(session) == ["teddy", "black", "panda"]
