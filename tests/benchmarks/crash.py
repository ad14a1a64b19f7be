"""Two hundred kills at random moments under load: `make bench-crash`.

On SQLite and then on PostgreSQL the whole system runs as it does in production, one process each, kept running by
something that starts again what has died. Consumers post pictures; service, monitoring, retrain worker and database
are killed (`kill -9`), half of the kills on each database. The service's children, those that decode pictures and the
candidate's, are killed in addition: these are none of the 200. At the end everything comes to rest, and the rows and
the pictures are compared with what consumers were told. `shadow_unheard` counts acknowledged answers of which the
candidate's own was cut off, which the product counts too. A handful of trainings is asked for meanwhile, each of which
leaves one version and one backtest. Prints a table, then one JSON object; exit code 1 when anything was lost, doubled,
changed or never done, or a database is not there.
"""

import argparse
import os
import random
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store import migrate
from tests import postgres
from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.crash.judge import judge, unrest
from tests.crash.load import Consumer, Ledger
from tests.crash.world import Asker, World, world

CONSUMERS = 8
REST_SECONDS, LOOK_SECONDS = 150.0, 5.0
# kept for coming to rest and for the judge when kills are paced; both together take about a minute
RESERVED_SECONDS = 80.0
# between two kills so many answers, unless they do not come for so long; not before each in four, which then hits what
# has not come back from the last one
LEAST_ANSWERS, PATIENCE_SECONDS, AT_ONCE = 10, 6.0, 0.25
BACKTEST_EVERY = 6.0
# what is told of both databases together
ADDED = ("kills", "acknowledged", "lost", "doubled", "replays_differing")
# at most, one after the other: each takes as long as ten kills
TRAININGS = 6
# a window is about a minute of this traffic, so that it is checked while things die
SETTINGS = {
    "URSA_WINDOW_PREDICTIONS": "2000",
    "URSA_MONITORING_POLL_SECONDS": "1",
    "URSA_AUDIT_RATE": "0.02",
    # the product's own, which a world without `PutBack` has not
    "URSA_CANDIDATE_SECONDS": "2",
}
# what each database is held against
BARS = [
    # jobs that were never done are done once for want of trying
    Bar("trainings", 1, at_least=True),
    *(Bar(name) for name in ("lost", "doubled", "replays_differing", "harmed", "given_up")),
    Bar("unexplained"),
    # a service that finds no database when it starts says so and ends; these two wait
    Bar("others_ended"),
    # None where it never came to rest
    Bar("rest_s", REST_SECONDS),
]


