"""Several copies of everything on one PostgreSQL while some of them die: the journey, and the figures that it yields.

Three services behind nginx, two monitors, two retrain workers, with the configuration that `deploy/` holds. Under load
a service is killed, the database started again, one monitor killed that keeps a decision and one that checks a window,
and all models are stopped; then everything comes to rest and is judged.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psycopg

from store import decisions, jobs, migrate
from tests import postgres
from tests.conftest import lacking
from tests.crash.judge import Verdict, at_rest, decided_twice, judge, unrest
from tests.crash.kept import Kept
from tests.crash.load import Consumer, Ledger
from tests.crash.world import World, ask_for_backtest, world
from tests.journeys.copies import before, pooler
from tests.journeys.probing import Prober
from tests.journeys.proxy import free_ports, nginx

SETTINGS = {
    "URSA_WINDOW_PREDICTIONS": "100",
    "URSA_WINDOW_MINIMUM": "20",
    "URSA_WINDOW_SETTLE_SECONDS": "16",
    "URSA_ONLINE_SETTLE_SECONDS": "16",
    "URSA_MONITORING_POLL_SECONDS": "1",
    "URSA_RETRAIN_POLL_SECONDS": "1",
}
COPIES = {"service": 3, "monitoring": 2, "retrain": 2}
# of each copy, once it has said that no model answers
ANSWERS_AFTERWARDS = 20


@dataclass(frozen=True)
class Came:
    """What came of it. `window_taken_over` and `decision_taken_over`: from the kill of the monitor until another has
    finished. `stopped`: from before the operator's request until the last answer of a model has come, of whichever
    copy; `relapses`: answers of a model asked for after their copy had told that none answers. Seconds and counts.
    """

    window_taken_over: float
    decision_taken_over: float
    stopped: float
    relapses: int
    decided_twice: int
    verdict: Verdict
    given_up: int
    unexpected: dict[str, int]


@contextmanager
def several(folder: Path, *, pooled: bool, durable: bool = False) -> Iterator[World]:
    """Everything started; the consumers' address is nginx's. `durable`: on a server that waits for its disk."""
    binaries = postgres.programs()
    if binaries is None:
        lacking("PostgreSQL")
    ports = free_ports(COPIES["service"] + 2)
    services = ports[: COPIES["service"]]
    settings = () if durable else postgres.THROW_AWAY
    with postgres.own_server(binaries, settings, port=ports[-1]) as server:
        migrate.upgrade(server.url)
        with (
            pooler(folder, ports[-2], ports[-1], used=pooled) as url,
            world(folder / "world", server.url, server, **SETTINGS) as made,
            nginx(folder / "nginx", made.programs.port, before(services, made.programs.port)),
        ):
            made.programs.environ["URSA_DATABASE_URL"] = url
            for program, many in COPIES.items():
                for number in range(many):
                    port = ports[number] if program == "service" else 0
                    made.keep_copy(program, number, port)
            for port in services:
                made.programs.wait_for(partial(_ready, port), 120, "every service")
            yield made


def live_through(copies: World) -> Came:
    """Let them die one after the other."""
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

    decision_taken_over = _kill_the_monitor_that_decides(copies, server)
    window_taken_over = _kill_the_monitor_that_checks(copies)
    stopped, relapses = _stop_all_models(copies)

    over.set()
    for one in consumers:
        one.join()
    _come_to_rest(copies)
    return Came(
        window_taken_over,
        decision_taken_over,
        stopped,
        relapses,
        decided_twice(copies.database),
        judge(copies, ledger),
        ledger.given_up,
        dict(ledger.unexpected),
    )


def _answers(copies: World, ledger: Ledger, many: int = 30) -> None:
    wanted = len(ledger.told) + many
    copies.programs.wait_for(lambda: len(ledger.told) >= wanted, 120, "answers")


def _come_to_rest(copies: World) -> None:
    deadline = time.monotonic() + 240
    while not at_rest(copies):
        assert time.monotonic() < deadline, unrest(copies)
        time.sleep(1)


def _kill_the_monitor_that_decides(copies: World, server: postgres.Server) -> float:
    """Kill the one that has locked the candidate and is writing what it has concluded; seconds until the other has, while
    nobody is in the dead one's place."""
    with ExitStack() as dead:
        with psycopg.connect(server.plain_url) as holder, holder.transaction():
            # readers and the candidate's lock go on; who keeps a decision is held up in the middle
            holder.execute("LOCK TABLE decisions IN SHARE MODE")
            leading = copies.programs.wait_for(lambda: _deciding(copies, server), 150, "a decision")
            known, began = _newest_decision(copies), time.monotonic()
            dead.enter_context(leading.killed())
        copies.programs.wait_for(
            lambda: _newest_decision(copies) != known, 150, "the other to decide"
        )
        return time.monotonic() - began


def _deciding(copies: World, server: postgres.Server) -> Kept | None:
    with psycopg.connect(server.plain_url, autocommit=True) as looking:
        found = looking.execute(
            "SELECT application_name FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO decisions%'"
        ).fetchone()
    return copies.kept[found[0]] if found else None


def _newest_decision(copies: World) -> str | None:
    with copies.database.read() as session:
        return next((one.id for one in decisions.newest(session, 1)), None)


def _kill_the_monitor_that_checks(copies: World) -> float:
    """Kill the one that has a window in hand, for good; seconds until the other has finished it."""
    job, leading = copies.programs.wait_for(lambda: _checking(copies), 120, "a check")
    began = time.monotonic()
    leading.kill_for_good()
    copies.programs.wait_for(lambda: _is_done(copies, job), 150, "the other to take over")
    return time.monotonic() - began


def _checking(copies: World) -> tuple[str, Kept] | None:
    """A window that is being checked, and by which monitor; once each has checked one and has loaded what it needs."""
    alive = {f"-{one.pid}": one for name, one in copies.kept.items() if name.startswith("monitor")}
    with copies.database.read() as session:
        held = [one for one in jobs.unfinished(session, "window") if one.status == "doing"]
        done = [one for one in jobs.newest(session, "window", 50) if one.status == "done"]
    if not all(any((one.locked_by or "").endswith(pid) for one in done) for pid in alive):
        return None
    for job in held:
        for pid, one in alive.items():
            if (job.locked_by or "").endswith(pid):
                return job.id, one
    return None


def _is_done(copies: World, job_id: str) -> bool:
    with copies.database.read() as session:
        return jobs.get(session, job_id).status == "done"


def _stop_all_models(copies: World) -> tuple[float, int]:
    """Stop all models at one of the services while every one of them is asked; seconds and relapses."""
    over = threading.Event()
    probers = [Prober(port, copies.key, over) for port in copies.ports if port]
    for one in probers:
        one.start()
    copies.programs.wait_for(lambda: all(one.of_models() for one in probers), 60, "models")
    headers, said = {"Authorization": f"Bearer {copies.key}"}, {"to": "manual", "reason": "a test"}
    with httpx.Client(headers=headers, timeout=30) as operator:
        began = time.monotonic()
        operator.post(f"{copies.programs.url}/v1/kill", json=said).raise_for_status()
    copies.programs.wait_for(
        lambda: all(len(one.of_people()) >= ANSWERS_AFTERWARDS for one in probers), 60, "the stop"
    )
    over.set()
    for one in probers:
        one.join()
    last = max(one.of_models()[-1].ended for one in probers)
    return max(0.0, last - began), sum(one.relapses() for one in probers)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False
