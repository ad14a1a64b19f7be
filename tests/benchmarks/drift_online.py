"""How long the online detector runs without a cause, and how soon it notices one.

Streams of flags run through `monitoring.cusum` itself, one picture at a time. A stranger's score lies 1.81 standard
deviations above an ordinary one (binormal, AUROC .90). First the flag is for what exceeds the score that exactly 5 %
of ordinary pictures exceed, and h is set for a run length of 10,000 at that rate. Then the flag is for what reaches the
k-th largest of 1,000 calibration scores, drawn anew for each stream, and h is set as the detector sets it for so many;
k is the classifier's own.
`python -m tests.benchmarks.drift_online [SEED]` prints it alone.
"""

import json
import sys
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from classifier.conformal import flagging_rank
from monitoring import cusum
from monitoring.cusum import Cusum

ARL = 10_000.0
NORMAL = NormalDist()
SEPARATION = 2**0.5 * NORMAL.inv_cdf(0.90)
KNOWN = NORMAL.inv_cdf(1 - cusum.NULL_RATE)
# the last delay differs much between calibration sets: its mean takes many of them
NULL_RUNS, RUNS, CALIBRATIONS, CALIBRATION = 800, 4000, 12_000, 1000

Rng = np.random.Generator


def measure(seed: int) -> dict[str, float]:
    """The figures by name, from streams drawn with `seed`; about a minute of one core."""
    rng = np.random.default_rng(seed)
    h = cusum.threshold(ARL)
    lower = cusum.threshold(ARL, cusum.rate_bound(CALIBRATION))
    calibrated = [_calibrated(rng) for _ in range(CALIBRATIONS)]
    lengths = np.array([cusum.run_length(lower, 1 - NORMAL.cdf(one)) for one in calibrated])
    return {
        "h": h,
        "arl0_exact": cusum.run_length(h, cusum.NULL_RATE),
        "arl0": _pictures(rng, h, [KNOWN] * NULL_RUNS, 0.0),
        "delay_100pct": _pictures(rng, h, [KNOWN] * RUNS, 1.0),
        "delay_50pct": _pictures(rng, h, [KNOWN] * RUNS, 0.5),
        "delay_20pct": _pictures(rng, h, [KNOWN] * RUNS, 0.2),
        "delay_10pct": _pictures(rng, h, [KNOWN] * RUNS, 0.1),
        "h_calibrated": lower,
        "arl0_calibrated_share": float(np.mean(lengths >= ARL)),
        "arl0_calibrated_median": float(np.median(lengths)),
        "delay_20pct_calibrated": _pictures(rng, lower, calibrated, 0.2),
        "delay_10pct_calibrated": _pictures(rng, lower, calibrated, 0.1),
    }


def _calibrated(rng: Rng) -> float:
    scores = np.sort(rng.normal(size=CALIBRATION))
    return float(scores[-flagging_rank(CALIBRATION)])


def _pictures(rng: Rng, h: int, thresholds: Sequence[float], strange: float) -> float:
    """Mean pictures to the alarm over one stream for each threshold, a share `strange` of them strangers."""
    return float(np.mean([_until_alarm(rng, h, one, strange) for one in thresholds]))


def _until_alarm(rng: Rng, h: int, threshold: float, strange: float) -> int:
    at, length = Cusum(), 4096 if strange == 0 else 512
    while True:
        scores = rng.normal(size=length) + SEPARATION * (rng.random(length) < strange)
        for flag in (scores >= threshold).tolist():
            at, crossing = cusum.step(at, flag, h)
            if crossing is not None:
                return crossing.index


def main() -> None:
    """A table, then the same as JSON in the last line."""
    figures = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    for name, value in figures.items():
        print(f"{name:26} {value:>12,.3f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
