"""Simulated counts are compared with binomial bounds at an error of one in a thousand; every seed is fixed."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from monitoring.flag_counts import Flags
from monitoring.two_samples import (
    Floats,
    Shuffles,
    class_counts,
    distances,
    mean_discrepancies,
    shuffles,
    step_down,
)


def test_the_first_row_is_the_truth_and_every_row_has_as_many() -> None:
    drawn = shuffles(3, 5, 50, seed=1)
    assert drawn.called.shape == (51, 8)
    assert drawn.called[0].tolist() == [1] * 3 + [0] * 5
    assert set(drawn.called.sum(axis=1)) == {3}
    assert (drawn.places == shuffles(3, 5, 50, seed=1).places).all()
    assert (drawn.places != shuffles(3, 5, 50, seed=2).places).any()


def test_every_choice_of_rows_is_drawn_equally_often() -> None:
    drawn = shuffles(2, 3, 10_000, seed=8)
    chosen = [tuple(sorted(row)) for row in drawn.places[1:].tolist()]
    counts = [chosen.count(pair) for pair in combinations(range(5), 2)]
    assert stats.chisquare(counts).pvalue > 1e-3


def test_one_window_larger_than_its_reference_is_drawn_too() -> None:
    drawn = shuffles(9, 2, 30, seed=1)
    assert {len(set(row)) for row in drawn.places.tolist()} == {9}


@pytest.mark.parametrize("digits", [9, 1, 0])
@pytest.mark.parametrize(("window", "reference"), [(30, 40), (40, 9), (2, 5)])
def test_distances_are_those_of_kolmogorov_and_smirnov_also_with_ties(
    digits: int, window: int, reference: int
) -> None:
    pooled = np.random.default_rng(digits).normal(size=window + reference).round(digits)
    drawn = shuffles(window, reference, 20, seed=3)
    expected = [stats.ks_2samp(pooled[row > 0], pooled[row == 0]).statistic for row in drawn.called]
    assert distances(pooled, drawn) == pytest.approx(expected)


def test_class_distances_are_chi_square_and_total_variation() -> None:
    pooled = np.random.default_rng(0).integers(0, 4, 60)
    drawn = shuffles(20, 40, 10, seed=4)
    found = class_counts(pooled, drawn)
    for square, variation, row in zip(
        found.chi_square, found.variation, drawn.called > 0, strict=True
    ):
        table = [np.bincount(part, minlength=4) for part in (pooled[row], pooled[~row])]
        assert square == pytest.approx(stats.chi2_contingency(table, correction=False).statistic)
        shares = [one / one.sum() for one in table]
        assert variation == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)


def test_the_mean_discrepancy_is_the_kernels_own_up_to_the_approximation() -> None:
    rng = np.random.default_rng(2)
    window, reference = rng.normal(0.7, 1, (80, 3)), rng.normal(size=(120, 3))
    pooled = np.concatenate([window, reference])
    apart = ((pooled[:, None] - pooled[None]) ** 2).sum(axis=2)
    scale = np.median(apart[80:, 80:][np.triu_indices(120, 1)])
    kernel = np.exp(-apart / scale / 2)
    exact = kernel[:80, :80].mean() + kernel[80:, 80:].mean() - 2 * kernel[:80, 80:].mean()
    found = mean_discrepancies(pooled, shuffles(80, 120, 20, seed=5), 4096, seed=5)
    assert found[0] == pytest.approx(np.sqrt(exact), rel=0.1)
    assert found[1:].max() < found[0]


def test_the_mean_discrepancy_does_not_depend_on_the_order_of_sums() -> None:
    rng = np.random.default_rng(3)
    pooled = rng.normal(size=(150, 5))
    drawn = shuffles(50, 100, 40, seed=6)
    mixed = Shuffles(np.ascontiguousarray(drawn.places[:, ::-1]), drawn.rows)
    one, other = (mean_discrepancies(pooled, each, 64, seed=7) for each in (drawn, mixed))
    assert one.tolist() == other.tolist()


def test_permutation_p_values_are_those_of_all_permutations() -> None:
    pooled = np.array([0.1, 0.2, 0.9, 0.3, 0.4, 0.5, 0.6, 0.95])
    choices = [[0, 1, 2], *combinations(range(8), 3)]
    everything = Shuffles(np.array(choices, dtype=np.int32), 8)
    all_distances = distances(pooled, everything)
    exact = (all_distances[1:] >= all_distances[0]).mean()
    found = step_down(distances(pooled, shuffles(3, 5, 4000, seed=5))[:, None])[0] * 4001 - 1
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
            drawn = shuffles(20, 30, 99, seed=number)
            statistics = np.stack([distances(column, drawn) for column in pooled.T], axis=1)
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
            found = Flags(least, 2, rank, 4).p_value
            assert found == pytest.approx(count / len(orders))


def test_against_traffic_the_count_is_fishers_test() -> None:
    for flagged, before in ((5, 3), (0, 4), (9, 0), (0, 0)):
        table = [[flagged, 20 - flagged], [before, 80 - before]]
        exact = stats.fisher_exact(table, alternative="greater").pvalue
        assert Flags(flagged, 20, before, 80, traffic=True).p_value == pytest.approx(exact)


def test_a_count_that_is_exceeded_in_one_of_twenty() -> None:
    flags = Flags(0, 200, 39, 1000)
    assert flags.expected == pytest.approx(39 / 1001)
    most = flags.most(0.95)
    assert Flags(most + 1, 200, 39, 1000).p_value <= 0.05 < Flags(most, 200, 39, 1000).p_value
