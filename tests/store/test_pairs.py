from datetime import datetime

import pytest
from sqlalchemy import delete

from store import labels, pairs, readings, reviews, rollouts
from store.database import Database
from store.errors import Conflict
from store.pairs import Fresh, Run
from store.tables import AwaitedShadow, Pair, ShadowAnswer
from tests.store.given import NOW, later, version
from tests.store.pairing import OPS, Two


@pytest.fixture
def two(database: Database) -> Two:
    """A candidate on its way and an incumbent at full."""
    return Two(database)


def fresh(two: Two, limit: int = 100) -> list[Fresh]:
    with two.database.read() as session:
        return pairs.fresh(session, two.rollout, two.candidate.id, two.incumbent.id, limit)


def kind(one: Fresh) -> str:
    return "alike" if one.candidate_label == one.incumbent_label else "differ"


def row(two: Two, number: int, one: Fresh, **changes: object) -> Pair:
    values = {
        "rollout_id": two.rollout.id, "number": number, "prediction_id": one.prediction_id,
        "step": one.event_id, "inside": True, "kind": kind(one), "votes": True,
        "candidate_label": one.candidate_label, "incumbent_label": one.incumbent_label,
        "milliseconds": one.milliseconds, "picture": one.group, "source": None,
        "deadline": later(hours=72) if kind(one) == "differ" else None, "at": one.at,
    }  # fmt: skip
    return Pair(**{**values, **changes})


def noted(two: Two, **changes: object) -> None:
    found = fresh(two)
    with two.database.write() as session:
        first = pairs.last_number(session, two.rollout.id) + 1
        pairs.note(session, [row(two, first + n, one, **changes) for n, one in enumerate(found)])


def said_of(two: Two, as_of: datetime) -> dict[str, str | None]:
    with two.database.read() as session:
        found = readings.first_readings(session, two.rollout.id, 99, as_of)
    return {one.prediction_id: one.label for one in found}


def test_both_directions_are_pairs_and_failures_say_nothing(two: Two) -> None:
    two.answer("teddy", "black")
    two.answer("teddy", "black", candidate_answers=True)
    two.answer(None, "black")
    found = fresh(two)
    labels_of = [(one.candidate_label, one.incumbent_label) for one in found]
    assert labels_of == [("teddy", "black"), ("teddy", "black"), (None, "black")]
    assert [one.candidate_answered for one in found] == [False, True, False]


def test_what_is_noted_is_not_fresh_and_what_comes_late_still_is(two: Two) -> None:
    for _ in range(3):
        two.answer("teddy", "teddy")
    late = fresh(two)[1]
    with two.database.write() as session:
        others = [one for one in fresh(two) if one != late]
        pairs.note(session, [row(two, n, one) for n, one in enumerate(others, 1)])
    assert [one.prediction_id for one in fresh(two)] == [late.prediction_id]


def test_pictures_of_which_one_answer_never_came_are_counted_once_it_cannot_come_any_more(
    two: Two,
) -> None:
    ids = [two.answer("teddy", "teddy") for _ in range(3)]
    with two.database.write() as session:
        session.execute(delete(ShadowAnswer).where(ShadowAnswer.prediction_id.in_(ids[1:])))
        for missing in ids[1:]:
            asked = AwaitedShadow(prediction_id=missing, model_version_id=two.candidate.id)
            session.add(asked)
        # of the two of this rollout, and not of a third version
        third = version(session, "third").id
        session.add(AwaitedShadow(prediction_id=ids[0], model_version_id=third))
    with two.database.read() as session:
        now = later(seconds=two.number + 61)
        assert pairs.unheard(session, two.rollout, now) == 2
        assert pairs.unheard(session, two.rollout, later(seconds=60)) == 0
    assert [one.prediction_id for one in fresh(two)] == ids[:1]


def test_a_pair_is_noted_once(two: Two) -> None:
    two.answer("teddy", "teddy")
    one = fresh(two)[0]
    noted(two)
    with pytest.raises(Conflict), two.database.write() as session:
        pairs.note(session, [row(two, 2, one)])


def test_runs_stand_between_the_others_by_step(two: Two) -> None:
    said = ["same", "same", "differ", "same", "burst", "differ", "same", "void", "lost", "same"]
    for place, what in enumerate(said):
        two.answer("teddy", "black" if what == "differ" else "teddy")
        one = fresh(two)[0]
        changes: dict[str, object] = {"step": 1 if place < 7 else 2, "votes": what != "burst"}
        if what in ("void", "lost"):
            changes["kind"] = what
        with two.database.write() as session:
            pairs.note(session, [row(two, place + 1, one, **changes)])
    with two.database.read() as session:
        runs = pairs.runs(session, two.rollout.id, 10)
        single = pairs.single(session, two.rollout.id, 10)
        until_five = pairs.runs(session, two.rollout.id, 5)
        answered = pairs.answered(session, two.rollout.id, 10, 10.0)
    assert runs == [Run(0, 1, True, 2), Run(1, 1, True, 1), Run(2, 1, True, 1), Run(3, 2, True, 1)]
    assert [one.number for one in single] == [3, 6, 9]
    assert until_five == runs[:2]
    assert (answered.all, answered.failed, answered.slow) == (10, 1, 10)


