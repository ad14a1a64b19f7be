from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from store import labels, reviews
from store.database import Database, Session
from store.errors import Conflict, Invalid, NotFound
from store.labels import Answer
from store.tables import Label, Person, Review
from tests.store.asking import OPEN, TEDDY, Asked
from tests.store.given import CLASSES, digest, later


def test_a_lapsed_lease_that_nobody_took_still_counts(database: Database) -> None:
    asked = Asked(database)
    held = asked.lease("rita")
    asked.second += 1000
    assert asked.give("rita", "teddy", held).counted
    assert asked.truth() == TEDDY


def test_a_late_answer_where_nobody_answered_is_the_first_opinion_and_the_one_in_hand_an_extra_one(
    database: Database,
) -> None:
    asked = Asked(database)
    old = asked.lease("rita")
    asked.second += 1000
    new = asked.lease("otto")
    late = asked.give("rita", "teddy", old)
    assert (late.counted, late.settled) == (True, True)
    extra = asked.give("otto", "black", new, submission="the extra one")
    assert (extra.counted, asked.truth()) == (False, TEDDY)
    assert asked.give("otto", "black", new, submission="the extra one") == extra
    with database.read() as session:
        assert [one.id for one in labels.opinions(session, asked.review_id)] == [late.label_id]
        kept = session.get_one(Label, extra.label_id)
        assert (kept.label, kept.late) == ("black", True)
    with pytest.raises(Conflict) as refused:
        asked.undo("otto", extra)
    assert refused.value.code == "not_counted"
    assert asked.truth() == TEDDY


def test_of_two_opinions_a_late_one_is_the_first_and_the_one_in_hand_the_second(
    database: Database,
) -> None:
    asked = Asked(database, needed=2)
    old = asked.lease("rita")
    asked.second += 1000
    new = asked.lease("otto")
    assert asked.give("rita", "teddy", old).counted
    assert asked.truth() == OPEN
    # nobody is counted twice
    assert not asked.give("rita", "teddy", old).counted
    assert asked.give("otto", "teddy", new).settled
    assert asked.truth() == TEDDY


def test_a_late_answer_behind_a_first_opinion_writes_nothing_over_the_one_in_whose_hands_it_is(
    database: Database,
) -> None:
    asked = Asked(database, needed=2)
    old = asked.lease("rita")
    asked.second += 1000
    asked.give("otto", "teddy")
    new = asked.lease("anna")
    late = asked.give("rita", "black", old)
    assert (late.counted, late.settled) == (False, False)
    assert asked.give("anna", "teddy", new).settled
    assert asked.truth() == TEDDY


@pytest.mark.parametrize("is_still_theirs", [False, True], ids=["in nobody's hands", "in theirs"])
def test_a_late_answer_behind_a_first_opinion_is_an_extra_one_and_its_author_can_be_asked_again(
    database: Database, is_still_theirs: bool
) -> None:
    asked = Asked(database, needed=2)
    old = asked.lease("rita")
    asked.second += 1000
    asked.give("otto", "teddy")
    if is_still_theirs:
        old = asked.lease("rita")
        asked.second += 1000
    late = asked.give("rita", "black", old)
    assert (late.counted, late.settled) == (False, False)
    assert asked.truth() == OPEN
    assert asked.give("rita", "teddy", submission="again").settled
    assert asked.truth() == TEDDY


def test_a_late_answer_to_what_was_settled_is_an_extra_opinion(database: Database) -> None:
    asked = Asked(database)
    old = asked.lease("rita")
    asked.second += 1000
    asked.give("otto", "teddy")
    assert not asked.give("rita", "black", old).counted
    assert asked.truth() == TEDDY


def test_a_token_of_somebody_else_does_not_take_their_lease(database: Database) -> None:
    asked = Asked(database)
    held = asked.lease("otto")
    assert not asked.give("rita", "black", held).counted
    assert asked.give("otto", "teddy", held).counted
    assert asked.truth() == TEDDY


