"""The loop over rows: candidates moved on evidence, decisions kept and made again, on both databases."""

from datetime import timedelta
from pathlib import Path

import pytest

from monitoring import commands
from store import alarms, models, rollouts, switches
from store.database import Database
from store.ids import new_id
from store.models import NewBacktest
from store.rollouts import Actor
from store.tables import Decision, Rollout
from tests.monitoring.rolled import Rolled
from tests.store.given import NOW, version
from tests.store.pairing import OPS


@pytest.fixture
def rolled(database: Database, tmp_path: Path) -> Rolled:
    """A candidate at `manual`, whose readers' error is known."""
    return Rolled(database, tmp_path)


def test_a_candidate_that_is_as_good_goes_through_the_steps_and_full_is_left_to_people(
    rolled: Rolled,
) -> None:
    rolled.answers(50)
    rolled.look()
    assert rolled.stage() == ("limited", 1.0)
    rolled.answers(50)  # out of its scope: these say nothing about `limited`
    rolled.look()
    assert rolled.last().values["act"]["because"] == ["pairs", "evidence"]
    for share in (0.05, 0.25, 0.5):
        rolled.answers(50, candidate_answers=True)
        rolled.look()
        assert rolled.stage() == ("expanding", share)
    rolled.answers(50, candidate_answers=True)
    rolled.look()
    last = rolled.last()
    assert (last.verdict, last.values["act"]["advised"]) == ("advance", "promote")
    assert rolled.stage() == ("expanding", 0.5)
    assert rolled.moves() == ["limit", "expand", "expand", "expand"]
    assert rolled.differences() == []


def test_without_a_scope_that_limits_or_with_a_worse_backtest_nothing_begins(
    rolled: Rolled,
) -> None:
    with rolled.database.write() as session:
        rollout = session.get_one(Rollout, rolled.id)
        rollout.preflight = {**(rollout.preflight or {}), "scope": {}}
    rolled.answers(50)
    rolled.look()
    assert (rolled.last().verdict, rolled.last().values["act"]["advised"]) == ("advance", "limit")
    pair = rolled.two.candidate.id, rolled.two.incumbent.id
    with rolled.database.write() as session:
        worse = NewBacktest(*pair, "worse", 90, 0.8, 0.9, -0.1, -0.18, -0.02, {})
        models.add_backtest(session, worse, NOW)
    rolled.look()
    assert rolled.last().values["act"]["because"] == ["backtest"]
    assert rolled.stage() == ("manual", 0.0)
    assert rolled.differences() == []


def test_when_the_incumbent_is_taken_back_evidence_against_it_is_none_against_the_one_before(
    rolled: Rolled,
) -> None:
    with rolled.database.write() as session:
        # the incumbent had taken over from another one
        first = rollouts.of_version(session, rolled.two.incumbent.id)
        assert first is not None
        before = Rollout(
            id=new_id(NOW), model_version_id=version(session, "before").id, stage="full", outcome="replaced",
            on_its_way=False, share=1.0, opened_at=NOW, ended_at=NOW,
        )  # fmt: skip
        session.add(before)
        session.flush()
        first.previous_id = before.id
    rolled.say(rolled.answers(6, "grizzly"), "grizzly")
    rolled.answers(44)
    with rolled.database.write() as session:
        rollouts.move(session, first.id, "revert", OPS, "it is wrong", NOW)
    rolled.look()
    last = rolled.last()
    assert last.values["pairs"] == 0
    assert (last.verdict, rolled.stage()) == ("hold", ("manual", 0.0))
    assert last.versions["incumbent"]["id"] == before.model_version_id
    rolled.look(minutes=2)
    assert rolled.stage() == ("manual", 0.0)
    assert rolled.differences() == []


def test_whoever_answers_some_falls_back_when_the_incumbent_is_taken_back(rolled: Rolled) -> None:
    rolled.answers(50)
    rolled.look()
    assert rolled.stage()[0] == "limited"
    with rolled.database.write() as session:
        live = rollouts.live(session)
        assert live.incumbent is not None
        rollouts.move(session, live.incumbent.rollout_id, "revert", OPS, "it is wrong", NOW)
        newest = rollouts.events(session, 1, rolled.id)[0]
    assert (newest.move, newest.from_stage, newest.to_stage) == ("begin_anew", "limited", "manual")
    assert rolled.stage() == ("manual", 0.0)


def test_a_worse_candidate_is_taken_back_and_the_event_names_the_decision(rolled: Rolled) -> None:
    rolled.say(rolled.answers(12, "black"), "teddy")
    rolled.look()
    last = rolled.last()
    assert (last.verdict, rolled.moves()) == ("revert", ["revert"])
    assert "harm" in last.values["act"]["because"]
    with rolled.database.read() as session:
        event = rollouts.events(session, 1, rolled.id)[0]
        paged = alarms.open_alarms(session, "rollout_guard")
    assert (event.decision_id, event.actor) == (last.id, "monitor one")
    assert [one.model_version_id for one in paged] == [rolled.two.candidate.id]
    assert paged[0].detail["why"]["sentence"] == event.reason
    assert rolled.differences() == []


def test_a_candidate_that_fails_is_taken_back_without_any_label(rolled: Rolled) -> None:
    for _ in range(12):
        rolled.two.answer(None, "teddy")
    rolled.look()
    assert rolled.last().values["act"]["because"] == ["failing"]


def test_agreements_do_not_count_while_a_disagreement_waits(rolled: Rolled) -> None:
    waits = rolled.answers(1, "black")
    rolled.answers(80)
    rolled.look()
    last = rolled.last()
    assert (last.verdict, last.values["waiting"], last.values["pairs"]) == ("hold", 1, 12)
    rolled.say(waits, "teddy")
    rolled.look()
    assert rolled.stage()[0] == "limited"


