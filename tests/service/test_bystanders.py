"""A candidate that thinks for strangely long stands still while consumers have cores, which is no time that it took."""

import threading
from pathlib import Path

import pytest

from classifier.engine_process import EngineProcess
from service import standing
from service.clock import wall_clock
from service.cores import LEND_SECONDS, Cores
from store import predictions, rollouts
from store.rollouts import Actor
from tests.benchmarks.networks import misbehaving_network
from tests.classifier.files import blocks, encode
from tests.service.conftest import Start
from tests.service.deliverer import wait_for
from tests.service.serving import Serving

# of colours that the hanging network hangs at
STRANGE = encode(blocks(), "png")
SECONDS = 1.0


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Who computes when is the same before both databases."""
    return sqlite_url


class Standing:
    """What was told to a bystander."""

    def __init__(self) -> None:
        self.told = list[str]()

    def hold(self) -> None:
        """Stand still."""
        self.told.append("hold")

    def go_on(self) -> None:
        """Compute again."""
        self.told.append("go on")


def test_a_bystander_is_held_from_the_first_consumer_to_the_last() -> None:
    cores, one = Cores(2), Standing()
    cores.stand_by(one)
    with cores.work():
        with cores.work():
            assert one.told == ["hold"]
        # it asks again to stand by, and is told nothing twice
        cores.stand_by(one)
        assert one.told == ["hold"]
    assert one.told == ["hold", "go on"]
    with cores.show():
        assert len(one.told) == 2
    cores.leave(one)
    with cores.work():
        assert one.told == ["hold", "go on", "go on"]
        cores.stand_by(one)
        assert one.told[3:] == ["hold"]


@pytest.fixture
def hanging(start: Start, tmp_path: Path) -> Serving:
    """A service whose candidate hangs, which was noticed."""
    served = start(core_processes=True, cores=1, shadow_seconds=0, candidate_seconds=SECONDS)
    served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", network=misbehaving_network("hangs")))
    with served.client() as client:
        client.predict(STRANGE)
        wait_for(lambda: any(one > LEND_SECONDS for one in thought(served)))
        client.predict(STRANGE)
    return served


def test_one_that_hangs_stands_still_while_a_consumer_has_a_core_and_that_is_not_counted(
    hanging: Serving,
) -> None:
    child = engine(hanging)._child.pid
    with hanging.program.cores.work():
        wait_for(lambda: state(child) == "T")
        (before,) = thought(hanging)
        threading.Event().wait(0.2)
        (after,) = thought(hanging)
        assert after - before < 0.1
    wait_for(lambda: state(child) != "T")


def test_one_that_hangs_is_taken_off_when_it_has_thought_for_too_long(hanging: Serving) -> None:
    live = hanging.program.live
    with hanging.client("another") as client:
        wait_for(lambda: bool(client.predict(STRANGE).id) and live.standing.candidate is None)
    live.refresh()
    with hanging.database.read() as session:
        newest = rollouts.events(session, 1)[0]
    assert (newest.move, newest.actor) == ("revert", "hard limits")
    assert f"it took more than {SECONDS:g} s" in newest.reason


def test_one_whose_answers_somebody_may_wait_for_is_not_held(hanging: Serving) -> None:
    child = engine(hanging)._child.pid
    with hanging.database.read() as session:
        candidate = rollouts.live(session).candidate
    assert candidate is not None
    with hanging.program.cores.work():
        wait_for(lambda: state(child) == "T")
        by = Actor("system", "a test")
        with hanging.database.write() as session:
            rollouts.move(session, candidate.rollout_id, "limit", by, "try", wall_clock(), scope={})
        hanging.program.live.refresh()
        wait_for(lambda: state(child) != "T")
    with hanging.program.cores.work():
        assert state(child) != "T"


def test_what_one_began_before_it_took_over_does_not_take_it_back(hanging: Serving) -> None:
    live = hanging.program.live
    before = live.standing.candidate
    assert before is not None
    hanging.move(before.model.rollout_id, "promote")
    live.fail(before, "it hung")
    live.look_for_stops()
    live.refresh()
    assert live.standing.incumbent is not None
    assert live.standing.incumbent.model.number == before.model.number
    with hanging.database.read() as session:
        assert rollouts.events(session, 1)[0].move == "promote"


def test_one_that_hangs_and_is_withdrawn_is_ended_and_the_next_is_asked(
    hanging: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "LEAVE_SECONDS", 0.2)
    live = hanging.program.live
    before = live.standing.candidate
    assert before is not None
    child = engine(hanging)._child
    # held all the while, so that it never thinks for too long
    with hanging.program.cores.work():
        hanging.move(before.model.rollout_id, "withdraw")
        wait_for(lambda: child.poll() is not None)
    with hanging.database.read() as session:
        assert rollouts.events(session, 1)[0].move == "withdraw"
    hanging.open(hanging.register(tmp_path / "three", seed=1))
    with hanging.client("another") as client:
        asked = client.predict(STRANGE).id

    def heard() -> bool:
        with hanging.database.read() as session:
            return [one.error for one in predictions.shadows(session, asked)] == [None]

    wait_for(heard)


def thought(served: Serving) -> list[float]:
    """For how many seconds each candidate that is asked now has thought."""
    return [one.seconds() for one in list(served.program.shadows._thinking)]


def engine(served: Serving) -> EngineProcess:
    """The candidate's."""
    candidate = served.program.live.standing.candidate
    assert candidate is not None
    assert isinstance(candidate.classifier.engine, EngineProcess)
    return candidate.classifier.engine


def state(pid: int) -> str:
    """`T` where it was stopped, as proc(5) has it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
