"""Many looks and many monitors: nothing is decided twice, and nothing that says nothing new is kept."""

from pathlib import Path
from threading import Barrier

import pytest

from monitoring import rollout_turns
from monitoring.monitor import PROGRAM, Monitor
from store import heartbeats, reviews
from store.database import Database
from store.tables import Pair
from tests.monitoring.rolled import Rolled, together


@pytest.fixture
def rolled(database: Database, tmp_path: Path) -> Rolled:
    """A candidate at `manual`, whose readers' error is known."""
    return Rolled(database, tmp_path)


def test_nothing_new_writes_no_row(rolled: Rolled) -> None:
    rolled.answers(5)
    for _ in range(5):
        rolled.look(minutes=5)
    assert len(rolled.decided()) == 1
    rolled.answers(1)
    rolled.look(seconds=1)
    rolled.look(minutes=5)
    assert len(rolled.decided()) == 2


@pytest.mark.parametrize("verdict", ["advance", "revert"])
def test_two_monitors_do_not_decide_twice(rolled: Rolled, verdict: str) -> None:
    if verdict == "advance":
        rolled.answers(50)
    else:
        rolled.say(rolled.answers(12, "black"), "teddy")
    rolled.clock.pass_by(seconds=30)
    heartbeats.beat(rolled.database, PROGRAM, "monitor one", {}, rolled.clock())
    barrier = Barrier(4)
    failed: list[Exception] = []

    def work(monitor: Monitor) -> None:
        barrier.wait()
        try:
            rollout_turns.turn(monitor)
        except Exception as error:  # noqa: BLE001  # what a thread raises is nobody's otherwise
            failed.append(error)

    monitors = [rolled.another(f"monitor {number}") for number in range(4)]
    together(lambda monitor: work(monitor), monitors)
    assert failed == []
    assert len(rolled.decided()) == 1
    assert rolled.moves() == ["limit" if verdict == "advance" else "revert"]
    with rolled.database.read() as session:
        numbers = [one.number for one in session.query(Pair).order_by(Pair.number)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_burst_is_one_vote_and_asks_once(rolled: Rolled) -> None:
    burst = [rolled.two.answer("black", "teddy", subject="camera 1") for _ in range(5)]
    again = [rolled.two.answer("black", "teddy", picture="the same") for _ in range(3)]
    rolled.look()
    with rolled.database.read() as session:
        asked = [reviews.of_prediction(session, one)[0].status for one in burst + again]
    assert asked == ["open", *["withdrawn"] * 4, "open", *["withdrawn"] * 2]
    assert rolled.last().values["waiting"] == 2
