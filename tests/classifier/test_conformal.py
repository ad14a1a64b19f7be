"""What is claimed of flags is counted. Each bound is a binomial one, written beside the count."""

import math

import numpy as np
import pytest

from classifier.conformal import CERTAINTY, RATE, flagging_rank, p_value
from classifier.tails import fit_tails
from tests.classifier.counting import most_likely


@pytest.mark.parametrize(
    ("n", "rank"),
    [(0, 0), (58, 0), (59, 1), (200, 5), (334, 10), (500, 17), (1000, 39), (5000, 225)],
)
def test_the_rank_is_the_exact_one(n: int, rank: int) -> None:
    """The ranks that the beta distribution of an order statistic gives, computed exactly."""
    assert flagging_rank(n) == rank


def test_the_p_value_counts_ties_against_the_flag() -> None:
    scores = np.array([1.0, 2.0, 2.0, 3.0])
    assert p_value(scores, 4.0) == pytest.approx(1 / 5)
    assert p_value(scores, 2.0) == pytest.approx(4 / 5)
    assert p_value(scores, [0.0, 3.0]).tolist() == pytest.approx([1.0, 2 / 5])


@pytest.mark.parametrize("n", [59, 200, 1000])
def test_few_calibration_sets_flag_more_than_promised(n: int) -> None:
    """Uniform scores: the true rate of one set is 1 minus its k-th largest score."""
    sets = 4000
    scores = np.random.default_rng(n).random((sets, n))
    rates = 1 - np.partition(scores, n - flagging_rank(n), axis=1)[:, n - flagging_rank(n)]
    assert (rates > RATE).sum() <= most_likely(sets, 1 - CERTAINTY)
    assert rates.mean() == pytest.approx(flagging_rank(n) / (n + 1), rel=0.05)


def test_one_rank_more_would_break_the_promise() -> None:
    n, sets = 59, 4000
    scores = np.random.default_rng(5).random((sets, n))
    place = n - flagging_rank(n) - 1
    rates = 1 - np.partition(scores, place, axis=1)[:, place]
    assert (rates > RATE).sum() > most_likely(sets, 1 - CERTAINTY)


def test_p_values_of_ordinary_pictures_are_not_too_small() -> None:
    rng = np.random.default_rng(7)
    sets, n = 3000, 99
    calibration, new = np.sort(rng.normal(size=(sets, n)), axis=1), rng.normal(size=sets)
    p = np.array([p_value(one, score) for one, score in zip(calibration, new, strict=True)])
    for level in (0.01, 0.05, 0.2):
        assert (p <= level).sum() <= most_likely(sets, level)
        assert (p <= level).sum() >= sets - most_likely(sets, 1 - level)


def test_tails_estimate_the_logarithm_of_the_upper_share() -> None:
    x = np.random.default_rng(1).exponential(size=(20_000, 1))
    tails = fit_tails(x, [1e-6])
    places = np.array([[1.0], [3.0], [5.0]])
    assert tails.score(places)[:, 0] == pytest.approx([1.0, 3.0, 5.0], abs=0.1)


def test_tails_go_on_beyond_all_that_was_seen() -> None:
    x = np.random.default_rng(2).normal(size=(300, 1))
    scores = fit_tails(x, [1e-6]).score([[x.max()], [6.0], [12.0]])[:, 0]
    assert scores[0] < scores[1] < scores[2]


def test_a_column_that_never_varied_is_not_infinitely_strict() -> None:
    tails = fit_tails(np.full((500, 1), 227.0), [10.0])
    assert tails.score([[227.0]])[0, 0] <= math.log(2) + 1e-9
    assert tails.score([[237.0]])[0, 0] == pytest.approx(math.log(2) + 1)
    assert tails.score([[100.0]])[0, 0] == 0


def test_tails_can_be_fitted_on_very_little() -> None:
    assert np.isfinite(fit_tails([[1.0, 2.0]], [0.1, 0.1]).score([[5.0, -5.0]])).all()
