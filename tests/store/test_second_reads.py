from typing import Any

import pytest

from store import reviews, second_reads, truth
from store.database import Database
from store.tables import Person
from store.truth import Opinion
from tests.store.asking import OPEN, TEDDY, UNKNOWN, Asked
from tests.store.given import PENDING, later

RIGHT = ("settled", "class", "grizzly")  # what the model answered in `Asked`


def reasons(asked: Asked) -> list[str]:
    with asked.database.read() as session:
        return reviews.get(session, asked.review_id).reasons


@pytest.mark.parametrize(
    ("said", "truth"),
    [
        (["grizzly"], RIGHT),
        (["teddy"], OPEN),
        (["none_of_these"], OPEN),
        (["not_usable"], OPEN),
        (["cannot_tell", "grizzly"], OPEN),
        (["cannot_tell", "grizzly", "grizzly"], RIGHT),
        (["teddy", "teddy"], TEDDY),
        (["teddy", "grizzly"], OPEN),
        (["teddy", "grizzly", "grizzly"], RIGHT),
        (["teddy", "grizzly", "teddy"], TEDDY),
        (["teddy", "grizzly", "black"], UNKNOWN),
        (["none_of_these", "none_of_these"], ("settled", "none_of_these", None)),
    ],
)
def test_an_audit_label_that_differs_is_read_again_and_a_split_a_third_time(
    database: Database, said: list[str], truth: tuple[str, str | None, str | None]
) -> None:
    asked = Asked(database, audited=True)
    for name, one in zip(asked.people, said, strict=False):
        asked.give(name, one)
    assert asked.truth() == truth


def test_the_reason_is_named_once_and_goes_with_the_answer_that_was_taken_back(
    database: Database,
) -> None:
    asked = Asked(database, audited=True)
    given = asked.give("rita", "teddy")
    assert reasons(asked) == ["audit", "second_read"]
    held = asked.undo("rita", given)
    assert reasons(asked) == ["audit"]
    asked.give("rita", "grizzly", held)
    assert (asked.truth(), reasons(asked)) == (RIGHT, ["audit"])


def test_the_second_reader_is_somebody_else(database: Database) -> None:
    asked = Asked(database, audited=True)
    asked.give("rita", "teddy")
    with database.write() as session:
        again = reviews.lease_next(session, asked.people["rita"], later(seconds=900))
        other = reviews.lease_next(session, asked.people["otto"], later(seconds=900))
    assert again is None
    assert other is not None
    assert other.review_id == asked.review_id


def test_with_one_reviewer_it_waits(database: Database) -> None:
    asked = Asked(database, audited=True)
    with database.write() as session:
        for name in ("otto", "anna", "zoe"):
            session.get_one(Person, asked.people[name]).active = False
    asked.give("rita", "teddy")
    assert asked.truth() == OPEN
    with database.read() as session:
        (waiting,) = second_reads.provisional(session)
    assert (waiting.label, waiting.audited, waiting.source) == ("teddy", True, "human_blind")


def test_what_readers_disagree_about_or_have_settled_is_not_provisional(
    database: Database,
) -> None:
    asked = Asked(database, audited=True)
    for name, said, waiting in (("rita", "teddy", 1), ("otto", "black", 0), ("anna", "black", 0)):
        asked.give(name, said)
        with database.read() as session:
            assert len(second_reads.provisional(session)) == waiting


@pytest.mark.parametrize("changes", [{"audited": False}, {"audited": True, **PENDING}])
def test_one_reading_is_enough_where_no_audited_answer_of_a_model_is_judged(
    database: Database, changes: dict[str, Any]
) -> None:
    asked = Asked(database, **changes)
    asked.give("rita", "teddy")
    assert asked.truth() == TEDDY


def test_the_truth_of_an_audit_follows_from_its_opinions_alone() -> None:
    teddy, black, tell = ("class", "teddy"), ("class", "black"), truth.CANNOT_TELL
    cases: list[tuple[list[Opinion], Opinion | None]] = [
        ([], None),
        ([teddy], teddy),
        ([black], None),
        ([black, black], black),
        ([black, teddy], None),
        ([black, teddy, teddy], teddy),
        ([tell], None),
        ([tell, tell, tell], tell),
        ([teddy, teddy], teddy),
    ]
    for said, settled in cases:
        assert truth.of_audit(said, "teddy") == settled, said
