import numpy as np
import pytest
from scipy import stats

from monitoring import budget


def test_a_windows_p_value_is_that_of_its_families_by_what_each_may_err() -> None:
    values = {
        "flagged_pictures": {"family": "flags", "p_value": 0.01, "threshold": 0.02},
        "brightness": {"family": "properties", "p_value": 0.004, "threshold": 0.01},
        "contrast": {"family": "properties", "p_value": 0.5, "threshold": 0.01},
    }
    # of the 3 % that both families may err, flags have two thirds
    assert budget.window_p(values) == pytest.approx(min(0.01 * 1.5, 0.004 * 3))
    assert budget.window_p({"reason": "too few"}) == 1.0


def test_what_is_far_beyond_chance_pages_at_once_and_the_rest_when_it_stays() -> None:
    assert budget.spend([1e-9], 480, 0.05).pages
    floor = 0.005  # the least that 999 shuffles of one family can say
    runs = [budget.spend([floor] * length, 34, 0.05).pages for length in range(1, 6)]
    assert runs == [False, True, True, True, True]
    many = [budget.spend([floor] * length, 480, 0.05).pages for length in range(1, 6)]
    assert many == [False, False, False, True, True]


def test_a_window_without_drift_spends_nothing() -> None:
    spent = budget.spend([], 480, 0.05)
    assert (spent.pages, spent.run) == (False, 0)


def test_the_more_windows_a_day_has_the_less_one_of_them_may_do() -> None:
    assert budget.spend([0.001], 24, 0.05).share == pytest.approx(0.05 / 24 / 2)
    assert budget.spend([0.001], 240, 0.05).share == pytest.approx(0.05 / 240 / 2)


def test_of_windows_without_drift_no_more_page_than_the_budget_says() -> None:
    rng, days, windows, a_day = np.random.default_rng(1), 4000, 24, 0.5
    pages = 0
    run: list[float] = []
    for p in rng.random(days * windows):
        # drift at 5 %, as the rule has it
        run = [float(p), *run] if p <= 0.05 else []
        pages += budget.spend(run, windows, a_day).pages
    assert pages <= stats.poisson.isf(1e-3, days * a_day)
    # and the budget is there to be used
    assert pages >= days * a_day / 4
