"""Several copies of everything on one PostgreSQL, also through a pooler: whoever dies, the others go on.

Three services behind nginx, two monitors, two retrain workers, with the configuration that `deploy/` holds. A service
and a monitor are killed, the database is started again, all models are stopped: no answer that was given is lost,
nothing is decided twice.
"""

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from store import jobs, migrate
from tests import postgres
from tests.conftest import lacking
from tests.crash.judge import at_rest, decided_twice, judge, unrest
from tests.crash.kept import Kept
from tests.crash.load import Consumer, Ledger
from tests.crash.world import World, ask_for_backtest, world
from tests.journeys.copies import before, pooler
from tests.journeys.proxy import free_ports, nginx

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1200)]

SETTINGS = {
    "URSA_WINDOW_PREDICTIONS": "100",
    "URSA_WINDOW_MINIMUM": "20",
    "URSA_WINDOW_SETTLE_SECONDS": "16",
    "URSA_ONLINE_SETTLE_SECONDS": "16",
    "URSA_MONITORING_POLL_SECONDS": "1",
    "URSA_RETRAIN_POLL_SECONDS": "1",
}
COPIES = {"service": 3, "monitoring": 2, "retrain": 2}


@pytest.fixture(params=["direct", "pooled"])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Everything started; the consumers' address is nginx's."""
    binaries = postgres.programs()
    if binaries is None:
        lacking("PostgreSQL")
    ports = free_ports(COPIES["service"] + 2)
    with postgres.own_server(binaries, port=ports[-1]) as server:
        migrate.upgrade(server.url)
        with (
            pooler(tmp_path, ports[-2], ports[-1], used=request.param == "pooled") as url,
            world(tmp_path / "world", server.url, server, **SETTINGS) as made,
            nginx(
                tmp_path / "nginx",
                made.programs.port,
                before(ports[: COPIES["service"]], made.programs.port),
            ),
        ):
            made.programs.environ["URSA_DATABASE_URL"] = url
            for program, many in COPIES.items():
                for number in range(many):
                    port = ports[number] if program == "service" else 0
                    made.keep_copy(program, number, port)
            for port in ports[: COPIES["service"]]:
                made.programs.wait_for(partial(_ready, port), 120, "every service")
            yield made


def test_whoever_dies_the_others_go_on(copies: World) -> None:
    ledger, over = Ledger(), threading.Event()
    consumers = [Consumer(copies.programs.url, copies.key, ledger, seed, over) for seed in range(3)]
    for one in consumers:
        one.start()
    _answers(copies, ledger)
    ask_for_backtest(copies.database, copies.candidate)

    assert copies.kept["service-1"].kill()
    _answers(copies, ledger)

    server = copies.server
    assert server is not None
    server.stop()
    server.start()
    _answers(copies, ledger)

    taken_over = _kill_the_monitor_that_checks(copies)
    stopped = _stop_all_models(copies)
    print(f"another monitor after {taken_over:.1f} s, all models stopped after {stopped:.2f} s")

    over.set()
    for one in consumers:
        one.join()
    _come_to_rest(copies)
    assert judge(copies, ledger).harm == {}
    assert decided_twice(copies) == 0
    assert ledger.given_up == 0
    assert ledger.unexpected == {}


def _answers(copies: World, ledger: Ledger, many: int = 30) -> None:
    wanted = len(ledger.told) + many
    copies.programs.wait_for(lambda: len(ledger.told) >= wanted, 120, "answers")


def _come_to_rest(copies: World) -> None:
    deadline = time.monotonic() + 240
    while not at_rest(copies):
        assert time.monotonic() < deadline, unrest(copies)
        time.sleep(1)


def _kill_the_monitor_that_checks(copies: World) -> float:
    """Kill the one that has a window in hand, for good; seconds until the other has finished it."""
    job, leading = copies.programs.wait_for(lambda: _checking(copies), 120, "a check")
    leading.kill_for_good()
    began = time.monotonic()
    copies.programs.wait_for(lambda: _is_done(copies, job), 150, "the other to take over")
    return time.monotonic() - began


def _checking(copies: World) -> tuple[str, Kept] | None:
    """A window that is being checked, and by which monitor; once each has checked one and has loaded what it needs."""
    with copies.database.read() as session:
        held = [one for one in jobs.unfinished(session, "window") if one.status == "doing"]
        seen = {one.locked_by for one in jobs.newest(session, "window", 50) if one.status == "done"}
    if len(seen) < COPIES["monitoring"]:
        return None
    for job in held:
        for name, one in copies.kept.items():
            if name.startswith("monitoring") and (job.locked_by or "").endswith(f"-{one.pid}"):
                return job.id, one
    return None


def _is_done(copies: World, job_id: str) -> bool:
    with copies.database.read() as session:
        return jobs.get(session, job_id).status == "done"


def _stop_all_models(copies: World) -> float:
    """Stop all models at one service; seconds until none of the others lets a model answer."""
    headers = {"Authorization": f"Bearer {copies.key}"}
    with httpx.Client(headers=headers, timeout=30) as operator:
        said = {"to": "manual", "reason": "a test"}
        operator.post(f"{copies.programs.url}/v1/kill", json=said).raise_for_status()
        began, slowest = time.monotonic(), 0.0
        for port in _services(copies):
            copies.programs.wait_for(partial(_is_killed, port), 30, "the stop")
            slowest = max(slowest, time.monotonic() - began)
    return slowest


def _services(copies: World) -> list[int]:
    """The ports of the services, as they were told."""
    return [port for port in copies.ports if port]


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def _is_killed(port: int) -> bool:
    told = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).json()
    return bool(told["models"]["killed"])
