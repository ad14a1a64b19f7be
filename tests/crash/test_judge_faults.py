"""Each thing that the judge counts, done by hand to a world at rest: one row or one file, and one in its own figure.

The world is made once, by a real service, monitor and worker; every fault is done to a copy of its rows and files.
"""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from store import migrate
from store.database import Database
from tests.crash.faults import FAULTS, Copy
from tests.crash.judge import Verdict, judge
from tests.crash.load import Consumer, Ledger
from tests.crash.resting import come_to_rest
from tests.crash.world import World, ask_for_backtest, world

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

# after each stretch monitoring looks, and finds a window of all segments
STRETCHES, SETTINGS = (45, 85, 125), {"URSA_WINDOW_PREDICTIONS": "40", "URSA_AUDIT_RATE": "0.05"}


@pytest.fixture(scope="module")
def rested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Ledger]]:
    """A world in which nothing died, and what its consumers were told."""
    folder = tmp_path_factory.mktemp("rested")
    url = f"sqlite:///{folder / 'ursa.db'}"
    migrate.upgrade(url)
    with world(folder / "world", url, None, **SETTINGS) as made:
        ledger = Ledger()
        # a monitor begins with the newest window there is
        come_to_rest(made)
        made.programs.start("service")
        for wanted in STRETCHES:
            _send(made, ledger, wanted)
            come_to_rest(made)
        made.programs.stop("service")
        ask_for_backtest(made.database, made.candidate)
        come_to_rest(made)
        made.database.dispose()
        yield made, ledger


def _send(made: World, ledger: Ledger, wanted: int) -> None:
    """Until so many answers were given in all."""
    over = threading.Event()
    consumer = Consumer(made.programs.url, made.key, ledger, wanted, over)
    consumer.start()
    made.programs.wait_for(lambda: len(ledger.told) >= wanted, 240, "answers")
    over.set()
    consumer.join()


@pytest.fixture
def copy(rested: tuple[World, Ledger], tmp_path: Path) -> Iterator[Copy]:
    made, ledger = rested
    shutil.copytree(made.folder / "storage", tmp_path / "storage")
    # no program has it open: everything is in the one file
    shutil.copyfile(made.folder.parent / "ursa.db", tmp_path / "ursa.db")
    database = Database(f"sqlite:///{tmp_path / 'ursa.db'}")
    rows = sqlite3.connect(tmp_path / "ursa.db", isolation_level=None)
    own = replace(ledger, told=list(ledger.told), lock=threading.Lock())
    yield Copy(replace(made, folder=tmp_path, database=database), own, rows)
    rows.close()
    database.dispose()


def test_where_nothing_was_done_there_is_no_harm(copy: Copy) -> None:
    verdict = judge(copy.world, copy.ledger)
    assert verdict.harm == {}
    assert verdict.acknowledged >= STRETCHES[-1]
    # one of the traffic from before and one of each stretch at least
    assert (verdict.backtests, verdict.windows > len(STRETCHES)) == (1, True)
    assert verdict.shadow_answered > 0


def _found(copy: Copy) -> Verdict:
    return judge(copy.world, copy.ledger)


@pytest.mark.parametrize(("harm", "found"), FAULTS)
def test_one_fault_is_one_in_its_own_figure(
    copy: Copy, harm: Callable[[Copy], None], found: dict[str, int]
) -> None:
    harm(copy)
    assert _found(copy).harm == found


def _trained(copy: Copy) -> None:
    """What a training leaves behind: a version of its job, a backtest of it, a rollout."""
    job = copy.one("SELECT id FROM jobs WHERE kind = 'backtest'")
    copy.add_like("jobs", job, id="train", kind="train", result='{"outcome": "done"}')
    copy.add_like("model_versions", copy.world.candidate, id="new", number=9, job_id="train")
    copy.add_like(
        "backtests", copy.one("SELECT id FROM backtests"), id="its", model_version_id="new"
    )
    rollout = copy.one("SELECT id FROM rollouts WHERE NOT on_its_way")
    copy.add_like("rollouts", rollout, id="first", model_version_id="new")


def _two_versions(copy: Copy) -> None:
    copy.add_like("model_versions", "new", id="newer", number=10)


def _no_version(copy: Copy) -> None:
    # its backtest stays, and is nobody's
    copy.do("UPDATE model_versions SET job_id = NULL WHERE id = 'new'")


def _two_rollouts(copy: Copy) -> None:
    copy.add_like("rollouts", "first", id="second")


def _two_backtests(copy: Copy) -> None:
    copy.add_like("backtests", "its", id="again")


@pytest.mark.parametrize(
    ("harm", "found"),
    # a second version was compared with nothing besides
    [(_two_versions, 2), (_no_version, 2), (_two_rollouts, 1), (_two_backtests, 1)],
)
def test_a_training_has_one_version_one_backtest_and_one_rollout_at_most(
    copy: Copy, harm: Callable[[Copy], None], found: int
) -> None:
    _trained(copy)
    assert _found(copy).harm == {}
    assert _found(copy).trainings == 1
    harm(copy)
    assert _found(copy).harm == {"jobs_twice": found}
