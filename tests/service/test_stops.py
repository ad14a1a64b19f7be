"""What stops a model at once: hard limits and marks in the storage, followed by processes that share no more than it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import numpy as np
import pytest

from classifier.engine import NetworkError
from service import stopping
from service.clock import wall_clock
from service.live import IN_A_ROW
from store import predictions, rollouts, stops, switches
from store.objects import Objects
from store.rollouts import Actor
from store.stops import KILLED, Stop
from store.tables import ShadowAnswer
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving
from tests.toy import draw

OLGA = Actor("person", "olga")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def test_a_stop_is_followed_while_the_database_takes_no_writes(
    start: Start, tmp_path: Path
) -> None:
    here, there = start(), start()
    here.model(tmp_path / "one")
    there.program.live.refresh()
    with here.database.write() as session:  # holds the write lock until the end of the block
        switches.throw(session, "frozen", True, "person", "olga", "a long write", EPOCH)
        here.program.live.halt(Stop(KILLED, OLGA, "smoke", wall_clock()))
        assert here.program.live.standing.killed
        deadline = monotonic() + 30
        while not there.program.live.standing.killed:
            assert monotonic() < deadline, "the other did not follow"
            threading.Event().wait(0.01)
    here.program.live.refresh()
    with here.database.read() as session:
        said = switches.get(session, KILLED)
        assert said is not None
        assert (said.thrown, said.actor, said.reason) == (True, "olga", "smoke")


def test_a_release_is_not_undone_by_a_process_that_looked_late(served: Serving) -> None:
    late = Stop(KILLED, OLGA, "smoke", wall_clock())
    with served.database.write() as session:
        switches.throw(session, KILLED, False, "person", "olga", "it was steam", wall_clock())
    stops.record(served.database, late, wall_clock())
    with served.database.read() as session:
        assert not switches.thrown(session, KILLED)


def test_a_stop_that_waited_behind_a_release_is_written_down(served: Serving) -> None:
    objects = served.program.objects
    asked = Stop(KILLED, OLGA, "smoke", wall_clock())
    with served.database.write() as session:
        switches.throw(session, KILLED, False, "person", "olga", "it was steam", wall_clock())
    # its mark could only be put when the one before it had been taken away
    stops.put(objects, asked, wall_clock())
    found = stops.find(objects, KILLED)
    assert found is not None
    assert found == asked
    stops.record(served.database, found, wall_clock())
    with served.database.read() as session:
        assert switches.thrown(session, KILLED)


def test_a_lifted_mark_lets_models_answer_again(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    live = served.program.live
    live.halt(Stop(KILLED, TESTER, "smoke", wall_clock()))
    live.look_for_stops()
    live.refresh()
    with served.http() as client:
        assert predict(client)["status"] == "pending"
        stops.lift(served.program.objects)
        with served.database.write() as session:
            switches.throw(session, KILLED, False, "person", "olga", "it was steam", wall_clock())
        live.look_for_stops()
        live.refresh()
        assert predict(client)["status"] == "answered"


def test_a_kill_right_after_a_release_that_nobody_has_heard_of_yet_is_a_kill(
    start: Start, tmp_path: Path
) -> None:
    served = start(poll_seconds=3600)
    served.model(tmp_path / "one")
    live, objects = served.program.live, served.program.objects
    stopping.kill(served.program, "manual", OLGA, "smoke", wall_clock())
    live.refresh()
    stopping.release(served.database, objects, OLGA, "it was steam", wall_clock())
    stopping.kill(served.program, "manual", OLGA, "it was smoke after all", wall_clock())
    live.look_for_stops()
    live.refresh()
    assert live.standing.killed
    found = stops.find(objects, KILLED)
    assert found is not None
    assert found.reason == "it was smoke after all"
    with served.database.read() as session:
        assert switches.thrown(session, KILLED)


def test_an_incumbent_that_is_stopped_gives_way_to_the_one_before(
    served: Serving, tmp_path: Path
) -> None:
    first = served.model(tmp_path / "one")
    served.model(tmp_path / "two", seed=1)
    incumbent = served.program.live.standing.incumbent
    assert incumbent is not None
    served.program.live.halt(Stop(incumbent.model.rollout_id, OLGA, "wrong", wall_clock()))
    with served.http() as client:
        assert predict(client)["model_version"] == first
    served.program.live.refresh()
    with served.database.read() as session:
        live = rollouts.live(session)
    assert live.incumbent is not None
    assert live.incumbent.number == first


def test_also_the_one_before_is_stopped_while_the_database_takes_no_writes(
    start: Start, tmp_path: Path
) -> None:
    here, there = start(), start()
    here.model(tmp_path / "one")
    here.model(tmp_path / "two", seed=1)
    there.program.live.refresh()
    with here.database.write() as session:  # holds the write lock until the end of the block
        switches.throw(session, "frozen", True, "person", "olga", "a long write", EPOCH)
        for left in (1, None):
            stopping.kill(here.program, "last_good", OLGA, "wrong", wall_clock())
            assert _number(here) == left
            while _number(there) != left:
                threading.Event().wait(0.01)
    here.program.live.refresh()
    here.program.live.refresh()
    with here.database.read() as session:
        assert rollouts.live(session).incumbent is None


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
        while served.program.live.standing.incumbent is incumbent or _number(served) != first:
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
    assert _number(served) == only


def _number(served: Serving) -> int | None:
    incumbent = served.program.live.standing.incumbent
    return incumbent.model.number if incumbent else None


def test_a_mark_stays_as_it_was_left_also_where_storage_writes_over(tmp_path: Path) -> None:
    for objects in (Objects(str(tmp_path)), Objects("memory:///")):
        first = Stop(KILLED, OLGA, "smoke", wall_clock())
        stops.put(objects, first, wall_clock())
        stops.put(objects, Stop(KILLED, TESTER, "fire", wall_clock()), wall_clock())
        assert stops.find(objects, KILLED) == first
