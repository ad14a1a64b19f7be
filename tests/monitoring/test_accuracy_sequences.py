"""What is looked at every day is counted over whole years; every bound is binomial, every seed fixed."""

from math import log

import numpy as np
import pytest
from scipy import special, stats

from monitoring import accuracy
from monitoring.accuracy_sequences import ALPHA, C, D, evidence_against, fallen, sequence

SURE = 1e-4
A_DAY, DAYS = 20, 365


@pytest.mark.parametrize("share", [0.7, 0.95, 0.995])
def test_a_year_of_daily_looks_misses_the_truth_once_in_twenty_years(share: float) -> None:
    rng, years = np.random.default_rng(3), 300
    missed = 0
    for _ in range(years):
        right = np.cumsum(rng.binomial(A_DAY, share, DAYS))
        missed += any(
            evidence_against(share, int(count), A_DAY * day) >= log(1 / ALPHA)
            for day, count in enumerate(right, 1)
        )
    assert missed <= stats.binom.ppf(1 - SURE, years, ALPHA)


def test_an_interval_for_one_look_does_not_last_a_year() -> None:
    rng, years = np.random.default_rng(4), 100
    missed = 0
    for _ in range(years):
        right = np.cumsum(rng.binomial(A_DAY, 0.95, DAYS))
        limits = [accuracy.wilson(k / (A_DAY * n), A_DAY * n) for n, k in enumerate(right, 1)]
        missed += any(not low <= 0.95 <= high for low, high in limits)
    assert missed > stats.binom.ppf(1 - SURE, years, ALPHA)


def test_the_ends_of_a_sequence_are_where_its_evidence_reaches_the_level() -> None:
    for right, labels in ((380, 400), (0, 30), (30, 30), (1, 2), (9000, 10_000)):
        low, high = sequence(right, labels)
        assert low < right / labels or right == 0
        assert high > right / labels or right == labels
        for end in {low, high} - {0.0, 1.0}:
            ratio = special.betaln(C + right, D + labels - right) - special.betaln(C, D)
            ratio -= special.xlogy(right, end) + special.xlogy(labels - right, 1 - end)
            assert ratio == pytest.approx(log(20), abs=1e-6)
    assert sequence(0, 0) == (0.0, 1.0)
    assert sequence(0, 30)[0] == 0.0
    assert sequence(30, 30)[1] == 1.0


def test_a_sequence_narrows_and_is_wider_than_an_interval_for_one_look() -> None:
    widths = [
        high - low for low, high in (sequence(int(0.95 * n), n) for n in (20, 100, 400, 2000))
    ]
    assert widths == sorted(widths, reverse=True)
    low, high = accuracy.wilson(0.95, 400)
    assert high - low < widths[2] < 0.07


def test_impossible_counts_are_refused() -> None:
    for right, labels in ((5, 4), (-1, 4)):
        with pytest.raises(ValueError, match="right among"):
            sequence(right, labels)


@pytest.mark.parametrize("share", [0.95, 0.97])
def test_an_accuracy_from_the_target_up_raises_an_alarm_once_in_twenty_runs(share: float) -> None:
    rng, runs = np.random.default_rng(5), 600
    found = sum(fallen(rng.random(5000) < share, 0.95, 0.05).at is not None for _ in range(runs))
    assert found <= stats.binom.ppf(1 - SURE, runs, ALPHA)


def test_a_fall_from_95_to_90_per_cent_is_found_within_400_labels() -> None:
    rng, runs = np.random.default_rng(6), 600
    found = sum(fallen(rng.random(400) < 0.90, 0.95, 0.05).at is not None for _ in range(runs))
    assert found >= stats.binom.ppf(SURE, runs, 0.90)


def test_evidence_once_enough_stays_enough() -> None:
    wrong, right = [False] * 8, [True] * 500
    found = fallen(wrong + right, 0.95, 0.05)
    assert found.at == 5  # each wrong label doubles the evidence: 2, 4, 8, 16, 32
    assert found.largest == pytest.approx(2**8)
    assert found.e_value < 1 < found.largest
    assert fallen([], 0.95, 0.05).at is None


def test_a_very_long_fall_is_a_number_that_rows_can_hold() -> None:
    assert np.isfinite(fallen(np.zeros(100_000, dtype=bool), 0.999, 0.05).largest)


@pytest.mark.parametrize(("target", "fall"), [(0.05, 0.05), (1.0, 0.05), (0.9, 0.0)])
def test_a_target_without_room_to_fall_is_refused(target: float, fall: float) -> None:
    with pytest.raises(ValueError, match="a fall of"):
        fallen([True], target, fall)
