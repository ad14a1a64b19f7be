"""Candidates as the real program runs them: in a process of their own, whose end is nobody else's."""

import os
import signal
import sys
from pathlib import Path

import pytest

from classifier.engine import Engine
from classifier.engine_process import EngineProcess
from service.clock import wall_clock
from service.settings import Settings
from store import models, predictions, rollouts
from tests.classifier.children import children
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving, serving
from tests.toy import draw


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Where a network runs is the same before both databases."""
    return sqlite_url


@pytest.fixture
def real(start: Start) -> Serving:
    """A service with processes."""
    return start(core_processes=True, cores=1, poll_seconds=3600)


def test_a_candidate_whose_process_is_killed_is_gone_and_the_service_answers(
    real: Serving, tmp_path: Path
) -> None:
    number = real.model(tmp_path / "one")
    rollout = real.open(real.register(tmp_path / "two", seed=1))
    os.kill(engine(real)._child.pid, signal.SIGKILL)
    with real.client() as client:
        answers = [client.predict(draw(0, seed)) for seed in range(2)]
    assert {one.model_version for one in answers} == {number}
    real.program.live.refresh()
    assert real.program.live.standing.candidate is None
    with real.database.read() as session:
        (event,) = rollouts.events(session, 1, rollout)
    assert (event.move, event.actor) == ("revert", "hard limits")
    assert "ended (-9)" in event.reason


def test_one_that_is_put_back_within_one_look_has_a_process_that_is_alive(
    real: Serving, tmp_path: Path
) -> None:
    number = real.register(tmp_path / "one")
    rollout = real.open(number)
    candidate = real.program.live.standing.candidate
    assert candidate is not None
    live, ended = real.program.live, engine(real)
    with live._looking, real.database.write() as session:
        live.fail(candidate, "a test")
        # another process has written it down and somebody has put it back before this one looks again
        rollouts.move(session, rollout, "withdraw", TESTER, "a test", wall_clock())
        version = models.by_number(session, number)
        rollouts.open_rollout(session, version.id, TESTER, "again", wall_clock())
    live.refresh()
    assert engine(real) is not ended
    with real.client() as client:
        answer = client.predict(draw(0, 1))
    with real.database.read() as session:
        (shadow,) = predictions.shadows(session, answer.id)
    assert (shadow.label, shadow.error) == ("bear", None)


def test_a_machine_without_room_for_a_process_is_no_fault_of_the_candidate(
    real: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = real.register(tmp_path / "one")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/nowhere")
        real.open(number)
    standing = real.program.live.standing
    assert (standing.candidate, list(standing.broken)) == (None, [number])
    with real.database.read() as session:
        candidate = rollouts.live(session).candidate
    assert candidate is not None
    assert candidate.number == number


def test_a_process_ends_when_its_candidate_takes_over_or_is_withdrawn(
    real: Serving, tmp_path: Path
) -> None:
    with children() as left:
        rollout = real.open(real.register(tmp_path / "one"))
        with real.client() as client:
            client.predict(draw(0, 1))
        assert engine(real)._child.poll() is None
        real.move(rollout, "promote")
        rollout = real.open(real.register(tmp_path / "two", seed=1))
        assert engine(real)._child.poll() is None
        real.move(rollout, "withdraw")
    assert left == []
    incumbent = real.program.live.standing.incumbent
    assert incumbent is not None
    assert isinstance(incumbent.classifier.engine, Engine)


def test_no_process_is_left_when_the_service_has_ended(settings: Settings, tmp_path: Path) -> None:
    with children() as left, serving(settings, core_processes=True, cores=1) as served:
        served.open(served.register(tmp_path / "one"))
        # also where somebody still holds it
        held = engine(served)
        assert held._child.poll() is None
    assert left == []


def test_a_candidate_knows_no_secret(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URSA_SECRET_KEY", "nobody must know this")
    real = start(core_processes=True, cores=1)
    real.open(real.register(tmp_path / "one"))
    environ = Path(f"/proc/{engine(real)._child.pid}/environ").read_bytes()
    assert b"PYTHONPATH=" in environ
    assert b"URSA_" not in environ


def engine(served: Serving) -> EngineProcess:
    """The candidate's."""
    candidate = served.program.live.standing.candidate
    assert candidate is not None
    assert isinstance(candidate.classifier.engine, EngineProcess)
    return candidate.classifier.engine
