"""A database that is away: nobody waits without end, everybody is told, and nothing of it stays behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import migrate
from tests import postgres
from tests.conftest import lacking
from tests.crash.outage import Away, Outage, locked, service, silent, stopped
from tests.postgres import Server

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]
# a statement is given up after a second, so that a silent server is noticed while the test looks
QUICK = {"URSA_DATABASE_SECONDS": "1"}
# so generous that only what hangs is found: that all are served within a second of the return is a bar of `make bench-away`
HANGS = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of this file's own: it is stopped and paused."""
    binaries = postgres.programs()
    if binaries is None:
        lacking("PostgreSQL")
    with postgres.own_server(binaries) as made:
        migrate.upgrade(made.url)
        yield made


@pytest.mark.parametrize(("how", "seconds"), [(stopped, 2.0), (silent, 6.0)])
def test_a_server_that_is_away_is_told_and_leaves_nothing_behind(
    server: Server, tmp_path: Path, how: object, seconds: float
) -> None:
    assert callable(how)
    _suffer(tmp_path, server.url, how(server), seconds)


def test_a_file_that_another_program_has_locked_is_told_and_leaves_nothing_behind(
    sqlite_url: str, tmp_path: Path
) -> None:
    _suffer(tmp_path, sqlite_url, locked(sqlite_url), 3.0)


def _suffer(folder: Path, url: str, away: Away, seconds: float) -> None:
    """A first time fills caches and pools; after three more there is no more than there was then."""
    with service(folder, url, others=True, **QUICK) as served:
        fresh = served.held()
        served.suffer(away, 1.0)
        before = served.settled()
        outages = [served.suffer(away, seconds) for _ in range(3)]
        after = served.settled(before)
        served.others_go_on()
    for one in outages:
        _was_told(one)
    assert after.beyond(before, fresh) == []
    assert after.mib <= before.mib + 16


def _was_told(outage: Outage) -> None:
    # what was on its way when it went away may still have been kept; and nobody was left without an answer
    assert set(outage.statuses) <= {503, 200}
    assert outage.statuses[503] > 0
    assert outage.without_retry_after == 0
    assert outage.slowest < HANGS
    assert outage.back < HANGS
    assert set(outage.alive) == {200}
    assert outage.ready[-1] == 503
    assert outage.ready_after == 200
