"""Whether the accuracy that is shown is true: `make bench-accuracy`.

Order: for each shift 2,000 stretches of 8,000 answers with a known truth go through the estimators as rows of the log;
then streams of labels through the confidence sequence and through the test of a fall. Nothing is tuned to a stream,
and the truth is used for counting alone. Prints a table, then one JSON object.

The answers that are missing for reasons nobody knows (the shift "not ignorable") are promised bounds and no estimate:
it counts for `bounds_cover_mnar` and not for coverage and bias.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from monitoring import accuracy, accuracy_sample, accuracy_sequences
from tests.monitoring.streams import SHIFTS, Shift, seen

MNAR = "unanswered, not ignorable"
# the interval of labels that weigh differently is as wide as fewer of them make it
UNLIKE_WEIGHTS = "rates change, queue labelled"
TARGET, FALLEN, FALL = 0.95, 0.90, 0.05
LABELS_A_DAY, DAYS = 20, 365


@dataclass(frozen=True)
class Measured:
    """One shift over all its stretches."""

    name: str
    what: str
    true: float
    labels: float
    coverage: float
    bias: float
    width: float
    bounds_cover: float


def main() -> None:
    """Measure everything and print it."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--windows", type=int, default=2000, help="stretches of each shift")
    words.add_argument("--seed", type=int, default=20260301)
    asked = words.parse_args()
    shifts = [_measure(name, shift, asked.windows, asked.seed) for name, shift in SHIFTS.items()]
    print(_table(shifts))
    streams = _streams(asked.windows, asked.seed)
    for name, value in streams.items():
        print(f"{name:28}{value:.4f}")
    print(json.dumps({**_told(shifts, asked.windows), **streams}))


def _measure(name: str, shift: Shift, windows: int, seed: int) -> Measured:
    rows = []
    for number in range(windows):
        rng = np.random.default_rng([seed, len(name), number])
        stretch = shift(rng)
        groups, reads = seen(stretch, rng)
        strata = accuracy_sample.strata(groups, accuracy_sample.sample(reads))
        found, (worst, best) = accuracy.estimate(strata), accuracy.bounds(strata)
        assert found is not None
        true = stretch.share_right()
        inside = found.low <= true <= found.high
        width = found.high - found.low
        rows.append((true, found.labels, inside, found.share - true, width, worst <= true <= best))
    true, labels, coverage, bias, width, bounds = np.array(rows, dtype=float).mean(axis=0)
    what = " ".join((shift.__doc__ or "").split())
    return Measured(name, what, true, labels, coverage, bias, width, bounds)


def _streams(streams: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng([seed, 1])
    at_400 = [
        accuracy_sequences.sequence(int(rng.binomial(400, TARGET)), 400) for _ in range(streams)
    ]
    drifting: Callable[[int], float] = lambda day: 0.945 + 0.025 * np.cos(day / 58)  # noqa: E731
    return {
        "power_95_to_90": _alarms(rng, streams, FALLEN, 400),
        "false_detect": _alarms(rng, streams, TARGET, LABELS_A_DAY * DAYS),
        "cs_ever_miss": max(
            _ever_missed(rng, streams, lambda _: TARGET), _ever_missed(rng, streams, drifting)
        ),
        "cs_width_at_400": float(np.mean([high - low for low, high in at_400])),
    }


def _alarms(rng: np.random.Generator, streams: int, share: float, labels: int) -> float:
    """How many streams of labels end in an alarm; the target is declared, and every label is looked at."""
    found = (
        accuracy_sequences.fallen(rng.random(labels) < share, TARGET, FALL) for _ in range(streams)
    )
    return sum(one.at is not None for one in found) / streams


def _ever_missed(rng: np.random.Generator, streams: int, share: Callable[[int], float]) -> float:
    """How many years of daily looks have a day on which the sequence lacks the mean share so far."""
    daily = [share(day) for day in range(DAYS)]
    means = np.cumsum(daily) / np.arange(1, DAYS + 1)
    level = log(1 / accuracy_sequences.ALPHA)
    missed = 0
    for _ in range(streams):
        right = np.cumsum(rng.binomial(LABELS_A_DAY, daily))
        missed += any(
            accuracy_sequences.evidence_against(mean, int(count), LABELS_A_DAY * (day + 1)) >= level
            for day, (mean, count) in enumerate(zip(means, right, strict=True))
        )
    return missed / streams


def _told(shifts: list[Measured], windows: int) -> dict[str, Any]:
    counted = [one for one in shifts if one.name != MNAR]
    (mnar,) = (one for one in shifts if one.name == MNAR)
    return {
        "coverage": round(min(one.coverage for one in counted), 4),
        "coverage_max": round(max(one.coverage for one in counted), 4),
        "windows_per_shift": windows,
        "bias": round(max(abs(one.bias) for one in counted), 5),
        "width_at_400": round(max(one.width for one in counted if one.name != UNLIKE_WEIGHTS), 4),
        "bounds_cover_mnar": round(mnar.bounds_cover, 4),
        "shifts": {one.name: {"coverage": one.coverage, "bias": one.bias} for one in shifts},
    }


def _table(shifts: list[Measured]) -> str:
    head = f"{'shift':30}{'true':>8}{'labels':>8}{'covered':>9}{'bias':>9}{'width':>8}{'bounds':>8}"
    lines = (
        f"{one.name:30}{one.true:8.4f}{one.labels:8.0f}{one.coverage:9.4f}{one.bias:+9.4f}"
        f"{one.width:8.4f}{one.bounds_cover:8.4f}\n    {one.what}"
        for one in shifts
    )
    return "\n".join([head, *lines])


if __name__ == "__main__":
    main()
