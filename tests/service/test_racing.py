"""Of two people who do the same at once the second is told what the first did, and nothing is done twice."""

from collections.abc import Callable
from typing import Any

import pytest

from service import alarming, releasing, retraining, stepping
from store import alarms, jobs, models, privileged_acts, rollouts
from store.alarms import NewAlarm
from store.database import Database, Session
from store.errors import Conflict
from store.rollouts import Actor
from store.tables import ModelVersion
from tests.service import rows
from tests.service.released import ANNA, NOON, backtest, promote, versions
from tests.service.test_releasing_evidence import decided
from tests.store.racing import at_once

OLGA = Actor("person", "olga")
SYSTEM = Actor("system", "a test")


def test_one_step_is_taken_on_the_evidence_of_one_step(database: Database) -> None:
    _found_good(database)
    code = refused(
        database,
        lambda session: stepping.expand(session, 2, None, ANNA, "more", NOON),
        lambda session: stepping.expand(session, 2, None, OLGA, "more", NOON),
    )
    assert code == "evidence_lacking"
    with database.read() as session:
        candidate = rollouts.live(session).candidate
    assert candidate is not None
    assert candidate.share == 0.05


def test_nobody_confirms_on_the_evidence_of_a_step_that_is_being_left(database: Database) -> None:
    _found_good(database)
    code = refused(
        database,
        lambda session: stepping.expand(session, 2, None, ANNA, "more", NOON),
        lambda session: releasing.promote(session, 2, OLGA, "all of it", NOON),
    )
    assert code == "evidence_lacking"


def test_who_confirms_a_version_that_takes_over_meanwhile_is_told(database: Database) -> None:
    _found_good(database)
    with database.write() as session:
        releasing.promote(session, 2, ANNA, "all of it", NOON)
    code = refused(
        database,
        lambda session: releasing.promote(session, 2, OLGA, "all of it", NOON),
        lambda session: releasing.promote(session, 2, Actor("person", "otto"), "yes", NOON),
    )
    assert code == "answers_already"


def test_one_training_and_one_comparison_is_asked_for(database: Database) -> None:
    versions(database, 1)

    def train(session: Session) -> object:
        return retraining.ask(session, ANNA, NOON)

    def compare(session: Session) -> object:
        return retraining.compare(session, 1, ANNA, NOON)

    assert refused(database, train, train) == "training_already"
    assert refused(database, compare, compare) == "backtest_already"
    with database.read() as session:
        asked = [jobs.unfinished(session, kind) for kind in ("train", "backtest")]
    assert [len(one) for one in asked] == [1, 1]


def test_an_alarm_is_cleared_by_one_person(database: Database) -> None:
    with database.write() as session:
        new = NewAlarm("window", "", None, None, {}, pages=True)
        alarm = alarms.raise_alarm(session, new, NOON).id
    code = refused(
        database,
        lambda session: alarming.clear(session, alarm, ANNA, "it is over", NOON),
        lambda session: alarming.clear(session, alarm, OLGA, "it is over", NOON),
    )
    assert code == "alarm_cleared"
    with database.read() as session:
        assert [one.actor for one in privileged_acts.since(session)] == ["anna"]
        assert alarms.get(session, alarm).cleared_by == "anna"


def refused(
    database: Database, first: Callable[[Session], object], second: Callable[[Session], Any]
) -> str:
    with pytest.raises(Conflict) as told:
        at_once(database, first, second)
    return told.value.code


def _found_good(database: Database) -> ModelVersion:
    """A version in `limited` that monitoring has found not to be worse there."""
    first, second = versions(database, 2)
    promote(database, 1)
    backtest(database, second, first)
    with database.write() as session:
        rows.ready(session, 2, NOON)
        rollout = stepping.on_its_way(session, 2).id
        rollouts.move(session, rollout, "limit", SYSTEM, "try", NOON, scope={"segments": ["zoo"]})
        decided(session, models.by_number(session, 2), "advance")
    return second
