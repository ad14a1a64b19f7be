"""Simulated counts are compared with binomial bounds at an error of one in a thousand; every seed is fixed."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from monitoring.two_samples import (
    Floats,
    class_distances,
    distances,
    excess,
    shuffles,
    step_down,
)


def test_the_first_row_is_the_truth_and_every_row_has_as_many() -> None:
    called = shuffles(3, 5, 50, seed=1)
    assert called.shape == (51, 8)
    assert called[0].tolist() == [True] * 3 + [False] * 5
    assert set(called.sum(axis=1)) == {3}
    assert (called == shuffles(3, 5, 50, seed=1)).all()
    assert (called != shuffles(3, 5, 50, seed=2)).any()


@pytest.mark.parametrize("digits", [9, 1, 0])
def test_distances_are_those_of_kolmogorov_and_smirnov_also_with_ties(digits: int) -> None:
    rng = np.random.default_rng(digits)
    pooled = rng.normal(size=70).round(digits)
    called = shuffles(30, 40, 20, seed=3)
    expected = [stats.ks_2samp(pooled[row], pooled[~row]).statistic for row in called]
    assert distances(pooled, called) == pytest.approx(expected)


def test_class_distances_are_those_of_the_chi_square_test() -> None:
    pooled = np.random.default_rng(0).integers(0, 4, 60)
    called = shuffles(20, 40, 10, seed=4)
    for found, row in zip(class_distances(pooled, called), called, strict=True):
        table = [np.bincount(part, minlength=4) for part in (pooled[row], pooled[~row])]
        assert found == pytest.approx(stats.chi2_contingency(table, correction=False).statistic)


def test_permutation_p_values_are_those_of_all_permutations() -> None:
    pooled = np.array([0.1, 0.2, 0.9, 0.3, 0.4, 0.5, 0.6, 0.95])
    everything = np.zeros((56, 8), dtype=bool)
    for row, places in zip(everything, combinations(range(8), 3), strict=True):
        row[list(places)] = True
    all_distances = distances(pooled, everything)
    exact = (all_distances >= all_distances[0]).mean()
    drawn = distances(pooled, shuffles(3, 5, 4000, seed=5))
    found = step_down(drawn[:, None])[0] * 4001 - 1
    low, high = stats.binom.interval(0.999, 4000, exact)
    assert low <= found <= high


def by_hand(statistics: Floats) -> list[float]:
    """Step-down by its definition, column after column."""
    order = sorted(range(statistics.shape[1]), key=lambda one: -statistics[0, one])
    p, largest = {}, 0.0
    for place, column in enumerate(order):
        rest = statistics[:, order[place:]].max(axis=1)
        largest = max(largest, float((rest >= statistics[0, column]).mean()))
        p[column] = largest
    return [p[column] for column in range(len(order))]


@pytest.mark.parametrize("seed", range(5))
def test_step_down_is_what_its_definition_says(seed: int) -> None:
    statistics = np.random.default_rng(seed).random((200, 7)).round(2)
    assert step_down(statistics).tolist() == pytest.approx(by_hand(statistics))


def test_a_family_errs_as_often_as_it_may_however_its_columns_depend() -> None:
    rng, alpha, families = np.random.default_rng(6), 0.1, 300
    for dependence in (0.0, 0.9):
        errors = 0
        for number in range(families):
            shared = rng.normal(size=(50, 1))
            pooled = dependence * shared + rng.normal(size=(50, 6))
            called = shuffles(20, 30, 99, seed=number)
            statistics = np.stack([distances(column, called) for column in pooled.T], axis=1)
            errors += step_down(statistics).min() <= alpha
        low, high = stats.binom.interval(0.999, families, alpha)
        assert errors <= high
        # not so careful that it would never find anything; distances are discrete, hence the half
        assert errors >= low / 2


def test_the_count_of_flags_is_exact() -> None:
    # every order of 2 new and 4 calibrating scores is equally likely
    for rank in (1, 2):
        more_than: dict[int, int] = dict.fromkeys(range(3), 0)
        orders = list(combinations(range(6), 2))
        for new in orders:
            calibration = sorted(set(range(6)) - set(new), reverse=True)
            flagged = sum(place > calibration[rank - 1] for place in new)
            for least in range(flagged + 1):
                more_than[least] += 1
        for least, count in more_than.items():
            assert excess(least, 2, rank, 4) == pytest.approx(count / len(orders))
