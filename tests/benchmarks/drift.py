"""How often is a verdict wrong, and how soon is a drift seen? `make bench-drift`.

Windows without drift and windows with a contaminant are made up (`worlds`) and judged by the code that judges in
production, bursts and all: 20 references for each cell of window size and number of classes, 100 windows for each
reference. Also: power against 20 % of strange pictures, Evidently's default preset on 40 of the same windows, the time
of one large check with its report, and the online detectors (`drift_online`). A table, then one line of JSON.
"""

import argparse
import json
import multiprocessing
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

import numpy as np

from monitoring import window_verdicts
from monitoring.columns import CLASS, Table
from monitoring.settings import forbid_telemetry
from monitoring.window_verdicts import Against, Judged
from tests.benchmarks import drift_online
from tests.benchmarks.worlds import World, against, flagged

SIZES = (50, 100, 200, 500)
CLASSES = (3, 37, 100)
HELD_OUT = 1000
REFERENCES = 20
WINDOWS = 100
POWER_WINDOWS = 400
EVIDENTLY_WINDOWS = 40
MINIMUM = 20


@dataclass(frozen=True)
class Task:
    """Windows of `pictures`, so many for one reference, whose number is part of the seed."""

    pictures: int
    classes: int
    strange: float
    reference: int
    windows: int
    held_out: int = HELD_OUT

    def rng(self) -> np.random.Generator:
        """What this task draws from, whoever does it."""
        percent = round(100 * self.strange)
        return np.random.default_rng(
            [self.pictures, self.classes, percent, self.reference, self.held_out]
        )


def made(task: Task) -> Iterator[tuple[Table, Against, int]]:
    """The windows of a task, each with the reference it is judged against and its seed."""
    rng = task.rng()
    reference = against(World(task.classes).draw(task.held_out, rng))
    world = World(task.classes, strange=task.strange)
    for _ in range(task.windows):
        yield (
            flagged(world.draw(task.pictures, rng), reference),
            reference,
            int(rng.integers(2**62)),
        )


def judged(task: Task) -> dict[str, int]:
    """How many windows of the task were drift, by family and in `any` of them."""
    found: dict[str, int] = {"any": 0}
    for window, reference, seed in made(task):
        verdict = window_verdicts.judge(window, reference, MINIMUM, seed)
        found["any"] += verdict.verdict == "drift"
        for family in drifted(verdict):
            found[family] = found.get(family, 0) + 1
    return found


def drifted(verdict: Judged) -> set[str]:
    """The families that a verdict of drift is due to."""
    return {test.family for test in verdict.tests.values() if test.drift}


