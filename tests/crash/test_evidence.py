"""The judge of evidence finds what it looks for: no gap must not be for want of looking."""

import pytest
from sqlalchemy import delete, update

from monitoring import noting
from monitoring.deciding import candidacies
from monitoring.rollout_settings import RolloutSettings
from store import rollouts
from store.database import Database
from store.tables import AwaitedShadow, Pair, ShadowAnswer
from tests.crash.evidence import Shadows, pairs_missing, shadows
from tests.store.given import later
from tests.store.pairing import OPS, Two


@pytest.fixture
def two(sqlite_url: str) -> Two:
    """A candidate on its way and an incumbent at full; four pictures, of which the last is not noted yet."""
    made = Two(Database(sqlite_url))
    for _ in range(3):
        made.answer("teddy", "teddy")
    note(made)
    made.answer("teddy", "black")
    return made


def note(two: Two) -> None:
    with two.database.read() as session:
        candidacy = candidacies(session)[0]
    noting.note(two.database, candidacy, RolloutSettings())


def missing(two: Two) -> int:
    with two.database.read() as session:
        return pairs_missing(session)


def test_what_is_not_noted_is_missing_while_the_candidate_is_on_its_way(two: Two) -> None:
    assert missing(two) == 1
    note(two)
    assert missing(two) == 0


def test_a_number_that_is_not_there_and_a_pair_of_nothing_are_found(two: Two) -> None:
    note(two)
    with two.database.write() as session:
        session.execute(delete(Pair).where(Pair.number == 2))
    # the number, and the picture that lost its pair
    assert missing(two) == 2
    with two.database.write() as session:
        session.execute(update(Pair).where(Pair.number == 3).values(prediction_id="nothing"))
    assert missing(two) == 4


def test_of_a_rollout_that_has_ended_only_what_is_long_before_its_newest_pair_is_missing(
    two: Two,
) -> None:
    with two.database.write() as session:
        rollouts.move(session, two.rollout.id, "withdraw", OPS, "enough", later(seconds=9))
    assert missing(two) == 0
    with two.database.write() as session:
        session.execute(update(Pair).where(Pair.number == 3).values(at=later(seconds=90)))
    assert missing(two) == 1


def test_each_answer_beside_a_candidate_is_heard_awaited_or_left_out(two: Two) -> None:
    ids = [two.answer("teddy", "teddy") for _ in range(4)]
    with two.database.write() as session:
        session.execute(delete(ShadowAnswer).where(ShadowAnswer.prediction_id.in_(ids[:2])))
        for one in (ids[0], ids[2]):
            row = AwaitedShadow(prediction_id=one, model_version_id=two.candidate.id)
            session.add(row)
        rollouts.move(session, two.rollout.id, "withdraw", OPS, "enough", later(seconds=9))
    alone = two.answer("teddy", "teddy")
    with two.database.read() as session:
        assert shadows(session, [*ids, alone]) == Shadows(2, 1, 1, 1)
