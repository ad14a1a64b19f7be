"""A short run of what `make bench-crash` does long, on both databases: nothing that was told is lost or changed."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from store import migrate
from store.tables import ShadowAnswer
from tests import postgres
from tests.conftest import lacking
from tests.crash.judge import judge
from tests.crash.load import Consumer, Ledger
from tests.crash.resting import come_to_rest
from tests.crash.world import World, ask_for_backtest, world

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

SETTINGS = {
    "URSA_WINDOW_PREDICTIONS": "150",
    "URSA_MONITORING_POLL_SECONDS": "0.5",
    "URSA_AUDIT_RATE": "0.05",
    "URSA_CANDIDATE_SECONDS": "2",
}
# one after the other, so that few kills hit everything
ORDER = (
    "service", "core", "database", "retrain", "candidate", "service", "monitoring", "database"
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def killed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with _database(request.param, tmp_path) as (url, server):
        migrate.upgrade(url)
        with world(tmp_path / "world", url, server, **SETTINGS) as made:
            made.keep_database()
            yield made


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[tuple[str, postgres.Server | None]]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'ursa.db'}", None
        return
    binaries = postgres.programs()
    if binaries is None:
        lacking("PostgreSQL")
    # a server of its own: it is killed
    with postgres.own_server(binaries) as server:
        yield server.url, server


def test_whatever_is_killed_nothing_that_was_told_is_lost_doubled_or_changed(killed: World) -> None:
    ask_for_backtest(killed.database, killed.candidate)
    killed.start()
    ledger, rush_over, over = Ledger(), threading.Event(), threading.Event()
    consumers = [
        Consumer(killed.programs.url, killed.key, ledger, seed, rush_over if seed else over)
        for seed in range(4)
    ]
    for one in consumers:
        one.start()
    chance = random.Random(7)  # noqa: S311  # when to kill is no secret
    for victim in ORDER:
        _wait_for_answers(killed, ledger)
        time.sleep(chance.uniform(0, 0.3))  # at any moment of a request
        # the candidate is not there for a moment where a hard limit took it off its way
        killed.programs.wait_for(partial(killed.kill_one, victim, chance), 60, victim)
    _wait_for_answers(killed, ledger)
    ask_for_backtest(killed.database, killed.candidate)
    # the candidate is left out while as many wait as there are cores
    rush_over.set()
    killed.programs.wait_for(partial(_is_heard, killed), 180, "an answer of the candidate")
    over.set()
    for one in consumers:
        one.join()
    killed.stop_programs()
    come_to_rest(killed)
    verdict = judge(killed, ledger)
    assert verdict.harm == {}
    assert verdict.acknowledged > 100
    assert verdict.shadow_answered > 0
    assert verdict.replayed > 10
    assert ledger.given_up == 0
    assert ledger.unexpected == {}


def _is_heard(killed: World) -> bool:
    heard = select(ShadowAnswer.id).where(ShadowAnswer.error.is_(None)).limit(1)
    with killed.database.read() as session:
        return session.scalar(heard) is not None


def _wait_for_answers(killed: World, ledger: Ledger) -> None:
    wanted = len(ledger.told) + 15
    killed.programs.wait_for(lambda: len(ledger.told) >= wanted, 180, "answers")