def test_the_first_blind_reading_counts_as_it_stood_then(two: Two) -> None:
    one = two.answer("teddy", "black", doubled=True)
    other = two.answer("teddy", "black")
    noted(two)
    label = two.label(one, "black", later(minutes=1))
    two.label(one, "teddy", later(minutes=2), reader=1)
    with two.database.write() as session:
        labels.undo(session, label, two.readers[0], later(minutes=3))
    two.label(other, "cannot_tell", later(minutes=4))
    assert said_of(two, NOW) == {}
    assert said_of(two, later(minutes=2)) == {one: "black"}
    assert said_of(two, later(minutes=3)) == {one: "teddy"}
    assert said_of(two, later(minutes=4)) == {one: "teddy", other: None}


def test_a_reader_who_saw_the_answer_is_no_blind_reader(two: Two) -> None:
    one = two.answer("teddy", "black", picture="seen")
    noted(two)
    two.shown("seen", reader=0)
    with two.database.write() as session:
        assert reviews.lease_next(session, two.readers[0], NOW) is None
        assert reviews.lease_next(session, two.readers[1], NOW) is not None
    two.label(one, "black", later(minutes=5))
    assert said_of(two, later(hours=1)) == {}


def test_doubles_are_pictures_that_were_drawn_and_read_twice(two: Two) -> None:
    drawn = [two.answer("teddy", "black", doubled=True) for _ in range(3)]
    plain = two.answer("teddy", "black")
    for minute, (prediction, said) in enumerate(zip([*drawn, plain], ["black"] * 4, strict=True)):
        two.label(prediction, said, later(minutes=minute))
    nobody, *unlike = (two.answer("teddy", "black", doubled=True) for _ in range(2))
    two.label(drawn[0], "black", later(minutes=10), reader=1)
    two.label(drawn[1], "teddy", later(minutes=11), reader=1)
    with two.database.read() as session:
        assert readings.doubles(session, later(hours=1), 10) == [
            ("black", "black"),
            ("black", "teddy"),
        ]
        assert readings.doubles(session, later(minutes=10), 10) == [("black", "black")]
        assert readings.doubles(session, later(hours=1), 1) == []  # the newest has no reading
    for reader in (0, 1):
        two.label(nobody, "cannot_tell", later(minutes=20), reader)
    two.label(unlike[0], "cannot_tell", later(minutes=21), reader=0)
    two.label(unlike[0], "black", later(minutes=22), reader=1)
    with two.database.read() as session:
        # what nobody could tell is no agreement, and what one could is a difference
        assert readings.doubles(session, later(hours=1), 10)[2:] == [("cannot_tell", "black")]


def test_one_person_alone_settles_what_was_drawn_to_be_read_twice(two: Two) -> None:
    two.leave(1)
    one = two.answer("teddy", "black", doubled=True)
    two.label(one, "black", later(minutes=1))
    with two.database.read() as session:
        assert reviews.of_prediction(session, one)[0].status == "settled"


def test_a_deadline_is_set_once_and_bursts_ask_nobody(two: Two) -> None:
    voting, burst = two.answer("teddy", "black"), two.answer("teddy", "black")
    noted(two)
    with two.database.write() as session:
        assert pairs.withdraw_reviews(session, [burst]) == 1
        assert pairs.withdraw_reviews(session, [burst]) == 0
    with two.database.read() as session:
        asked = reviews.of_prediction(session, voting)[0]
        spared = reviews.of_prediction(session, burst)[0]
    assert (asked.status, asked.deadline) == ("open", later(hours=72))
    assert spared.status == "withdrawn"


def test_what_somebody_has_in_hand_is_not_withdrawn(two: Two) -> None:
    one = two.answer("teddy", "black")
    with two.database.write() as session:
        assert reviews.lease_next(session, two.readers[0], NOW) is not None
        assert pairs.withdraw_reviews(session, [one]) == 0


def test_what_was_answered_under_an_earlier_rollout_is_no_pair_of_this_one(two: Two) -> None:
    before = two.event()
    with two.database.write() as session:
        rollouts.move(session, two.rollout.id, "withdraw", OPS, "not yet", NOW)
        two.rollout = rollouts.open_rollout(session, two.candidate.id, OPS, "again", NOW)
    two.answer("teddy", "teddy", event_id=before)
    new = two.answer("teddy", "teddy")
    assert [one.prediction_id for one in fresh(two)] == [new]
