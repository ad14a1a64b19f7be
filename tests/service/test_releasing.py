"""Taking over and back: on evidence, with a reason, written down, the same by API, page and command."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service import releasing, stepping, stopping, trail
from service.client import Refused
from service.clock import wall_clock
from service.releasing import Released
from store import privileged_acts, rollout_events, rollouts
from store.database import Database
from store.errors import Conflict, Invalid, NotFound
from store.rollouts import Actor
from tests.service import rows
from tests.service.released import ANNA, NOON, backtest, promote, revert, versions
from tests.service.serving import Serving
from tests.store.rolling import PLAN, prepare
from tests.toy import draw


def test_the_first_model_takes_over_from_people_without_a_backtest(database: Database) -> None:
    versions(database, 1)
    released = promote(database, 1)
    assert (released.moved, released.answering) == (1, 1)
    with database.read() as session:
        moves = [one.move for one in rollouts.events(session)]
        act = privileged_acts.newest(session, 10)[0]
    assert moves == ["promote", "confirm", "confirm", "open"]
    assert (act.actor, act.act, act.subject) == ("anna", "promote", "version 1")
    assert act.detail["reason"] == "it is better"
    assert act.detail["event"] == released.event_id


def test_a_later_model_needs_a_backtest_against_the_one_that_answers(database: Database) -> None:
    first, second, third = versions(database, 3)
    promote(database, 1)
    with pytest.raises(Conflict) as none:
        promote(database, 2)
    backtest(database, second, None)
    with pytest.raises(Conflict) as alone:
        promote(database, 2)
    backtest(database, second, third)
    with pytest.raises(Conflict) as other:
        promote(database, 2)
    backtest(database, second, first)
    assert promote(database, 2).answering == 2
    assert [one.value.code for one in (none, alone, other)] == ["no_backtest"] * 3
    with database.read() as session:
        event = rollouts.events(session, 1)[0]
    assert event.evidence["verdict"] == "better"
    assert event.evidence["low"] == 0.02


def test_worse_evidence_lets_nothing_take_over(database: Database) -> None:
    first, second = versions(database, 2)
    backtest(database, second, None, "worse")
    with pytest.raises(Conflict) as alone:
        promote(database, 2)
    promote(database, 1)
    backtest(database, second, first, "worse")
    with pytest.raises(Conflict) as against:
        promote(database, 2)
    assert alone.value.code == against.value.code == "backtest_worse"


def test_one_person_alone_lets_nothing_answer_everything(database: Database) -> None:
    versions(database, 1)
    with database.write() as session:
        rows.heard(session, NOON)
        stepping.prepare(session, 1, PLAN, ANNA, NOON)
        first = releasing.promote(session, 1, ANNA, "it is good", NOON)
        again = releasing.promote(session, 1, ANNA, "it really is", NOON)
    assert (first.answering, first.confirmed) == (None, ("anna",))
    assert (again.answering, again.confirmed) == (None, ("anna",))
    with database.write() as session:
        keys = [Actor("key", f"ops (ursa_{one})") for one in ("abc", "xyz")]
        rollout = stepping.on_its_way(session, 1).id
        one_hand = [rollout_events.confirm(session, rollout, key, "I agree", NOON) for key in keys]
    assert one_hand == [["anna", "ops"], ["anna", "ops"]]


def test_what_was_confirmed_before_a_step_does_not_count_after_it(database: Database) -> None:
    versions(database, 1)
    with database.write() as session:
        rows.ready(session, 1, NOON)
        stepping.limit(session, 1, None, ANNA, "try it", NOON)
        told = releasing.promote(session, 1, ANNA, "it is good", NOON)
    assert (told.answering, told.confirmed) == (None, ("anna",))


def test_what_was_answered_before_stays_in_the_trail_when_it_is_written_over(
    database: Database,
) -> None:
    versions(database, 1)
    with database.write() as session:
        for harm in ("hikers", "nobody"):
            given = {**PLAN, "answers": {**PLAN["answers"], "harm": harm}}
            stepping.prepare(session, 1, given, ANNA, NOON)
    with database.read() as session:
        rollout = rollouts.newest(session)
        assert rollout is not None
        assert (rollout.preflight or {})["answers"]["harm"] == "nobody"
        exported = json.loads(trail.export(session, "json"))
    said = [one["detail"]["said"] for one in exported if one["act"] == "preflight"]
    assert [one["answers"]["harm"] for one in said] == ["hikers", "nobody"]
    assert said[0]["risks"] == PLAN["risks"]


@pytest.mark.parametrize(
    ("code", "lacking"),
    [("preflight", {"risks": []}), ("preflight", {"answers": {}}), ("monitoring_silent", {})],
)
def test_without_answers_or_a_heartbeat_nothing_grows(
    database: Database, code: str, lacking: dict[str, Any]
) -> None:
    versions(database, 1)
    late = NOON + timedelta(minutes=2) if code == "monitoring_silent" else NOON
    with database.write() as session:
        rows.ready(session, 1, NOON, **lacking)
        for act in (
            lambda: releasing.promote(session, 1, ANNA, "it is good", late),
            lambda: stepping.limit(session, 1, None, ANNA, "try it", late),
        ):
            with pytest.raises(Conflict) as refused:
                act()
            assert refused.value.code == code


def test_while_frozen_nothing_grows_and_everything_can_be_taken_back(database: Database) -> None:
    versions(database, 1)
    with database.write() as session:
        rows.ready(session, 1, NOON)
        stepping.limit(session, 1, None, ANNA, "try it", NOON)
        stopping.freeze(session, True, ANNA, "wait", NOON)
        for act in (
            lambda: releasing.promote(session, 1, ANNA, "it is good", NOON),
            lambda: stepping.expand(session, 1, None, ANNA, "more", NOON),
        ):
            with pytest.raises(Conflict) as refused:
                act()
            assert refused.value.code == "frozen"
        assert stepping.fall_back(session, 1, ANNA, "back", NOON).to_stage == "manual"
        stopping.freeze(session, False, ANNA, "go on", NOON)
        assert stepping.limit(session, 1, None, ANNA, "again", NOON).to_stage == "limited"
        assert [stepping.expand(session, 1, None, ANNA, "more", NOON).share for _ in range(3)] == [
            0.05, 0.25, 0.5,
        ]  # fmt: skip
        with pytest.raises(Conflict) as over:
            stepping.expand(session, 1, None, ANNA, "more", NOON)
        with pytest.raises(Conflict) as less:
            stepping.expand(session, 1, 0.1, ANNA, "less", NOON)
    assert over.value.code == less.value.code == "not_more"


def test_who_cannot_tell_may_decide(database: Database) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    backtest(database, second, first, "cannot_tell")
    assert promote(database, 2).answering == 2


def test_a_withdrawn_candidate_makes_room_and_who_answered_goes_on(database: Database) -> None:
    _, second, third = versions(database, 3)
    promote(database, 1)
    with database.write() as session:
        rollouts.open_rollout(session, second.id, ANNA, "a candidate", NOON)
    with database.write() as session:
        released = releasing.withdraw(session, 2, ANNA, "a newer one is there", NOON)
        rollouts.open_rollout(session, third.id, ANNA, "the newer one", NOON)
    assert (released.moved, released.answering) == (2, 1)
    with database.read() as session:
        gone = rollouts.of_version(session, second.id)
        act = privileged_acts.newest(session, 1)[0]
    assert gone is not None
    assert gone.outcome == "withdrawn"
    assert (act.act, act.subject) == ("withdraw", "version 2")


def test_only_a_candidate_can_be_withdrawn(database: Database) -> None:
    versions(database, 2)
    promote(database, 1)
    for number in (1, 2):
        with database.write() as session, pytest.raises(Conflict) as refused:
            releasing.withdraw(session, number, ANNA, "away", NOON)
        assert refused.value.code == "not_on_its_way"


def test_what_answers_cannot_take_over_again(database: Database) -> None:
    versions(database, 1)
    promote(database, 1)
    with pytest.raises(Conflict) as refused:
        promote(database, 1)
    assert refused.value.code == "answers_already"


def test_another_candidate_on_its_way_is_not_passed_over(database: Database) -> None:
    first, second = versions(database, 2)
    with database.write() as session:
        rollouts.open_rollout(session, first.id, ANNA, "a candidate", NOON)
    with pytest.raises(Conflict) as refused:
        promote(database, second.number)
    assert refused.value.code == "candidate_on_its_way"


def test_a_reason_is_needed_and_nothing_is_left_without(database: Database) -> None:
    versions(database, 1)
    with pytest.raises(Invalid) as refused:
        promote(database, 1, "  ")
    assert refused.value.code == "no_reason"
    with database.read() as session:
        assert rollouts.events(session) == []
        assert privileged_acts.newest(session, 10) == []


def test_a_version_that_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        promote(database, 7)


def test_reverting_goes_back_one_by_one_to_people(database: Database) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    backtest(database, second, first)
    promote(database, 2)
    assert revert(database) == Released(event_id=9, moved=2, answering=1)
    assert revert(database).answering is None
    with pytest.raises(Conflict) as refused:
        revert(database)
    assert refused.value.code == "nothing_to_revert"


def test_a_candidate_that_answers_nobody_is_not_what_is_reverted(database: Database) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    with database.write() as session:
        rollouts.open_rollout(session, second.id, ANNA, "a candidate", NOON)
    assert revert(database).moved == first.number


def test_a_candidate_that_answers_a_part_is_what_is_reverted(database: Database) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    with database.write() as session:
        rollout = rollouts.open_rollout(session, second.id, ANNA, "a candidate", NOON)
        prepare(rollout)
        session.flush()
        rollouts.move(session, rollout.id, "limit", ANNA, "try it", NOON, share=0.1)
    assert revert(database) == Released(event_id=7, moved=second.number, answering=first.number)


def test_an_operator_releases_over_the_api(served: Serving, tmp_path: Path) -> None:
    number = served.register(tmp_path / "one")
    with served.client("ops", "operator") as operator, served.client() as shop:
        assert operator.models()[0]["role"] is None
        with served.database.write() as session:
            rows.ready(session, number, wall_clock())
        assert operator.promote(number, "the first").answering == number
        assert operator.models()[0]["role"] == "incumbent"
        served.program.live.refresh()
        assert shop.predict(draw(0, 1)).label == "bear"
        assert operator.revert("try people again").answering is None
        served.program.live.refresh()
        assert shop.predict(draw(0, 1)).status == "pending"
        assert operator.retrain()
        with pytest.raises(Refused) as refused:
            operator.promote(99, "nothing")
    assert (refused.value.status, refused.value.code) == (404, "not_found")
    with served.database.read() as session:
        acts = privileged_acts.newest(session, 10)
        event = rollouts.events(session, 1)[0]
    assert [one.act for one in acts] == ["retrain", "revert", "promote", "preflight"]
    assert acts[0].actor.startswith("ops (ursa_")
    assert (event.actor_kind, event.reason) == ("key", "try people again")


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001, None])
def test_the_api_demands_a_reason_in_words(served: Serving, reason: str | None) -> None:
    with served.http("ops", "operator") as client:
        answer = client.post("/v1/models/1/promote", json={"reason": reason})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_all_that_is_typed_at_the_machine_is_one_hand(database: Database) -> None:
    versions(database, 1)

    def confirm(kind: str, name: str) -> list[str]:
        with database.write() as session:
            rollout = stepping.on_its_way(session, 1).id
            return rollout_events.confirm(session, rollout, Actor(kind, name), "yes", NOON)

    with database.write() as session:
        stepping.prepare(session, 1, PLAN, ANNA, NOON)
    assert confirm("command", "anna") == ["anna"]
    # who is root is also whom root becomes, and who types as anna may sign in as anna
    assert confirm("command", "root") == ["anna"]
    assert confirm("person", "anna") == ["anna"]
    assert confirm("person", "bo") == ["anna", "bo"]
    with database.read() as session:
        kinds = [one.actor_kind for one in rollouts.events(session) if one.move == "confirm"]
    assert kinds == ["person", "command"]
