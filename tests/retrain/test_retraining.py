from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from retrain import retraining
from retrain.program import Program
from retrain.progress import nobody
from store import jobs, models, rollouts, training_sets
from store.errors import Invalid, NotFound
from store.jobs import Claimed, Lost
from store.tables import Job, ModelVersion
from tests.retrain.conftest import label_some
from tests.retrain.given import ME, World
from tests.store.rolling import prepare

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore")]


def claimed(program: Program, kind: str = "train", **payload: Any) -> Claimed:
    """A job in this test's hands."""
    with program.database.write() as session:
        jobs.add(session, kind, payload, program.clock(), asked_by="a test")
    job = jobs.claim(program.database, [kind], "a test", program.clock())
    assert job is not None
    return job


def row(program: Program, job: Claimed) -> Job:
    with program.database.read() as session:
        return jobs.get(session, job.id)


def versions(program: Program) -> list[ModelVersion]:
    with program.database.read() as session:
        return list(models.newest_first(session))


def promote_first(program: Program) -> None:
    with program.database.write() as session:
        live = rollouts.live(session)
        assert live.candidate is not None
        rollouts.move(session, live.candidate.rollout_id, "promote", ME, "a test", program.clock())


def test_labels_become_a_candidate_that_was_compared_with_the_incumbent(world: World) -> None:
    program = world.program
    promote_first(program)
    label_some(world)
    job = claimed(program)
    assert retraining.train(program, job, nobody) == "done"
    second, first = versions(program)
    with program.database.read() as session:
        backtest = models.newest_backtest(session, second.id)
        live = rollouts.live(session)
        kept = training_sets.get(session, second.training_set_id or "")
        sources = {one.source for one in training_sets.rows(session, kept.id)}
    assert (second.number, second.parent_id, second.job_id) == (2, first.id, job.id)
    assert kept.parent_id == first.training_set_id
    assert sources == {"folder", "human_blind"}
    assert second.card["began_from"] == "incumbent"
    assert second.card["new_labels"] == second.card["learned"]["new"] > 0
    assert backtest is not None
    assert (backtest.against_id, backtest.pictures > 0) == (first.id, True)
    assert live.incumbent is not None
    assert live.candidate is not None
    assert (live.incumbent.version_id, live.candidate.version_id) == (first.id, second.id)
    assert live.candidate.stage == "manual"
    result = row(program, job).result
    assert result is not None
    assert (result["outcome"], result["version"], result["verdict"]) == (
        "done",
        2,
        backtest.verdict,
    )
    # the same labels again teach nothing
    again = claimed(program)
    assert retraining.train(program, again, nobody) == "nothing_new"
    said = row(program, again)
    assert said.result is not None
    assert said.status == "done"
    assert "Version 2 has learned all of it" in said.result["note"]


def test_a_run_without_new_labels_says_so_and_trains_nothing(world: World) -> None:
    phases: list[str] = []
    job = claimed(world.program)
    outcome = retraining.train(
        world.program, job, lambda phase, _share, _note: phases.append(phase)
    )
    assert outcome == "nothing_new"
    assert "train" not in phases
    assert [one.number for one in versions(world.program)] == [1]
    result = row(world.program, job).result
    assert result is not None
    assert result["note"] == "People have said nothing new since."


class Dies(Exception):
    """The worker's end, at a place of the test's choice."""


def dying_in(phase: str) -> Callable[[str, float, str], None]:
    def watch(now_in: str, _share: float, _note: str) -> None:
        if now_in == phase:
            raise Dies

    return watch


def test_a_second_try_finds_what_the_first_has_registered(world: World) -> None:
    program = world.program
    label_some(world)
    job = claimed(program)
    with pytest.raises(Dies):
        retraining.train(program, job, dying_in("backtest"))
    assert [one.number for one in versions(program)] == [2, 1]
    phases: list[str] = []
    retraining.train(program, job, lambda phase, _share, _note: phases.append(phase))
    assert set(phases) == {"backtest"}
    assert [one.number for one in versions(program)] == [2, 1]
    with program.database.read() as session:
        live = rollouts.live(session)
        [newest, moved, _] = rollouts.events(session)
    # the version before was still waiting in manual, and made way
    assert live.candidate is not None
    assert live.candidate.number == 2
    assert (newest.move, moved.move, moved.actor_kind) == ("open", "withdraw", "system")


@pytest.mark.parametrize("phase", ["gather", "train", "export"])
def test_a_try_that_dies_before_registering_leaves_no_version(world: World, phase: str) -> None:
    label_some(world)
    job = claimed(world.program)
    with pytest.raises(Dies):
        retraining.train(world.program, job, dying_in(phase))
    assert [one.number for one in versions(world.program)] == [1]
    assert row(world.program, job).status == "doing"


def test_whoever_lost_the_lock_keeps_no_backtest_and_opens_nothing(world: World) -> None:
    program = world.program
    label_some(world)
    job = claimed(program)
    with program.database.write() as session:
        session.execute(update(Job).values(lock_token="somebody else's"))
    with pytest.raises(Lost):
        retraining.train(program, job, nobody)
    with program.database.read() as session:
        candidate = rollouts.live(session).candidate
        newest = models.newest_first(session)[0]
        assert models.newest_backtest(session, newest.id) is None
    assert candidate is not None
    assert candidate.number == 1


def test_a_version_is_compared_again_with_who_answers_now(world: World) -> None:
    program = world.program
    with program.database.read() as session:
        first = rollouts.live(session).candidate
    assert first is not None
    promote_first(program)
    wrong = world.version(stage="manual", order=(0, 1))
    job = claimed(program, "backtest", model_version_id=wrong.id)
    assert retraining.compare_again(program, job, nobody) == "done"
    with program.database.read() as session:
        backtest = models.newest_backtest(session, wrong.id)
    assert backtest is not None
    assert (backtest.verdict, backtest.against_id) == ("worse", first.version_id)
    lost = claimed(program, "backtest", model_version_id="nobody")
    with pytest.raises(NotFound):
        retraining.compare_again(program, lost, nobody)


@pytest.mark.parametrize(
    ("stage", "verdict", "goes"),
    [
        ("manual", "better", 2),
        ("manual", "cannot_tell", 2),
        ("manual", "worse", 1),
        ("limited", "better", 1),
    ],
)
def test_a_waiting_candidate_makes_way_for_a_newer_one_that_is_not_worse(
    world: World, stage: str, verdict: str, goes: int
) -> None:
    program = world.program
    newer = world.version(stage=None)
    with program.database.write() as session:
        before = rollouts.live(session).candidate
        assert before is not None
        if stage == "limited":
            prepare(rollouts.get(session, before.rollout_id))
            session.flush()
            rollouts.move(session, before.rollout_id, "limit", ME, "a test", program.clock())
        note = retraining.send_on_its_way(session, newer, verdict, program.clock())
        after = rollouts.live(session).candidate
    assert after is not None
    assert after.number == goes
    assert ("waits" in note) == (goes == 1)


def test_a_parent_that_cannot_be_trained_further_fails_with_a_sentence(world: World) -> None:
    promote_first(world.program)
    toy = world.version(stage=None)
    with world.program.database.write() as session:
        live = rollouts.live(session)
        assert live.incumbent is not None
        rollouts.move(session, live.incumbent.rollout_id, "revert", ME, "a test", toy.created_at)
    label_some(world)
    with pytest.raises(Invalid, match="too few pictures to calibrate on"):
        retraining.train(world.program, claimed(world.program), nobody)
