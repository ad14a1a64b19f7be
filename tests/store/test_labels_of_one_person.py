"""One person is one opinion, whichever tokens they show; what more they say is kept and changes nothing."""

import pytest
from sqlalchemy import select, update

from store import labels, readings, reviews
from store.database import Database
from store.labels import Given
from store.tables import Label
from tests.store.asking import OPEN, TEDDY, Asked
from tests.store.given import later
from tests.store.pairing import Two


def kept(asked: Asked, given: Given) -> tuple[str | None, bool]:
    with asked.database.read() as session:
        label = session.get_one(Label, given.label_id)
        return label.label, label.late


def outcome(given: Given) -> tuple[bool, bool]:
    return given.counted, given.settled


def skip(asked: Asked, name: str, token: str) -> None:
    with asked.database.write() as session:
        now = later(seconds=asked.second)
        reviews.give_back(session, asked.review_id, token, asked.people[name], now)


@pytest.mark.parametrize("lapsed", [False, True], ids=["in two tabs", "after a lapse"])
def test_two_tokens_of_one_person_are_one_opinion(database: Database, lapsed: bool) -> None:
    asked = Asked(database, needed=2)
    old = asked.lease("rita")
    asked.second += 1000 if lapsed else 0
    new = asked.lease("rita")
    assert (new.review_id, new.token == old.token) == (old.review_id, False)
    assert outcome(asked.give("rita", "teddy", old)) == (True, False)
    more = asked.give("rita", "black", new)
    assert outcome(more) == (False, False)
    assert kept(asked, more) == ("black", True)
    assert asked.truth() == OPEN
    assert outcome(asked.give("otto", "teddy")) == (True, True)
    assert asked.truth() == TEDDY


def test_a_second_reader_of_an_audit_is_somebody_else(database: Database) -> None:
    asked = Asked(database, audited=True)
    old, new = asked.lease("rita"), asked.lease("rita")
    asked.give("rita", "teddy", old)  # the model had said "grizzly"
    assert outcome(asked.give("rita", "teddy", new)) == (False, False)
    assert asked.truth() == OPEN
    asked.give("otto", "teddy")
    assert asked.truth() == TEDDY


def test_a_review_is_in_nobodys_hands_once_its_holder_has_answered(database: Database) -> None:
    asked = Asked(database, needed=2)
    old, _ = asked.lease("rita"), asked.lease("rita")
    asked.give("rita", "teddy", old)
    with database.read() as session:
        assert reviews.get(session, asked.review_id).lease_token is None
    # one that is in hand of who has answered, as an older Ursa left it, is let go with the next answer
    with database.write() as session:
        review = reviews.get(session, asked.review_id)
        now = later(seconds=asked.second)
        held = reviews.lease_again(session, review, asked.people["rita"], now)
    assert not asked.give("rita", "teddy", held).counted
    assert asked.lease("otto").review_id == asked.review_id


def test_what_one_person_said_twice_is_counted_once_where_it_lies_there_already(
    database: Database,
) -> None:
    asked = Asked(database, needed=3)
    old, new = asked.lease("rita"), asked.lease("rita")
    first, more = asked.give("rita", "black", old), asked.give("rita", "black", new)
    with database.write() as session:
        session.execute(update(Label).where(Label.id == more.label_id).values(late=False))
    asked.give("otto", "teddy")
    assert asked.truth() == OPEN
    with database.read() as session:
        standing = [one.id for one in labels.opinions(session, asked.review_id)]
    assert (standing[0], len(standing)) == (first.label_id, 2)
    asked.give("anna", "teddy")
    assert asked.truth() == TEDDY


def test_doubles_are_what_two_people_said(database: Database) -> None:
    two = Two(database)
    drawn = two.answer("teddy", "black", doubled=True)
    for minute in (1, 2):
        two.label(drawn, "black", later(minutes=minute))
    with database.write() as session:
        assert len(session.scalars(select(Label)).all()) == 2
        session.execute(update(Label).values(late=False))
    with database.read() as session:
        assert readings.doubles(session, later(hours=1), 10) == []
    two.label(drawn, "teddy", later(minutes=3), reader=1)
    with database.read() as session:
        assert readings.doubles(session, later(hours=1), 10) == [("black", "teddy")]


def test_who_skipped_has_no_opinion_any_more(database: Database) -> None:
    asked = Asked(database)
    held = asked.lease("rita")
    skip(asked, "rita", held.token)
    in_no_hands = asked.give("rita", "black", held)
    assert kept(asked, in_no_hands) == ("black", True)
    lease = asked.lease("otto")
    in_others = asked.give("rita", "black", held)
    assert outcome(in_no_hands) == outcome(in_others) == (False, False)
    assert asked.give("otto", "teddy", lease).counted
    assert asked.truth() == TEDDY


def test_who_skipped_in_one_tab_may_answer_in_the_other(database: Database) -> None:
    asked = Asked(database)
    old, new = asked.lease("rita"), asked.lease("rita")
    skip(asked, "rita", old.token)
    assert asked.give("rita", "teddy", new).counted


def test_a_lapsed_token_of_somebody_else_counts_for_nothing(database: Database) -> None:
    asked = Asked(database)
    held = asked.lease("otto")
    asked.second += 1000
    assert not asked.give("rita", "black", held).counted
    assert asked.give("otto", "teddy", held).counted
    assert asked.truth() == TEDDY