def evidently_default(windows: int) -> tuple[int, int]:
    """In how many null windows of 100 pictures Evidently's default preset says dataset drift, and any test fails."""
    forbid_telemetry()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        whole = some = 0
        for number in range(windows):
            task = Task(100, 37, 0.0, number % REFERENCES, 1 + number // REFERENCES)
            window, reference, _ = list(made(task))[-1]
            snapshot = Report([DataDriftPreset()], include_tests=True).run(
                dataset(window), dataset(reference.table)
            )
            failed = [test["name"] for test in snapshot.dict()["tests"] if test["status"] == "FAIL"]
            some += bool(failed)
            whole += any("Share of Drifted Columns" in name for name in failed)
    return whole, some


def dataset(table: Table) -> Any:
    """A table as Evidently takes it, with the kinds of its columns."""
    import pandas as pd
    from evidently import DataDefinition, Dataset

    definition = DataDefinition(numerical_columns=list(table.numbers), categorical_columns=[CLASS])
    frame = pd.DataFrame({**table.numbers, CLASS: table.classes})
    return Dataset.from_pandas(frame, data_definition=definition)


def seconds_of_a_large_check() -> float:
    """Of one core: a window of 500 against 5,000 rows, all tests and the report, whose library is loaded already.

    The processor's seconds, since other parts of the benchmark run beside it.
    """
    from monitoring import drift

    best = np.inf
    for window, reference, seed in made(Task(500, 37, 0.2, 0, 3, held_out=5000)):
        start = time.process_time()
        found = window_verdicts.judge(window, reference, MINIMUM, seed)
        drift.report(found.window, found.reference, found.tests, {}, datetime.now(UTC))
        best = min(best, time.process_time() - start)
    return float(best)


def tasks(windows: int) -> list[Task]:
    """Every task, the long ones first."""
    null = [
        Task(pictures, classes, 0.0, reference, windows)
        for pictures, classes, reference in product(SIZES, CLASSES, range(REFERENCES))
    ]
    power = [
        Task(200, 37, 0.2, reference, POWER_WINDOWS // REFERENCES)
        for reference in range(REFERENCES)
    ]
    return sorted([*null, *power], key=lambda task: -task.pictures * task.windows)


def table(done: Sequence[tuple[Task, dict[str, int]]]) -> dict[str, Any]:
    """Prints the cells; the figures of the JSON."""
    print(
        "windows without drift called drift, by pictures in a window and classes; p90 of references"
    )
    worst, conditional = 0.0, 0.0
    for pictures in SIZES:
        of_size = [
            (task, found) for task, found in done if task.pictures == pictures and not task.strange
        ]
        by_reference = [found["any"] / task.windows for task, found in of_size]
        p90 = float(np.quantile(by_reference, 0.9))
        conditional = max(conditional, p90)
        for classes in CLASSES:
            cell = [(task, found) for task, found in of_size if task.classes == classes]
            count = sum(task.windows for task, _ in cell)
            rate = sum(found["any"] for _, found in cell) / count
            worst = max(worst, rate)
            families = sorted({name for _, found in cell for name in found} - {"any"})
            parts = ", ".join(
                f"{name} {sum(found.get(name, 0) for _, found in cell) / count:.2%}"
                for name in families
            )
            print(f"  n={pictures:<4} K={classes:<4} {rate:6.2%} of {count}  ({parts})")
        print(f"  n={pictures:<4} p90 over {len(by_reference)} references {p90:.1%}")
    strange = [(task, found) for task, found in done if task.strange]
    power = sum(found["any"] for _, found in strange) / sum(task.windows for task, _ in strange)
    print(f"power, 20 % strange pictures (AUROC .90), n=200: {power:.1%}")
    return {
        "false_alarm_rate": worst,
        "windows_per_cell": max(task.windows for task, _ in done) * REFERENCES,
        "conditional_false_alarm_p90": conditional,
        "power_20pct_n200": power,
    }


def main(words: Sequence[str] | None = None) -> int:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--windows", type=int, default=WINDOWS, help="for each reference")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(words)
    # one thread for each process: the processes are what uses the cores
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # noqa: TID251
    start, all_tasks = time.perf_counter(), tasks(asked.windows)
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        online = pool.apply_async(drift_online.measure, (1,))
        large = pool.apply_async(seconds_of_a_large_check)
        default = pool.apply_async(evidently_default, (EVIDENTLY_WINDOWS,))
        done = pool.map(judged, all_tasks, chunksize=1)
        figures = table(list(zip(all_tasks, done, strict=True)))
        whole, some = default.get()
        figures |= online.get()
        seconds = large.get()
    print(
        f"Evidently's default preset, 40 windows of 100: dataset drift in {whole}, any test in {some}"
    )
    print(f"500 pictures against 5,000, tests and report: {seconds:.2f} s of one core")
    print(f"{time.perf_counter() - start:.0f} s in all")
    figures["evidently_default_false_alarm_rate"] = whole / EVIDENTLY_WINDOWS
    figures["evidently_default_any_test"] = some / EVIDENTLY_WINDOWS
    figures["seconds_500_against_5000"] = round(seconds, 2)
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
