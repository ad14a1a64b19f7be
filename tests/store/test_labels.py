import pytest
from sqlalchemy import func, select

from store import labels, reviews
from store.database import Database
from store.errors import Conflict, NotFound
from store.labels import Given
from store.tables import Label
from tests.store.asking import OPEN, TEDDY, UNKNOWN, Asked
from tests.store.given import PENDING, digest, later


@pytest.mark.parametrize(
    ("needed", "said", "truth"),
    [
        (1, ["teddy"], TEDDY),
        (1, ["none_of_these"], ("settled", "none_of_these", None)),
        (1, ["not_usable"], ("settled", "not_usable", None)),
        (1, ["cannot_tell"], OPEN),
        (1, ["cannot_tell", "teddy"], OPEN),
        (1, ["cannot_tell", "teddy", "teddy"], TEDDY),
        (1, ["cannot_tell", "cannot_tell"], OPEN),
        (1, ["cannot_tell", "cannot_tell", "teddy"], UNKNOWN),
        (2, ["teddy"], OPEN),
        (2, ["teddy", "teddy"], TEDDY),
        (2, ["teddy", "black"], OPEN),
        (2, ["teddy", "black", "teddy"], TEDDY),
        (2, ["teddy", "black", "grizzly"], UNKNOWN),
        (2, ["teddy", "not_usable", "cannot_tell"], UNKNOWN),
        (3, ["teddy", "teddy"], OPEN),
        (3, ["teddy", "teddy", "black"], TEDDY),
    ],
)
def test_truth_is_the_plain_majority_of_the_opinions(
    sqlite_url: str, needed: int, said: list[str], truth: tuple[str, str | None, str | None]
) -> None:
    database = Database(sqlite_url)
    asked = Asked(database, needed=needed)
    given = [asked.give(name, one) for name, one in zip(asked.people, said, strict=False)][-1]
    assert asked.truth() == truth
    assert (given.counted, given.settled) == (True, truth[0] == "settled")
    database.dispose()


def test_a_third_reader_breaks_a_tie(database: Database) -> None:
    asked = Asked(database, needed=2)
    asked.give("rita", "teddy")
    asked.give("otto", "black")
    assert asked.truth() == OPEN
    asked.give("anna", "teddy")
    assert asked.truth() == TEDDY


def test_an_answer_reaches_the_consumer_who_waits_and_is_taken_back(database: Database) -> None:
    asked = Asked(database, **PENDING)
    assert asked.told() == ("pending", None, None)
    given = asked.give("rita", "teddy")
    assert asked.told() == ("answered", "teddy", "person")
    asked.undo("rita", given)
    assert asked.told() == ("pending", None, None)


def test_what_the_model_answered_stays_what_the_consumer_was_told(database: Database) -> None:
    asked = Asked(database)
    given = asked.give("rita", "teddy")
    assert asked.told() == ("answered", "grizzly", "model")
    asked.undo("rita", given)
    assert asked.told() == ("answered", "grizzly", "model")


def test_an_undo_leaves_the_review_as_it_was_at_any_depth(database: Database) -> None:
    asked = Asked(database)
    given = asked.give("rita", "cannot_tell")
    for said in ("teddy", "cannot_tell", "not_usable", "black", "cannot_tell", "grizzly"):
        held = asked.undo("rita", given)
        assert asked.truth() == OPEN
        given = asked.give("rita", said, held)
        assert given.settled == (said != "cannot_tell")
    assert asked.truth() == ("settled", "class", "grizzly")
    with database.read() as session:
        assert [one.label for one in labels.opinions(session, asked.review_id)] == ["grizzly"]
        assert session.scalar(select(func.count()).select_from(Label)) == 13  # append-only


def test_an_older_answer_can_be_taken_back_after_newer_ones(database: Database) -> None:
    asked = Asked(database, needed=2)
    first, _ = asked.give("rita", "black"), asked.give("otto", "teddy")
    held = asked.undo("rita", first)
    asked.give("rita", "teddy", held)
    assert asked.truth() == TEDDY


def test_an_undo_takes_back_only_the_answer_that_its_own_review_gave(database: Database) -> None:
    asked = Asked(database, **PENDING)
    asked.give("rita", "teddy")
    with database.write() as session:
        again = reviews.NewReview(asked.prediction_id, digest(0), "feedback", ("feedback",))
        asked.review_id = reviews.open_review(session, again, later(seconds=asked.second)).id
    given = asked.give("otto", "black")
    asked.undo("otto", given)
    assert asked.told() == ("answered", "teddy", "person")


def test_what_may_not_be_taken_back(database: Database) -> None:
    asked = Asked(database, needed=2)
    given = asked.give("rita", "teddy")
    held = asked.lease("otto")
    with pytest.raises(NotFound):
        asked.undo("otto", given)
    with pytest.raises(Conflict) as lost:
        asked.undo("rita", given)  # otto has the picture in hand
    assert lost.value.code == "lease_lost"
    asked.give("otto", "teddy", held)
    asked.undo("rita", given)
    with pytest.raises(Conflict) as twice:
        asked.undo("rita", given)
    assert twice.value.code == "undone_already"
    with pytest.raises(NotFound):
        asked.undo("rita", Given("nothing", "", True, True))
