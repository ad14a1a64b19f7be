"""Hard limits: a model that fails, hangs or cannot be asked costs its consumers nothing but time, and answers no more."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from classifier.engine import NetworkError
from service.clock import wall_clock
from service.live import IN_A_ROW
from store import predictions, rollouts
from store.rollouts import Actor
from store.tables import ShadowAnswer
from tests.service.conftest import Start
from tests.service.serving import Serving
from tests.service.threads import none_left
from tests.toy import draw


class Broken:
    """A network that answers what a test wants it to."""

    name, precision = "broken", "none"

    def __init__(self, run: Callable[[], Any]) -> None:
        self._run = run

    def run(self, _: object) -> Any:
        """As the engine does."""
        return self._run()

    def stop(self) -> None:
        """A test ends what it has begun."""


def crash() -> None:
    raise NetworkError("the candidate failed")


def wrong_classes() -> tuple[Any, Any]:
    return np.zeros((1, 9), np.float32), np.zeros((1, 8), np.float32)


def no_numbers() -> None:
    raise NetworkError("logits has values that are not finite")  # as the engine says


def expand(served: Serving, number: int) -> str:
    """Let a version answer everybody as a candidate."""
    rollout, system = served.open(number), Actor("system", "a test")
    with served.database.write() as session:
        rollouts.move(session, rollout, "limit", system, "a test", wall_clock(), scope={})
    served.program.live.refresh()
    return rollout


def predict(client: httpx.Client) -> dict[str, Any]:
    answer = client.post("/v1/predictions", files={"image": ("a.png", draw(0, 1))})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def incumbent_number(served: Serving) -> int | None:
    """Which version answers everything."""
    incumbent = served.program.live.standing.incumbent
    return incumbent.model.number if incumbent else None


def gone(served: Serving) -> None:
    """Wait until this process has no candidate any more."""
    while served.program.live.standing.candidate is not None:
        threading.Event().wait(0.01)


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (crash, "NetworkError: the candidate failed"),
        (wrong_classes, "9 logits for 2 classes"),
        (no_numbers, "not finite"),
    ],
)
def test_a_candidate_that_fails_is_gone_and_the_incumbent_has_answered(
    start: Start, tmp_path: Path, run: Callable[[], Any], why: str
) -> None:
    here, there = start(), start()
    first = here.model(tmp_path / "one")
    rollout = expand(here, here.register(tmp_path / "two", seed=1))
    there.program.live.refresh()
    candidate = here.program.live.standing.candidate
    assert candidate is not None
    candidate.classifier.engine = Broken(run)  # type: ignore[assignment]  # has what is asked of it
    with here.http() as client:
        told = predict(client)
    assert (told["status"], told["model_version"], told["stage"]) == ("answered", first, "full")
    gone(here)
    gone(there)
    with here.database.read() as session:
        shadow: ShadowAnswer = predictions.shadows(session, told["id"])[0]
    assert why in (shadow.error or "")
    here.program.live.refresh()
    with here.database.read() as session:
        (event,) = rollouts.events(session, 1, rollout)
    assert (event.move, event.actor_kind, event.actor) == ("revert", "system", "hard limits")
    assert why in event.reason


def test_a_candidate_that_hangs_costs_its_limit_once(start: Start, tmp_path: Path) -> None:
    served = start(candidate_seconds=0.2)
    first = served.model(tmp_path / "one")
    expand(served, served.register(tmp_path / "two", seed=1))
    candidate = served.program.live.standing.candidate
    assert candidate is not None
    go_on = threading.Event()
    candidate.classifier.engine = Broken(go_on.wait)  # type: ignore[assignment]  # has what is asked of it
    try:
        with served.http() as client:
            assert [predict(client)["model_version"] for _ in range(3)] == [first] * 3
    finally:
        go_on.set()
    gone(served)


def test_a_machine_without_threads_lets_the_incumbent_answer_and_is_no_fault_of_the_candidate(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = start()
    first = served.model(tmp_path / "one")
    second = served.register(tmp_path / "two", seed=1)
    expand(served, second)
    with served.http() as client:
        with none_left(monkeypatch, "candidate"):
            assert [predict(client)["model_version"] for _ in range(3)] == [first] * 3
        assert predict(client)["model_version"] == second
    served.program.live.refresh()
    assert served.program.live.standing.candidate is not None


def test_an_incumbent_that_fails_again_and_again_gives_way_to_the_one_before_it(
    start: Start, tmp_path: Path
) -> None:
    here, there = start(), start()
    first = here.model(tmp_path / "one")
    second = here.model(tmp_path / "two", seed=1)
    there.program.live.refresh()
    incumbent = here.program.live.standing.incumbent
    assert incumbent is not None
    whole = incumbent.classifier.engine
    with here.http() as client:
        for pause in (1, IN_A_ROW - 1):  # with an answer between them these are no row
            incumbent.classifier.engine = Broken(crash)  # type: ignore[assignment]  # has what is asked of it
            told = [predict(client)["model_version"] for _ in range(pause)]
            assert told == [first] * pause
            incumbent.classifier.engine = whole
            assert predict(client)["model_version"] == second
        incumbent.classifier.engine = Broken(crash)  # type: ignore[assignment]  # has what is asked of it
        assert [predict(client)["model_version"] for _ in range(IN_A_ROW)] == [first] * IN_A_ROW
    for served in (here, there):
        while (
            served.program.live.standing.incumbent is incumbent or incumbent_number(served) != first
        ):
            threading.Event().wait(0.01)
    here.program.live.refresh()
    with here.database.read() as session:
        live = rollouts.live(session)
        moves = [(one.move, one.actor) for one in rollouts.events(session, 2)]
    assert live.incumbent is not None
    assert live.incumbent.number == first
    assert ("revert", "hard limits") in moves


def test_without_one_before_it_an_incumbent_that_fails_stays_and_people_answer(
    served: Serving, tmp_path: Path
) -> None:
    only = served.model(tmp_path / "one")
    incumbent = served.program.live.standing.incumbent
    assert incumbent is not None
    incumbent.classifier.engine = Broken(crash)  # type: ignore[assignment]  # has what is asked of it
    with served.http() as client:
        assert {predict(client)["status"] for _ in range(2 * IN_A_ROW)} == {"pending"}
    assert incumbent_number(served) == only