def main() -> None:
    """Run on both databases."""
    parser = argparse.ArgumentParser(prog="make bench-crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="in all, half on each database")
    parser.add_argument("--seconds-between-kills", type=float, default=3.0)
    parser.add_argument("--minutes", type=float, default=25.0, help="the most that it may take")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    names = [one for one in ("sqlite", "postgresql") if given.only in (None, one)]
    kills, between = -(-given.kills // len(names)), given.seconds_between_kills
    began = time.monotonic()
    over = began + 60 * given.minutes
    found: dict[str, dict[str, Any]] = {}
    with (
        ending(*ADDED, "by_database") as end,
        tempfile.TemporaryDirectory(prefix="ursa-crash-") as name,
    ):
        end.figures["by_database"] = found
        folder, binaries = Path(name), postgres.programs()
        if "sqlite" in names:
            url = f"sqlite:///{folder / 'ursa.db'}"
            # the other half of the time is for the other half of the kills
            pace = Pace(kills, between, (over - time.monotonic()) / len(names))
            found["sqlite"] = run(folder / "one", url, None, pace, given.seed)
        if "postgresql" in names and binaries is None:
            end.lacks("PostgreSQL")
        elif "postgresql" in names and binaries is not None:
            # as safe as PostgreSQL is by itself: the commit is on the disk before it is told
            with postgres.own_server(binaries, settings=()) as server:
                pace = Pace(kills, between, over - time.monotonic())
                found["postgresql"] = run(folder / "two", server.url, server, pace, given.seed)
        if found:
            end.figures |= {name: sum(one[name] for one in found.values()) for name in ADDED}
        end.figures["minutes"] = round((time.monotonic() - began) / 60, 1)
        in_all = [Bar("kills", given.kills, at_least=True), Bar("minutes", given.minutes)]
        end.held_against(in_all, end.figures)
        for of, figures in found.items():
            end.held_against(BARS, figures, f"{of} ")


@dataclass(frozen=True)
class Pace:
    """`kills` on one database, about so many `seconds` from one to the next; all of it is to take `most` seconds at most."""

    kills: int
    seconds: float
    most: float


def run(
    folder: Path, url: str, server: postgres.Server | None, pace: Pace, seed: int
) -> dict[str, Any]:
    """One database; its figures."""
    migrate.upgrade(url)
    began = time.monotonic()
    floor = floors(folder)
    with world(folder, url, server, TRAININGS, **SETTINGS) as killed:
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
        kill(killed, ledger, pace, seed, began + pace.most - RESERVED_SECONDS)
        load = os.getloadavg()[0]
        over.set()
        for one in (*consumers, asker):
            one.join()
        rested, waited_for = come_to_rest(killed)
        verdict = judge(killed, ledger)
        ended = {name: len(one.ended_by_itself) for name, one in killed.kept.items()}
        found = {
            "kills": killed.of_programs,
            "killed": dict(sorted(killed.kills.items())),
            **vars(verdict),
            "harm": verdict.harm,
            "harmed": sum(verdict.harm.values()),
            "sent_again": ledger.sent_again,
            "given_up": ledger.given_up,
            "unexpected": dict(ledger.unexpected),
            "unexplained": sum(ledger.unexpected.values()),
            "ended_by_itself": ended,
            "others_ended": ended["monitoring"] + ended["retrain"],
            "rest_s": rested,
            "waited_for_s": waited_for,
            "minutes": round((time.monotonic() - began) / 60, 1),
            "load": round(load, 1),
            **floor,
        }
    report(url, found)
    return found


def kill(killed: World, ledger: Ledger, pace: Pace, seed: int, until: float) -> None:
    """Each at a random moment; three of four not before somebody was answered again, and faster where time is short."""
    chance = random.Random(seed)  # noqa: S311  # when to kill is no secret
    while (left := pace.kills - killed.of_programs) > 0 and time.monotonic() < until:
        patience = 0.0 if chance.random() < AT_ONCE else PATIENCE_SECONDS
        answers, until_then = len(ledger.told) + LEAST_ANSWERS, time.monotonic() + patience
        while len(ledger.told) < answers and time.monotonic() < until_then:
            time.sleep(0.02)
        seconds = min(pace.seconds, 0.5 * max(0.0, until - time.monotonic()) / left)
        time.sleep(chance.uniform(0.0, 2.0) * seconds)
        killed.kill(chance)


def come_to_rest(killed: World) -> tuple[float | None, dict[str, float]]:
    """Seconds until every job was done and every answer looked at, None when that never came; for how long what was
    waited for."""
    began, waited_for = time.monotonic(), dict[str, float]()
    still = None
    while (now := time.monotonic()) - began < REST_SECONDS:
        waiting = unrest(killed) or {"database": 1}
        for name in [name for name, number in waiting.items() if number]:
            waited_for[name] = round(now - began, 1)
            still = None
        if not any(waiting.values()):
            still = still or now
            # windows are asked for at the next look
            if now - still > LOOK_SECONDS:
                return round(still - began, 1), waited_for
        time.sleep(1)
    return None, waited_for


def report(url: str, found: dict[str, Any]) -> None:
    """The table for people."""
    print(f"{url.split(':')[0].split('+')[0]}: harm {found['harm'] or 'none'}")
    for name, value in found.items():
        print(f"  {name.replace('_', ' '):<22} {value}", flush=True)


if __name__ == "__main__":
    main()
