"""Nothing takes over but on evidence: what monitoring found where the version stands now, or two people in spite of it."""

from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from service import releasing, stepping
from service.client import Refused
from service.clock import wall_clock
from service.releasing import Released
from store import decisions, models, rollout_events, rollouts
from store.database import Database, Session
from store.decisions import NewDecision
from store.errors import Conflict
from store.models import NewBacktest
from store.rollouts import Actor
from store.tables import ModelVersion
from tests.service import rows
from tests.service.released import ANNA, NOON, backtest, promote, versions
from tests.service.serving import Serving
from tests.store.rolling import PLAN

_seconds = count(1)
OTTO = Actor("person", "otto")


@pytest.mark.parametrize("verdict", ["advance", "hold", "revert", None])
def test_where_another_answers_only_an_advance_lets_a_version_take_over(
    database: Database, verdict: str | None
) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    backtest(database, second, first)
    with database.write() as session:
        rows.ready(session, 2, NOON)
        decided(session, second, verdict)

    def without(although_held: bool) -> Released:
        with database.write() as session:
            return releasing.promote(
                session, 2, ANNA, "it is time", NOON, although_held=although_held
            )

    if verdict == "advance":
        assert without(False).answering == 2
    else:
        with pytest.raises(Conflict) as refused:
            without(False)
        assert refused.value.code == (
            "evidence_against" if verdict == "revert" else "evidence_lacking"
        )
    if verdict == "revert":
        with pytest.raises(Conflict):
            without(True)
    elif verdict != "advance":
        assert without(True).answering == 2
    if verdict != "revert":
        with database.read() as session:
            event = rollouts.events(session, 1)[0]
        assert event.evidence["although_held"] == (verdict != "advance")
        assert (event.decision_id is None) == (verdict is None)


def test_what_was_found_one_step_ago_lets_nothing_take_over(database: Database) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    backtest(database, second, first)
    with database.write() as session:
        rows.ready(session, 2, NOON)
        decided(session, second, "advance")
        rollout = stepping.on_its_way(session, 2).id
        rollouts.move(session, rollout, "limit", Actor("system", "a test"), "try", NOON, scope={})
    with pytest.raises(Conflict) as refused, database.write() as session:
        releasing.promote(session, 2, ANNA, "it is time", NOON)
    assert refused.value.code == "evidence_lacking"


def test_on_a_hold_only_those_count_who_said_it_in_spite_of_it(database: Database) -> None:
    beside(database)
    with database.write() as session:
        rows.heard(session, NOON)
        stepping.prepare(session, 2, PLAN, ANNA, NOON)
        decided(session, models.by_number(session, 2), "advance")
        releasing.promote(session, 2, ANNA, "it is good", NOON)
        decided(session, models.by_number(session, 2), "hold")
        alone = releasing.promote(session, 2, OTTO, "all the same", NOON, although_held=True)
        both = releasing.promote(session, 2, ANNA, "I know", NOON, although_held=True)
    assert (alone.answering, alone.confirmed) == (1, ("otto",))
    assert both.answering == 2


def test_what_one_person_says_twice_at_once_is_one_word(database: Database) -> None:
    beside(database)
    with database.write() as session:
        rollout = stepping.on_its_way(session, 2)
        for _ in range(2):
            # as two requests of one moment would leave it
            rollout_events.write(
                session, rollout, "confirm", "manual", "manual", ANNA, "yes", NOON, {}
            )
        assert rollout_events.confirm(session, rollout.id, ANNA, "yes", NOON) == ["anna"]


def test_no_step_is_taken_on_a_hold_unless_it_is_said_all_the_same(database: Database) -> None:
    beside(database)
    with database.write() as session:
        rows.ready(session, 2, NOON)
        with pytest.raises(Conflict) as unseen:
            stepping.limit(session, 2, None, ANNA, "try it", NOON)
        decided(session, models.by_number(session, 2), "advance")
        first = stepping.limit(session, 2, None, ANNA, "try it", NOON)
        with pytest.raises(Conflict) as held:
            stepping.expand(session, 2, None, ANNA, "more", NOON)
        second = stepping.expand(session, 2, None, ANNA, "more", NOON, although_held=True)
    assert unseen.value.code == held.value.code == "evidence_lacking"
    assert [one.evidence for one in (first, second)] == [
        {"although_held": False}, {"although_held": True},
    ]  # fmt: skip
    assert first.decision_id is not None


def test_a_worse_backtest_lets_nothing_take_its_first_step(database: Database) -> None:
    first, second = beside(database)
    backtest(database, second, first, "worse")
    with database.write() as session:
        rows.ready(session, 2, NOON)
        with pytest.raises(Conflict) as refused:
            stepping.limit(session, 2, None, ANNA, "try it", NOON, although_held=True)
    assert refused.value.code == "backtest_worse"


def beside(database: Database) -> list[ModelVersion]:
    """A version that answers everything and one on its way."""
    found = versions(database, 2)
    promote(database, 1)
    backtest(database, found[1], found[0])
    with database.write() as session:
        rollouts.open_rollout(session, found[1].id, ANNA, "a candidate", NOON)
    return found


def decided(session: Session, version: ModelVersion, verdict: str | None) -> None:
    """What monitoring concluded about a candidate in the step in which it is."""
    if verdict is None:
        return
    rollout = rollouts.of_version(session, version.id)
    assert rollout is not None
    step = rollout_events.steps(session, rollout.id)[-1].event_id
    new = NewDecision(rollout.id, rollout.stage, verdict, "1", {}, {"step": step}, {}, {}, "m")
    decisions.add(session, new, NOON + timedelta(seconds=next(_seconds)))


def test_over_the_api_a_hold_is_a_conflict_until_it_is_said_all_the_same(
    served: Serving, tmp_path: Path
) -> None:
    first = served.model(tmp_path / "one")
    number = served.register(tmp_path / "two", seed=1)
    with served.database.write() as session:
        pair = models.by_number(session, number).id, models.by_number(session, first).id
        test = NewBacktest(*pair, "better", 90, 0.9, 0.8, 0.1, 0.02, 0.18, {})
        models.add_backtest(session, test, wall_clock())
        rows.ready(session, number, wall_clock())
    with served.client("ops", "operator") as operator:
        with pytest.raises(Refused) as refused:
            operator.promote(number, "it learned the night")
        assert (refused.value.status, refused.value.code) == (409, "evidence_lacking")
        told = operator.promote(number, "it learned the night", although_held=True)
        assert told.answering == number