def test_the_lock_sees_what_changed_since_the_review_was_read(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    asked = Asked(database)
    old = asked.lease("rita")
    asked.second += 1000
    with database.write() as slow:
        seen = reviews.get(slow, asked.review_id)  # a page that looks before it writes
        assert seen.lease_token == old.token
        asked.give("otto", "teddy")
        answer = Answer(asked.review_id, asked.people["rita"], old.token, "class", "black", "slow")
        assert not labels.give(slow, answer, CLASSES, later(seconds=asked.second)).counted
    assert asked.truth() == TEDDY
    database.dispose()


def test_the_same_answer_posted_twice_is_one_label(database: Database) -> None:
    asked = Asked(database)
    held = asked.lease("rita")
    first = asked.give("rita", "teddy", held, submission="one")
    assert asked.give("rita", "teddy", held, submission="one") == first
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Label)) == 1
    with pytest.raises(Conflict) as refused:
        asked.give("otto", "teddy", held, submission="one")
    assert refused.value.code == "submission_reused"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"label": "polar"}, "unknown_class"),
        ({"label": None}, "label_and_kind"),
        ({"kind": "not_usable"}, "label_and_kind"),
        ({"kind": "undo", "label": None}, "unknown_kind"),
        ({"kind": "guess"}, "unknown_kind"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_and_nothing_is_kept(
    sqlite_url: str, change: dict[str, Any], code: str
) -> None:
    database = Database(sqlite_url)
    asked = Asked(database)
    held = asked.lease("rita")
    right = Answer(asked.review_id, asked.people["rita"], held.token, "class", "teddy", "one")
    with pytest.raises(Invalid) as refused, database.write() as session:
        labels.give(session, replace(right, **change), CLASSES, later(seconds=200))
    assert refused.value.code == code
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Label)) == 0
    database.dispose()


def test_an_answer_to_nothing_or_of_nobody_is_not_found(database: Database) -> None:
    asked = Asked(database)
    held = asked.lease("rita")
    right = Answer(asked.review_id, asked.people["rita"], held.token, "class", "teddy", "one")
    for wrong in (replace(right, review_id="nothing"), replace(right, person_id="nobody")):
        with pytest.raises(NotFound), database.write() as session:
            labels.give(session, wrong, CLASSES, later(seconds=200))


def settled_rows(session: Session) -> list[tuple[str, str, str, str]]:
    return [
        (one.picture_digest, one.label, one.source, one.lane) for one in labels.settled(session)
    ]


def test_what_is_settled_is_one_truth_for_each_picture_with_the_label_that_stands(
    database: Database,
) -> None:
    asked = Asked(database, segment="zoo", audited=True, answer="teddy")
    given = asked.give("rita", "teddy")
    held = asked.undo("rita", given)
    with database.write() as session:
        reviews.saw_answer(session, digest(0), asked.people["rita"], later())
    stands = asked.give("rita", "teddy", held)
    with database.read() as session:
        (one,) = labels.settled(session)
        assert (one.picture_digest, one.label, one.label_id) == (
            digest(0),
            "teddy",
            stands.label_id,
        )
        assert (one.source, one.lane, one.segment) == ("human_shown", "audit", "zoo")
        assert (one.reasons, one.audited) == (("audit",), True)
        assert labels.settled(session, one.settled_at) == []
        assert labels.count_settled(session) == 1
        assert labels.count_settled(session, one.settled_at) == 0


def test_of_two_truths_about_one_picture_the_newest_counts(database: Database) -> None:
    asked = Asked(database)
    asked.give("rita", "teddy")
    with database.write() as session:
        again = reviews.NewReview(asked.prediction_id, digest(0), "feedback", ("feedback",))
        asked.review_id = reviews.open_review(session, again, later(seconds=asked.second)).id
    asked.give("otto", "black")
    with database.read() as session:
        assert settled_rows(session) == [(digest(0), "black", "human_blind", "feedback")]


def test_truths_that_are_no_class_are_not_learned_from(database: Database) -> None:
    asked = Asked(database)
    asked.give("rita", "not_usable")
    with database.read() as session:
        assert labels.settled(session) == []
        assert labels.count_settled(session) == 0


def test_a_simulated_reviewers_labels_are_marked(database: Database) -> None:
    asked = Asked(database)
    with database.write() as session:
        session.get_one(Person, asked.people["rita"]).simulated = True
    given = asked.give("rita", "teddy")
    with database.read() as session:
        assert session.get_one(Label, given.label_id).simulated
        assert session.scalar(select(Review.status)) == "settled"
