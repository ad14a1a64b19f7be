from datetime import timedelta

from store import audits, labels, reviews
from store.database import Database
from tests.monitoring.audited import Audited
from tests.store.given import NOW, PENDING, later

DAY = (NOW, later(hours=2))


def test_the_population_is_every_answer_of_a_model_by_kind(database: Database) -> None:
    world = Audited(database)
    world.answer(3, confidence=0.1234567)
    world.answer(2, ["grizzly"], audit_rate=0.5, segment="north")
    world.answer(1, model_version_id=None, **PENDING)  # no model looked
    world.answer(1, **PENDING)  # held for a person
    with database.read() as session:
        groups = audits.population(session, *DAY)
        assert audits.population(session, later(days=1), later(days=2)) == []
    kinds = [
        (one.segment, one.decision, one.audit_rate, one.audited, one.answers, one.confidence)
        for one in groups
    ]
    assert sorted(kinds, key=str) == sorted(
        [
            (None, "answer", 0.05, False, 3, 3 * 123457),
            ("north", "answer", 0.5, True, 2, 2 * 900000),
            (None, "hold", 0.05, False, 1, 900000),
        ],
        key=str,
    )


def test_opinions_are_those_that_stood_at_the_end_of_the_stretch(database: Database) -> None:
    world = Audited(database)
    (first, second) = world.answer(2, ["teddy"])
    world.read(first, "black")
    world.read(second, "teddy", at=later(hours=3))  # after the stretch
    with database.write() as session:
        (review,) = reviews.of_prediction(session, first)
        given = labels.opinions(session, review.id)[1]
        labels.undo(session, given.id, world.people[1], later(minutes=50))
    with database.read() as session:
        one, other = audits.read_answers(session, *DAY)
        assert (one.opinions, one.lane, one.audited) == ((("class", "teddy"),), "audit", True)
        assert other.opinions == (("class", "teddy"),)
        assert other.first_at == later(minutes=30)
        before_the_undo = audits.read_answers(session, NOW, later(minutes=49))
        assert before_the_undo[0].opinions == (("class", "teddy"), ("class", "black"))
        later_on = audits.read_answers(session, NOW, later(hours=4))
        assert len(later_on[1].opinions) == 2


def test_held_answers_and_other_versions_are_not_read(database: Database) -> None:
    world = Audited(database)
    world.answer(1, ["teddy"], **PENDING)
    (mine,) = world.answer(1, ["grizzly"])
    other = world.another("candidate")
    world.answer(1, ["grizzly"], model_version_id=other.id)
    with database.read() as session:
        assert len(audits.read_answers(session, *DAY)) == 2
        (found,) = audits.read_answers(session, *DAY, world.version.id)
        assert found.prediction_id == mine


def test_who_saw_the_answer_has_no_say_in_the_audit(database: Database) -> None:
    world = Audited(database)
    (audited,) = world.answer(1, [])
    (asked,) = world.answer(1, lane="rule")
    with database.write() as session:
        for one in (audited, asked):
            (review,) = reviews.of_prediction(session, one)
            reviews.saw_answer(session, review.picture_digest, world.people[0], NOW)
    for one in (audited, asked):
        world.read(one, "teddy")
    with database.read() as session:
        (found,) = audits.read_answers(session, *DAY)
        assert (found.prediction_id, found.lane) == (asked, "rule")


def test_it_costs_by_the_stretch(database: Database) -> None:
    world = Audited(database)
    world.answer(3, ["grizzly"])
    with database.read() as session:
        assert audits.population(session, NOW + timedelta(hours=1), DAY[1]) == []
        assert audits.read_answers(session, NOW + timedelta(hours=1), DAY[1]) == []
