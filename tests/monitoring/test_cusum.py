import numpy as np
import pytest

from classifier.conformal import flagging_rank
from monitoring import cusum
from monitoring.cusum import Crossing, Cusum


def test_the_run_length_is_the_published_one_and_what_is_counted() -> None:
    assert cusum.threshold(10_000) == 95
    assert cusum.run_length(95, 0.05) == pytest.approx(10_527, abs=1)
    # a short one, so that it can be counted: 3000 runs of mean m have a standard error of m / sqrt(3000) at most,
    # since the pictures to an alarm spread no wider than an exponential; four of them are the bound
    exact, runs, rng = cusum.run_length(30, 0.1), 3000, np.random.default_rng(1)
    counted = []
    for _ in range(runs):
        at, crossing = Cusum(), None
        while crossing is None:
            at, crossing = cusum.step(at, bool(rng.random() < 0.1), 30)
        counted.append(crossing.index)
    assert abs(np.mean(counted) - exact) < 4 * exact / runs**0.5


def test_the_threshold_never_falls_with_the_budget_and_keeps_it() -> None:
    budgets = [30.0, 1e3, 9e3, 1e4, 1e5, 1e6, 1e8, 1e10, 1e15]
    thresholds = [cusum.threshold(budget) for budget in budgets]
    assert thresholds == sorted(thresholds)
    for budget, h in zip(budgets[:-2], thresholds, strict=False):
        assert cusum.run_length(h, 0.05) >= budget
        assert cusum.run_length(h - 1, 0.05) < budget


@pytest.mark.parametrize("calibration", [59, 200, 1000, 5000])
def test_the_bound_of_the_rate_holds_for_the_share_of_calibration_sets_it_names(
    calibration: int,
) -> None:
    bound = cusum.rate_bound(calibration)
    assert 0 < bound <= 0.05
    # uniform scores: the rate beyond the k-th largest is one minus it. 2000 sets: .935 less 4 * sqrt(.935 * .065 / 2000)
    rng = np.random.default_rng(calibration)
    rank = flagging_rank(calibration)
    rates = [1 - np.sort(rng.random(calibration))[-rank] for _ in range(2000)]
    assert np.mean(np.array(rates) <= bound) >= 0.935 - 0.022


def test_without_calibration_nothing_is_promised_below_five_per_cent() -> None:
    assert cusum.rate_bound(0) == cusum.rate_bound(58) == 0.05


def test_it_climbs_by_thirteen_and_falls_by_one_but_never_below_zero() -> None:
    flags = [False, True, False, False, True]
    at, crossings = cusum.fold(Cusum(), flags, 100)
    assert (at, crossings) == (Cusum(s=24, seen=5, since=1), [])


def test_after_an_alarm_it_starts_from_zero_and_counts_on() -> None:
    at, crossings = cusum.fold(Cusum(), [False] + [True] * 5, 26)
    assert crossings == [Crossing(3, 1, 26), Crossing(5, 3, 26)]
    assert at == Cusum(s=13, seen=6, since=5)


def test_in_pieces_it_is_what_it_is_at_once() -> None:
    rng = np.random.default_rng(2)
    flags = (rng.random(3000) < 0.2).tolist()
    whole = cusum.fold(Cusum(), flags, 60)
    at, crossings = Cusum(), []
    for start in range(0, 3000, 7):
        at, some = cusum.fold(at, flags[start : start + 7], 60)
        crossings += some
    assert (at, crossings) == whole
    assert len(crossings) > 10


def test_a_shift_is_noticed_within_what_counts_as_quiet() -> None:
    h, runs, rng = 95, 1000, np.random.default_rng(3)
    within = cusum.quiet_after(h)
    noticed = sum(
        bool(cusum.fold(Cusum(), (rng.random(within) < 0.1).tolist(), h)[1]) for _ in range(runs)
    )
    # 95 % of 1000, less four standard errors of a count, sqrt(1000 * .95 * .05) each
    assert noticed >= 950 - 28