def test_no_label_ever_is_hold_for_good_and_somebody_is_paged(rolled: Rolled) -> None:
    rolled.answers(12, "black")
    rolled.answers(50)
    for _ in range(4):
        rolled.look(hours=48)
    last = rolled.last()
    assert (last.verdict, last.values["act"]["because"][0]) == ("hold", "overdue")
    with rolled.database.read() as session:
        assert len(alarms.open_alarms(session, "evidence_overdue")) == 1
    assert rolled.moves() == []
    assert rolled.differences() == []


@pytest.mark.parametrize("why", ["frozen", "heartbeat", "alarm", "preflight"])
def test_nothing_grows_against_what_forbids_it(rolled: Rolled, why: str) -> None:
    with rolled.database.write() as session:
        if why == "frozen":
            switches.throw(session, "frozen", True, "person", "olga", "wait", NOW)
        if why == "alarm":
            about = rolled.two.candidate.id
            new = alarms.NewAlarm("accuracy", "", about, None, {}, pages=True)
            alarms.raise_alarm(session, new, NOW)
        if why == "preflight":
            session.get_one(Rollout, rolled.id).risks = []
    rolled.answers(50)
    rolled.look(alive=why != "heartbeat")
    last = rolled.last()
    assert (last.verdict, last.values["act"]["because"]) == ("hold", [why])
    assert rolled.stage()[0] == "manual"
    assert rolled.differences() == []


def test_what_comes_later_changes_no_decision_that_was_made(rolled: Rolled) -> None:
    early = rolled.answers(3, "black")
    rolled.say(early[:2], "black")
    rolled.look()
    rolled.say(early[2:], "teddy")
    rolled.answers(30)
    rolled.look(minutes=2)
    rolled.say(rolled.answers(12, "black"), "teddy")
    rolled.look(hours=80)
    assert len(rolled.decided()) >= 3
    assert rolled.differences() == []


def test_a_decision_that_was_changed_is_found(rolled: Rolled) -> None:
    rolled.answers(20)
    rolled.look()
    with rolled.database.write() as session:
        row = session.get_one(Decision, rolled.last().id)
        row.values = {**row.values, "ties": 7, "harm": 99.0}
    found = rolled.differences()
    assert any(one.startswith("values.harm was 99.0") for one in found)


def test_the_command_concludes_again_and_says_so(
    rolled: Rolled, capsys: pytest.CaptureFixture[str]
) -> None:
    rolled.answers(5)
    rolled.look()
    one = rolled.last().id
    assert commands.replay_decisions(rolled.database, one) == 0
    assert commands.replay_decisions(rolled.database, None) == 0
    assert capsys.readouterr().out.count("1 made again, 0 of them not the same.\n") == 2
    with rolled.database.write() as session:
        session.get_one(Decision, one).verdict = "revert"
    assert commands.replay_decisions(rolled.database, None) == 1
    assert f"{one}: verdict was 'revert' and is 'hold'." in capsys.readouterr().out


def test_after_full_a_fall_is_found_that_all_the_wins_before_it_hide(rolled: Rolled) -> None:
    """Over the whole way the candidate wins more than it loses; the e-detector begins anew at every picture."""
    rolled.say(rolled.answers(40, "black"), "black")
    with rolled.database.write() as session:
        rollouts.move(session, rolled.id, "promote", Actor("system", "a test"), "full", NOW)
    rolled.say(rolled.answers(20, "black", candidate_answers=True), "black")
    rolled.look()
    assert (rolled.last().stage, rolled.last().verdict) == ("full", "hold")
    rolled.say(rolled.answers(20, "black", candidate_answers=True), "teddy")
    rolled.look()
    last = rolled.last()
    assert last.verdict == "revert"
    assert "after_full" in last.values["act"]["because"]
    assert last.values["harm"] < last.thresholds["logs"]["harm"]
    with rolled.database.read() as session:
        live = rollouts.live(session)
    assert live.incumbent is not None
    assert live.incumbent.version_id == rolled.two.incumbent.id
    assert rolled.differences() == []


def test_after_full_a_late_fall_brings_back_the_one_before(rolled: Rolled) -> None:
    with rolled.database.write() as session:
        rollouts.move(session, rolled.id, "promote", Actor("system", "a test"), "full", NOW)
    rolled.say(rolled.answers(30, "black", candidate_answers=True), "teddy")
    rolled.look()
    last = rolled.last()
    assert (last.stage, last.verdict) == ("full", "revert")
    with rolled.database.read() as session:
        live = rollouts.live(session)
    assert live.incumbent is not None
    assert live.incumbent.version_id == rolled.two.incumbent.id
    assert rolled.differences() == []


def test_without_an_incumbent_it_is_held_and_people_are_told_why(rolled: Rolled) -> None:
    with rolled.database.write() as session:
        first = rolled.two.rollout.previous_id
        assert first is not None
        rollouts.move(session, first, "revert", OPS, "gone", NOW)
    rolled.answers(3)
    for _ in range(3):
        rolled.look(minutes=5)
    (only,) = rolled.decided()
    assert (only.verdict, only.values["act"]["because"]) == ("hold", ["incumbent"])
    assert only.versions["incumbent"] is None
    assert rolled.stage()[0] == "manual"
    assert rolled.differences() == []


def test_a_decision_says_what_it_waits_for(rolled: Rolled) -> None:
    rolled.answers(11)
    rolled.clock.pass_by(hours=1)
    rolled.look()
    waits = rolled.last().values["waits"]
    assert waits["never"] is False
    assert waits["pairs"] > 0
    assert waits["until"] > (NOW + timedelta(hours=1)).isoformat()
