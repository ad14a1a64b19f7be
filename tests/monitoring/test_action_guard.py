"""The guard of actions: a candidate that decides otherwise in one segment is held, by counts that are kept."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from monitoring import action_guard
from monitoring.action_guard import Changed
from monitoring.evidence_rule import Rule
from monitoring.paired import Paired
from monitoring.prefix import Alike
from monitoring.reader_error import Doubles
from store import action_ratio, alarms, rollouts
from store.database import Database
from store.ids import new_id
from store.prediction_log import Entry, PredictionLog
from store.rollouts import Actor
from store.tables import Prediction
from tests.monitoring.rolled import Rolled
from tests.store import given
from tests.store.given import NOW

BEFORE = {("zoo", "bear"): 100, ("zoo", "teddy"): 900, ("", "teddy"): 500}
NOWADAYS = {("zoo", "bear"): 300, ("zoo", "teddy"): 700, ("", "teddy"): 500}


def changed(before: action_ratio.Counts, now: action_ratio.Counts) -> Changed:
    cells = action_ratio.compare(before, now)
    return Changed(len(cells), tuple(one for one in cells if one.verdict is not None))


def test_a_stop_holds_it_though_the_labels_say_that_it_is_not_worse() -> None:
    paired = Paired(Rule(margin=0.01), 3, step=1, doubles=Doubles(2000, 40))
    paired.add(Alike(900, 1))
    assert paired.look(NOW).verdict == "advance"
    paired.actions = changed(BEFORE, NOWADAYS)
    judgement = paired.look(NOW)
    assert (judgement.verdict, judgement.because) == ("hold", ("actions",))


def test_what_is_worth_a_look_stops_nothing() -> None:
    few = changed({("", "a"): 5, ("", "b"): 495}, {("", "a"): 30, ("", "b"): 470})
    assert [one.verdict for one in few.changed] == ["alert"]
    paired = Paired(Rule(margin=0.01), 3, step=1, doubles=Doubles(2000, 40), actions=few)
    paired.add(Alike(900, 1))
    assert paired.look(NOW).verdict == "advance"


def test_what_is_kept_is_judged_alike_again() -> None:
    found = changed(BEFORE, NOWADAYS)
    assert found.stops
    assert action_guard.of_json(found.as_json()) == found
    assert action_guard.in_words(found) == (
        "'bear' in segment zoo: 300 of 1000 answers now, 100 of 1000 before"
    )


def test_an_equal_candidate_that_is_looked_at_again_and_again_is_seldom_held() -> None:
    """Five segments, four actions, 80 looks: the level over all of it is .05; the bound errs once in a million."""
    chance, runs, stopped = np.random.default_rng(7), 100, 0
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    for _ in range(runs):
        before = chance.multinomial(2000, shares, size=5)
        now = chance.multinomial(5, shares, size=(80, 5)).cumsum(axis=0)
        stopped += any(
            one.verdict == "stop"
            for look in now
            for one in action_ratio.compare(_counts(before), _counts(look))
        )
    assert stopped <= binom.isf(1e-6, runs, 0.05)


def _counts(table: np.typing.NDArray[np.int64]) -> dict[tuple[str, str], int]:
    return {
        (f"s{segment}", f"a{action}"): int(count)
        for segment, row in enumerate(table)
        for action, count in enumerate(row)
    }


@pytest.mark.parametrize("often", [2, 10])
def test_a_candidate_whose_actions_changed_is_held_by_a_decision_that_can_be_made_again(
    sqlite_url: str, tmp_path: Path, often: int
) -> None:
    database = Database(sqlite_url)
    rolled = Rolled(database, tmp_path)
    with database.write() as session:
        system = Actor("system", "a test")
        rollouts.move(session, rolled.id, "limit", system, "try", NOW, scope={})
    answered(rolled, rolled.two.incumbent.id, range(-300, -100), 10)
    answered(rolled, rolled.two.candidate.id, range(1, 201), often)
    rolled.look(hours=1)
    if often == 10:
        assert rolled.last().verdict == "hold"
        assert rolled.last().values["actions"] == {"cells": 2, "changed": []}
    else:
        key, counts = rolled.monitor.answered_before.popitem()
        assert counts == {("zoo", "black"): 20, ("zoo", "teddy"): 180}
        rolled.monitor.answered_before[key] = counts
        rolled.look(hours=2)  # is told once
        assert rolled.monitor.answered_before[key] is counts, "four weeks are counted once"
        assert rolled.last().verdict == "hold"
        assert "actions" in rolled.last().values["act"]["because"]
        with database.read() as session:
            event = rollouts.events(session, 1, rolled.id)[0]
            (alarm,) = alarms.open_alarms(session)
        assert event.move == "limit"
        assert (alarm.kind, alarm.pages, alarm.times) == ("rollout_held", True, 1)
        assert alarm.detail["why"]["sentence"] == (
            "What is decided has changed:"
            " 'black' in segment zoo: 100 of 200 answers now, 20 of 200 before."
        )
        rolled.say(rolled.answers(12, "black", candidate_answers=True), "teddy")
        rolled.look()
        with database.read() as session:
            (alarm,) = alarms.open_alarms(session)
        # it is gone: nobody is told that it waits for them
        assert (rolled.last().verdict, alarm.kind) == ("revert", "rollout_guard")
    with database.write() as session:  # as retention does one day
        session.query(Prediction).filter(Prediction.segment == "zoo").delete()
    assert rolled.differences() == []
    database.dispose()


def test_where_people_look_first_what_the_candidate_said_is_its_action(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    rolled = Rolled(database, tmp_path)
    with database.write() as session:
        held = {"segments": ["zoo"], "hold_seconds": 60, "at_limit": "candidate"}
        system = Actor("system", "a test")
        rollouts.move(session, rolled.id, "limit", system, "try", NOW, scope=held)
    answered(rolled, rolled.two.incumbent.id, range(-300, -100), 10)
    answered(rolled, rolled.two.candidate.id, range(1, 201), 10, decision="hold", stage="limited")
    rolled.look(hours=1)
    assert rolled.last().values["actions"] == {"cells": 2, "changed": []}
    database.dispose()


def answered(rolled: Rolled, version_id: str, seconds: range, often: int, **changes: Any) -> None:
    """One answer of a version at each of these seconds; each `often`-th says "black"."""
    log = PredictionLog(rolled.database)
    log.start()
    for second in seconds:
        made = NOW + timedelta(seconds=second)
        label = "black" if second % often == 0 else "teddy"
        row = replace(
            given.prediction(rolled.two.consumer, second, label=label, answer=label, segment="zoo"),
            id=new_id(made), created_at=made, model_version_id=version_id,
            picture_digest=given.digest(second % 7), **changes,
        )  # fmt: skip
        log.keep(Entry(row, given.picture(second % 7)))
    log.stop()
