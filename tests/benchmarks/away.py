"""How long a consumer waits while the database is away, and how soon it is back: `make bench-away`.

A service with its settings as they come, monitoring and retrain beside it, six consumers who post without a pause, and a
database that is stopped, that falls silent, or (SQLite) that another program has locked. Each three times, after a first
short one that fills caches and pools: what is left behind is what there is more after the last than before the three.
`slowest_wait_s` counts requests begun just before as well, `slowest_red_s` lasts until readiness is red, which it then stays;
`slowest_back_s` until every consumer is served again.
Prints a table, then one JSON object; exit code 1 when anybody was told otherwise than to come again, was not served a second
after the database was back, or anything was left behind, or a database could not be measured.
"""

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from store import migrate
from tests import postgres
from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.crash.outage import Away, locked, service, silent, stopped

TIMES = 3
SLOWEST = ("slowest_wait_s", "slowest_red_s", "slowest_back_s")
ADDED = ("without_retry_after", "unexplained", "wrongly_ready", "left_behind")
BARS = [
    # seconds; the log waits for ten, and a look-up before it for five
    Bar("slowest_wait_s", 20),
    # a database that can be read and not written is known by the first writes that have waited for it
    Bar("slowest_red_s", 10),
    # what is promised
    Bar("slowest_back_s", 1),
    *(Bar(name) for name in ADDED),
    Bar("memory_growth_mib", 32),
]


def main() -> None:
    """Every kind of outage."""
    parser = argparse.ArgumentParser(prog="make bench-away", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long it is away")
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with (
        ending(*SLOWEST, *ADDED, "by_outage") as end,
        tempfile.TemporaryDirectory(prefix="ursa-away-") as name,
    ):
        end.figures["by_outage"], folder = found, Path(name)
        url = f"sqlite:///{folder / 'ursa.db'}"
        end.figures |= floors(folder)
        found["sqlite_locked"] = run(folder / "locked", url, locked(url), given.seconds)
        binaries = postgres.programs()
        if binaries is None:
            end.lacks("PostgreSQL")
        else:
            with postgres.own_server(binaries, settings=()) as server:
                for kind, how in (("stopped", stopped), ("silent", silent)):
                    away = how(server)
                    found[f"postgresql_{kind}"] = run(
                        folder / kind, server.url, away, given.seconds
                    )
        end.figures |= {name: max(one[name] for one in found.values()) for name in SLOWEST}
        end.figures |= {name: sum(one[name] for one in found.values()) for name in ADDED}
        for of, figures in found.items():
            end.held_against(BARS, figures, f"{of} ")


def run(folder: Path, url: str, away: Away, seconds: float) -> dict[str, Any]:
    """One kind of outage; its figures."""
    folder.mkdir()
    migrate.upgrade(url)
    with service(folder, url, others=True) as served:
        fresh = served.held()
        served.suffer(away, 1.0)
        before = served.settled()
        outages = [served.suffer(away, seconds) for _ in range(TIMES)]
        after = served.settled(before)
        served.others_go_on()
    statuses = sum((one.statuses for one in outages), start=Counter[int]())
    figures = {
        "answers": dict(statuses),
        "without_retry_after": sum(one.without_retry_after for one in outages),
        "slowest_wait_s": round(max(one.slowest for one in outages), 2),
        # one that never was counts as `wrongly_ready`
        "slowest_red_s": round(max(one.red for one in outages), 2),
        "slowest_back_s": round(max(one.back for one in outages), 3),
        "ready_at_its_end": sorted({one.ready[-1] for one in outages}),
        "ready_after": sorted({one.ready_after for one in outages}),
        # neither an answer nor the word to come again
        "unexplained": sum(number for told, number in statuses.items() if told not in (200, 503)),
        "wrongly_ready": sum(
            not one.stayed_red or one.ready_after != 200 or set(one.alive) != {200}
            for one in outages
        ),
        "left_behind": len(after.beyond(before, fresh)),
        "left": after.beyond(before, fresh),
        "memory_growth_mib": round(after.mib - before.mib, 1),
        "load": round(os.getloadavg()[0], 1),
    }
    print(folder.name)
    for name, value in figures.items():
        print(f"  {name.replace('_', ' '):<22} {value}", flush=True)
    return figures


if __name__ == "__main__":
    main()
