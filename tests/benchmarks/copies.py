"""How soon the others take over, and how soon a stop holds in all of them: `make bench-copies`.

Three services behind nginx, two monitors, two retrain workers on one PostgreSQL that waits for its disk, with and
without PgBouncer, under load: the journey of `tests/journeys/deaths.py`. Prints a table, then one JSON object:
`takeover_s` (the slowest, of a decision and of a window), `kill_effective_s` (the slowest copy), `decided_twice` and
`lost` (counts), of both ways and by way; exit code 1 when anything was lost, decided twice, not heard or too late, or a way
could not be measured.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests import postgres
from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.journeys.deaths import live_through, several
from tests.journeys.proxy import is_there

WAYS = {"direct": ("PostgreSQL", "nginx"), "pgbouncer": ("PostgreSQL", "nginx", "PgBouncer")}
SLOWEST, ADDED = ("takeover_s", "kill_effective_s"), ("decided_twice", "lost")
BARS = [
    # what is promised, in seconds
    Bar("takeover_s", 15),
    Bar("kill_effective_s", 1),
    *(
        Bar(name)
        for name in (
            "answers_behind_the_kill", "decided_twice", "lost", "harmed", "given_up", "unexplained"
        )
    ),
]  # fmt: skip


def main() -> None:
    """Both ways, as far as this machine has what they need."""
    argparse.ArgumentParser(prog="make bench-copies", description=__doc__).parse_args()
    found: dict[str, dict[str, Any]] = {}
    with (
        ending(*SLOWEST, *ADDED, "by_way") as end,
        tempfile.TemporaryDirectory(prefix="ursa-copies-") as name,
    ):
        end.figures["by_way"] = found
        for way, needed in WAYS.items():
            lacking = [what for what in needed if not _has(what)]
            for what in lacking:
                end.lacks(what)
            if not lacking:
                found[way] = run(Path(name) / way, way == "pgbouncer")
        if found:
            end.figures |= {one: max(of[one] for of in found.values()) for one in SLOWEST}
            end.figures |= {one: sum(of[one] for of in found.values()) for one in ADDED}
        for way, figures in found.items():
            end.held_against(BARS, figures, f"{way} ")


def _has(what: str) -> bool:
    if what == "PostgreSQL":
        return postgres.programs() is not None
    return is_there() if what == "nginx" else shutil.which(what.lower()) is not None


def run(folder: Path, pooled: bool) -> dict[str, Any]:
    """One way; its figures."""
    folder.mkdir()
    print(folder.name)
    with several(folder, pooled=pooled, durable=True) as copies:
        found = floors(folder, copies.programs.port)
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
        "harmed": sum(came.verdict.harm.values()),
        "given_up": came.given_up,
        "unexpected": came.unexpected,
        "unexplained": sum(came.unexpected.values()),
        **found,
        "load": round(os.getloadavg()[0], 1),
    }
    for what, value in figures.items():
        print(f"  {what.replace('_', ' '):<24} {value}", flush=True)
    return figures


if __name__ == "__main__":
    main()
