"""How soon the others take over, and how soon a stop holds in all of them: `make bench-copies`.

Three services behind nginx, two monitors, two retrain workers on one PostgreSQL that waits for its disk, with and
without PgBouncer, under load: the journey of `tests/journeys/deaths.py`. Prints a table, then one JSON object:
`takeover_s` (the slowest, of a decision and of a window), `kill_effective_s` (the slowest copy), `decided_twice` and
`lost` (counts), of both ways and by way.
"""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests import postgres
from tests.benchmarks.overload import floors
from tests.journeys.deaths import live_through, several
from tests.journeys.proxy import is_there


def main() -> None:
    """Both ways, as far as this machine has what they need."""
    argparse.ArgumentParser(prog="make bench-copies", description=__doc__).parse_args()
    if postgres.programs() is None or not is_there():
        raise SystemExit("PostgreSQL and nginx must be installed: .ci/run installs them on Debian.")
    ways = {"direct": False, "pgbouncer": True}
    if shutil.which("pgbouncer") is None:
        print("PgBouncer is not installed: not measured through it")
        del ways["pgbouncer"]
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="ursa-copies-") as name:
        for way, pooled in ways.items():
            found[way] = run(Path(name) / way, pooled)
    slowest = {
        one: max(figures[one] for figures in found.values())
        for one in ("takeover_s", "kill_effective_s")
    }
    added = {
        one: sum(figures[one] for figures in found.values()) for one in ("decided_twice", "lost")
    }
    print(json.dumps({**slowest, **added, "by_way": found}))


def run(folder: Path, pooled: bool) -> dict[str, Any]:
    """One way; its figures."""
    folder.mkdir()
    print(folder.name)
    with several(folder, pooled=pooled, durable=True) as copies:
        floors(copies.programs, folder)
        came = live_through(copies)
    figures = {
        "takeover_s": round(max(came.decision_taken_over, came.window_taken_over), 2),
        "decision_taken_over_s": round(came.decision_taken_over, 2),
        "window_taken_over_s": round(came.window_taken_over, 2),
        "kill_effective_s": round(came.stopped, 3),
        "answers_behind_the_kill": came.relapses,
        "decided_twice": came.decided_twice,
        "acknowledged": came.verdict.acknowledged,
        "lost": came.verdict.lost,
        "harm": came.verdict.harm,
        "given_up": came.given_up,
        "unexpected": came.unexpected,
        "load": round(os.getloadavg()[0], 1),
    }
    for what, value in figures.items():
        print(f"  {what.replace('_', ' '):<24} {value}", flush=True)
    return figures


if __name__ == "__main__":
    main()
