"""Bundles that hang, crash or eat memory while they are loaded: nobody waits for them, and none of them ever answers."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from classifier import classifier
from classifier.engine_process import EngineProcesses
from service.clock import wall_clock
from service.core_processes import CoreProcesses
from service.settings import Settings
from store import models, rollouts
from store.errors import Unavailable
from tests.benchmarks.networks import Misbehaviour, misbehaving_network
from tests.classifier.children import children
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving, serving
from tests.service.test_live import damage, predict
from tests.toy import toy_bundle

REAL: dict[str, Any] = {"core_processes": True, "cores": 1, "poll_seconds": 0.02}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Where a network runs is the same before both databases."""
    return sqlite_url


@pytest.fixture
def real(start: Start) -> Serving:
    """A service with processes."""
    return start(**REAL)


def test_a_revert_is_followed_while_a_candidate_hangs_over_its_samples(
    real: Serving, tmp_path: Path
) -> None:
    first = real.model(tmp_path / "one")
    real.model(tmp_path / "two", seed=1)
    hanging_candidate(real, tmp_path)
    with real.http(role="operator") as client:
        reverted = client.post("/v1/revert", json={"reason": "it is wrong"})
        assert reverted.status_code == 200, reverted.text
        while answering(real) != first:
            pause()
    assert is_on_its_way(real)


def test_a_promotion_is_followed_while_the_one_before_it_hangs_at_full(
    real: Serving, tmp_path: Path
) -> None:
    first = real.model(tmp_path / "one")
    bad = real.register(tmp_path / "bad", network=always("hangs"))
    promote(real, bad)
    wait_for_its_process(real)
    assert answering(real) == first
    good = real.register(tmp_path / "two", seed=1)
    promote(real, good)
    while answering(real) != good:
        pause()
    # it is the one before now, and is proved for that
    assert is_on_its_way(real)


def test_a_service_that_is_started_waits_for_no_candidate(
    real: Serving, start: Start, tmp_path: Path
) -> None:
    number = real.model(tmp_path / "one")
    hanging_candidate(real, tmp_path)
    there = start(**REAL)
    with there.http() as client:
        assert predict(client)["model_version"] == number
    assert is_on_its_way(there)


def test_a_service_that_is_stopped_waits_for_no_candidate_and_blames_none(
    settings: Settings, tmp_path: Path
) -> None:
    with children() as left, serving(settings, **REAL) as served:
        rollout = hanging_candidate(served, tmp_path)
    assert left == []
    with served.database.read() as session:
        candidate = rollouts.live(session).candidate
    served.database.dispose()
    assert candidate is not None
    assert candidate.rollout_id == rollout


def test_a_candidate_whose_rollout_was_closed_meanwhile_is_dropped(
    real: Serving, tmp_path: Path
) -> None:
    with children() as left:
        rollout = hanging_candidate(real, tmp_path)
        with real.database.write() as session:
            rollouts.move(session, rollout, "withdraw", TESTER, "a test", wall_clock())
        real.program.live.refresh()
    assert left == []
    assert real.program.live.standing.candidate is None


def test_a_candidate_that_hangs_over_its_samples_is_taken_back(
    real: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "PROOF_SECONDS", 1.0)
    with children() as left:
        rollout = real.open(real.register(tmp_path / "bad", network=always("hangs")))
    assert left == []
    real.program.live.refresh()
    with real.database.read() as session:
        (event,) = rollouts.events(session, 1, rollout)
    assert (event.move, event.actor) == ("revert", "hard limits")
    assert event.reason.startswith("A hard limit: cannot be loaded: ")


