"""`make bench-rollout`: how often the control loop errs, and how many labels it takes, over made-up rollouts.

The loop is the real one (`rollout_stream` says what is made up): traffic of 5 to 1,000 requests a check, labels that take
minutes to days (losses twice as long), readers who err in 5 %, bursts, processes that start anew, a look after every
event. What a verdict needed is counted as if each label had come in its turn: a label is a picture on which the two
differ and that a person has labelled; a reading is a second opinion too, which tells the readers' error and decides
nothing. "To certify" counts all readings. How many more were given meanwhile stands beside it. Prints a table, then one
JSON object.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import get_context

import numpy as np

from monitoring.evidence import wilson
from monitoring.evidence_rule import Rule
from tests.benchmarks.rollout_stream import HISTORY, World
from tests.benchmarks.rollout_world import End, Needed, Rollout

NARROW, WIDE = Rule(margin=0.01), Rule(margin=0.03)
EQUAL = World(wins=0.01, losses=0.01, step_pairs=2000)
CELLS = {
    # no difference: none may be taken back
    "equal 1 %/1 %, margin 1": replace(EQUAL, counted=True),
    "equal 5 %/5 %, margin 3": World(0.05, 0.05, neither=0.01, rule=WIDE, step_pairs=1000),
    "equal 2 %/2 %, K = 3": World(0.02, 0.02, classes=3, rule=WIDE, step_pairs=1000),
    "equal 1 %/1 %, half of it bursts": replace(EQUAL, bursts=0.5, step_pairs=2500, steps=1),
    # worse by the margin: none may advance
    "worse 1 %/2 %, margin 1": World(0.01, 0.02, step_pairs=5000, steps=1),
    "worse 2 %/5 %, margin 3": World(0.02, 0.05, neither=0.01, rule=WIDE, step_pairs=2000, steps=1),
    "worse 0 %/1 %, margin 1": World(0.0, 0.01, step_pairs=5000, steps=1),
    # to be found
    "95 -> 93 %, 4 % differ": World(0.01, 0.03, step_pairs=4000, steps=1, counted=True),
    "one of 7 classes falls by 20 points": World(
        0.01, 0.01, lost_class=0.2, step_pairs=4000, steps=1, counted=True
    ),
    # nothing to go by
    "no labels": replace(EQUAL, labels=False, step_pairs=1000, steps=2),
    "no traffic": replace(EQUAL, traffic=False),
}
NULLS, MARGINS = list(CELLS)[:4], list(CELLS)[4:7]
FALL, CLASS = list(CELLS)[7:9]
SILENT = list(CELLS)[9:]


def one(job: tuple[World, int]) -> End:
    """One rollout."""
    world, seed = job
    return Rollout(world, seed).run()


def measure(
    rollouts: int, processes: int, tell: Callable[[str], None] = print
) -> dict[str, float | None]:
    """The figures; `tell` gets a line for each cell."""
    ends: dict[str, list[End]] = {}
    with get_context("spawn").Pool(processes) as pool:
        for place, (name, world) in enumerate(CELLS.items()):
            began = time.monotonic()
            jobs = [(world, 1_000_000 * place + seed) for seed in range(rollouts)]
            ends[name] = pool.map(one, jobs, chunksize=10)
            tell(_line(name, ends[name], time.monotonic() - began))
    argo, flagger = others(ends[NULLS[0]])
    return {
        **_figures(ends),
        "argo_default_false_abort": argo,
        "flagger_default_false_revert": flagger,
    }


def others(ends: Sequence[End]) -> tuple[float, float]:
    """How often two other tools' defaults end these rollouts: 99 % of a check's requests succeed, or it has failed.

    They see the requests of the same streams, and of those whether they failed. Argo Rollouts: 10 measurements,
    failureLimit 0. Flagger: 25 checks, threshold 1, which is what it takes when none is set.
    """
    bad = np.array([end.checks for end in ends]) > 0.01
    return float(bad[:, :10].any(axis=1).mean()), float(bad.any(axis=1).mean())


def _figures(ends: dict[str, list[End]]) -> dict[str, float | None]:
    reverts = {name: _share(ends[name], lambda end: end.verdict == "revert") for name in NULLS}
    advances = {name: _share(ends[name], lambda end: end.advanced > 0) for name in MARGINS}
    silent = [end for name in SILENT for end in ends[name]]
    rollouts = len(ends[FALL])
    fall, collapse = _needed(ends[FALL], "revert"), _needed(ends[CLASS], "revert")
    certified = _needed(ends[NULLS[0]], "advance")
    return {
        "false_revert": max(reverts.values()),
        "false_revert_upper": wilson(round(max(reverts.values()) * rollouts), rollouts)[1],
        "false_advance": max(advances.values()),
        "false_advance_upper": wilson(round(max(advances.values()) * rollouts), rollouts)[1],
        "hold_without_labels": _share(
            silent, lambda end: end.verdict == "hold" and end.advanced == 0
        ),
        "median_labels_to_revert": _at(50, [one.labels for one in fall], rollouts),
        "p90_labels_to_revert": _at(90, [one.labels for one in fall], rollouts),
        "median_readings_to_revert": _at(50, [one.readings for one in fall], rollouts),
        "p90_readings_to_revert": _at(90, [one.readings for one in fall], rollouts),
        "median_labels_to_certify": _at(50, [one.readings for one in certified], rollouts),
        "median_decisive_to_certify": _at(50, [one.decisive for one in certified], rollouts),
        "median_pairs_to_certify": _at(50, [one.pairs for one in certified], rollouts),
        "p90_labels_class_collapse": _at(90, [one.labels for one in collapse], rollouts),
        "p90_readings_class_collapse": _at(90, [one.readings for one in collapse], rollouts),
        "rollouts_per_cell": rollouts,
        "doubles_before": HISTORY,
    }


def _share(ends: Sequence[End], of: Callable[[End], bool]) -> float:
    return sum(map(of, ends)) / len(ends)


def _needed(ends: Sequence[End], verdict: str) -> list[Needed]:
    return [end.first[1] for end in ends if end.first is not None and end.first[0] == verdict]


def _at(percent: int, values: Sequence[int], rollouts: int) -> float | None:
    """A quantile over all rollouts: those that never came to the verdict stand at its far end (None)."""
    ordered = sorted(values)
    place = int(np.ceil(percent / 100 * rollouts)) - 1
    return float(ordered[place]) if place < len(ordered) else None


def _line(name: str, ends: Sequence[End], seconds: float) -> str:
    reverted = _share(ends, lambda end: end.verdict == "revert")
    advanced = _share(ends, lambda end: end.advanced > 0)
    through = _share(ends, lambda end: end.verdict == "advance")
    first = [end.first[1].readings for end in ends if end.first is not None]
    needed = (
        f"{np.percentile(first, 50):4.0f} / {np.percentile(first, 90):4.0f}" if first else " " * 11
    )
    given = int(np.median([end.given for end in ends]))
    return (
        f"{name:<38} reverted {reverted:6.3f}  advanced {advanced:6.3f}  to the door of full {through:6.3f}"
        f"  readings needed {needed}  given {given:5d}  {seconds:6.0f} s"
    )


def main() -> int:
    """The last line is one JSON object."""
    parser = argparse.ArgumentParser(prog="make bench-rollout", description=__doc__)
    parser.add_argument("--rollouts", type=int, default=1000, help="for each cell")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    print(
        "Readings needed: median / 90 of 100. A rollout that advances goes on to the next step.",
        flush=True,
    )
    print(
        json.dumps(
            measure(options.rollouts, options.processes, lambda line: print(line, flush=True))
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
