"""Two hundred kills at random moments under load: `make bench-crash`.

On SQLite and then on PostgreSQL the whole system runs as it does in production, one process each, kept running by
something that starts again what has died. Consumers post pictures; service, monitoring, retrain worker and database
are killed (`kill -9`), half of the kills on each database. At the end everything comes to rest, and the rows and the
pictures are compared with what consumers were told. Prints a table, then one JSON object.
"""

import argparse
import hashlib
import json
import os
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from store import migrate
from tests import postgres
from tests.crash.judge import Verdict, at_rest, judge
from tests.crash.load import Consumer, Ledger
from tests.crash.world import Asker, World, world

CONSUMERS = 8
REST_SECONDS = 240.0
# between two kills so many answers, unless they do not come for so long
LEAST_ANSWERS, PATIENCE_SECONDS = 10, 6.0
BACKTEST_EVERY = 6.0
# a window is about a minute of this traffic, so that it is checked while things die
SETTINGS = {
    "URSA_WINDOW_PREDICTIONS": "1000",
    "URSA_MONITORING_POLL_SECONDS": "1",
    "URSA_AUDIT_RATE": "0.02",
}


def main() -> None:
    """Run on both databases."""
    parser = argparse.ArgumentParser(prog="make bench-crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="in all, half on each database")
    parser.add_argument("--seconds-between-kills", type=float, default=3.0)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="ursa-crash-") as name:
        folder = Path(name)
        if given.only != "postgresql":
            found["sqlite"] = run(folder / "one", f"sqlite:///{folder / 'ursa.db'}", None, given)
        binaries = postgres.programs()
        if binaries is None:
            print("PostgreSQL is not installed: not measured on it")
        elif given.only != "sqlite":
            # as safe as PostgreSQL is by itself: the commit is on the disk before it is told
            with postgres.own_server(binaries, settings=()) as server:
                found["postgresql"] = run(folder / "two", server.url, server, given)
    named = ("kills", "acknowledged", "lost", "doubled", "replays_differing")
    added = {name: sum(one[name] for one in found.values()) for name in named}
    print(json.dumps({**added, "by_database": found}))


def run(
    folder: Path, url: str, server: postgres.Server | None, given: argparse.Namespace
) -> dict[str, Any]:
    """One database; its figures."""
    migrate.upgrade(url)
    began = time.monotonic()
    floors = {**disk_floor(folder), **machine_floor()}
    with world(folder, url, server, **SETTINGS) as killed:
        killed.keep_database()
        killed.start()
        ledger, over = Ledger(), threading.Event()
        consumers = [
            Consumer(killed.programs.url, killed.key, ledger, seed, over)
            for seed in range(CONSUMERS)
        ]
        asker = Asker(killed, BACKTEST_EVERY, over)
        for one in (*consumers, asker):
            one.start()
        kill(killed, ledger, given)
        load = os.getloadavg()[0]
        over.set()
        for one in (*consumers, asker):
            one.join()
        rested = come_to_rest(killed)
        verdict = judge(killed, ledger)
        found = {
            "kills": sum(killed.kills.values()),
            "killed": dict(sorted(killed.kills.items())),
            **vars(verdict),
            "sent_again": ledger.sent_again,
            "given_up": ledger.given_up,
            "unexpected": dict(ledger.unexpected),
            "ended_by_itself": {
                name: len(one.ended_by_itself) for name, one in killed.kept.items()
            },
            "rest_s": rested,
            "minutes": round((time.monotonic() - began) / 60, 1),
            "load": round(load, 1),
            **floors,
        }
    report(url, found, verdict)
    return found


def kill(killed: World, ledger: Ledger, given: argparse.Namespace) -> None:
    """Half of the kills, each at a random moment; on a busy machine not before somebody was answered again."""
    chance = random.Random(given.seed)  # noqa: S311  # when to kill is no secret
    wanted = given.kills if given.only else given.kills // 2
    while sum(killed.kills.values()) < wanted:
        answers, patience = len(ledger.told) + LEAST_ANSWERS, time.monotonic() + PATIENCE_SECONDS
        while len(ledger.told) < answers and time.monotonic() < patience:
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 2.0) * given.seconds_between_kills)
        killed.kill(chance)


def come_to_rest(killed: World) -> float | None:
    """Seconds until every job was done and every answer looked at; None when that never came."""
    began = time.monotonic()
    while time.monotonic() - began < REST_SECONDS:
        if at_rest(killed):
            # windows are asked for at the next look
            time.sleep(10)
            if at_rest(killed):
                return round(time.monotonic() - began, 1)
        time.sleep(1)
    return None


def disk_floor(folder: Path, times: int = 200) -> dict[str, float]:
    """Milliseconds that a write of 4 KiB takes to reach the disk, in the middle and at the 99th percentile."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / "probe"
    taken = []
    with probe.open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(1000 * (time.perf_counter() - began))
    probe.unlink()
    return {"fdatasync_p50_ms": _of(taken, 0.5), "fdatasync_p99_ms": _of(taken, 0.99)}


def machine_floor(times: int = 100) -> dict[str, float]:
    """Milliseconds that a core takes for the SHA-256 of 4 MiB."""
    data, taken = bytes(2**22), []
    for _ in range(times):
        began = time.perf_counter()
        hashlib.sha256(data).digest()
        taken.append(1000 * (time.perf_counter() - began))
    return {"sha256_4mib_p50_ms": _of(taken, 0.5), "sha256_4mib_p99_ms": _of(taken, 0.99)}


def report(url: str, found: dict[str, Any], verdict: Verdict) -> None:
    """The table for people."""
    print(f"{url.split(':')[0].split('+')[0]}: harm {verdict.harm or 'none'}")
    for name, value in found.items():
        print(f"  {name.replace('_', ' '):<22} {value}", flush=True)


def _of(values: list[float], share: float) -> float:
    return round(sorted(values)[int(share * (len(values) - 1))], 3)


if __name__ == "__main__":
    main()