def test_each_is_proved_once_however_often_the_rows_are_looked_at(
    real: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, start = list[int](), EngineProcesses.start

    def count(*arguments: object, **options: object) -> object:
        started.append(1)
        return start(*arguments, **options)  # type: ignore[arg-type]  # whatever it was given

    monkeypatch.setattr(EngineProcesses, "start", count)
    number = real.register(tmp_path / "one")
    rollout = opened(real, number)
    while real.program.live.standing.candidate is None:
        real.program.live._look()
    with real.database.write() as session:
        rollouts.move(session, rollout, "promote", TESTER, "a test", wall_clock())
    real.program.live.refresh()
    assert answering(real) == number
    assert len(started) == 1


@pytest.mark.parametrize("how", ["crashes", "hangs", "eats memory"])
def test_what_cannot_prove_itself_never_answers_and_ends_no_service(
    real: Serving,
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: Misbehaviour,
) -> None:
    first = real.model(tmp_path / "one")
    bad = real.register(tmp_path / "bad", network=always(how))
    monkeypatch.setattr(classifier, "PROOF_SECONDS", 3.0)
    real.promote(bad)
    with real.http() as client:
        told = predict(client)
    assert (told["status"], told["model_version"]) == ("answered", first)
    assert list(real.program.live.standing.broken) == [bad]
    # one that is started now has no model that went on: the one before stands in
    there = start(**REAL)
    with there.http() as client:
        assert predict(client)["model_version"] == first
    assert list(there.program.live.standing.broken) == [bad]
    assert answering(there) is None


def test_one_that_is_broken_is_so_until_it_is_there(real: Serving, tmp_path: Path) -> None:
    first = real.model(tmp_path / "one")
    bad = real.register(tmp_path / "two", seed=1)
    damage(real, bad)
    real.promote(bad)
    assert list(real.program.live.standing.broken) == [bad]
    opened(real, real.register(tmp_path / "three", seed=2))
    # the rows have changed: it is tried again, and this look does not wait for it
    real.program.live._look()
    assert list(real.program.live.standing.broken) == [bad]
    assert answering(real) == first


def test_cores_that_cannot_load_a_bundle_say_so(tmp_path: Path) -> None:
    made = CoreProcesses(1)
    made.start()
    try:
        with pytest.raises(Unavailable, match="another bundle"):
            made.load(toy_bundle(tmp_path / ("0" * 64)))
    finally:
        made.stop()


def always(how: Misbehaviour) -> bytes:
    """A network that does this with every picture, its own samples too."""
    model = onnx.load_from_string(misbehaving_network(how))
    (how_red_or_blue,) = (
        one
        for one in model.graph.initializer
        if not one.dims and numpy_helper.to_array(one) == np.float32(0.5)
    )
    more = numpy_helper.from_array(np.array(1e9, np.float32), how_red_or_blue.name)
    how_red_or_blue.CopyFrom(more)
    content: bytes = model.SerializeToString()
    return content


def hanging_candidate(served: Serving, folder: Path) -> str:
    """A candidate that hangs over its samples, and is being proved; the rollout's id."""
    rollout = opened(served, served.register(folder / "bad", network=always("hangs")))
    wait_for_its_process(served)
    return rollout


def opened(served: Serving, number: int) -> str:
    """Put a version on its way and wait for nothing; the rollout's id."""
    with served.database.write() as session:
        version = models.by_number(session, number)
        return rollouts.open_rollout(session, version.id, TESTER, "a test", wall_clock()).id


def promote(served: Serving, number: int) -> None:
    """Let a version answer and wait for nothing."""
    rollout = opened(served, number)
    with served.database.write() as session:
        rollouts.move(session, rollout, "promote", TESTER, "a test", wall_clock())


def wait_for_its_process(served: Serving) -> None:
    loads = served.program.live._loader._loads
    while not any(one._process for one in list(loads.values())):
        pause()


def is_on_its_way(served: Serving) -> bool:
    return bool(served.program.live._loader.coming(candidates=True))


def answering(served: Serving) -> int | None:
    incumbent = served.program.live.standing.incumbent
    return incumbent.model.number if incumbent else None


def pause() -> None:
    threading.Event().wait(0.01)
