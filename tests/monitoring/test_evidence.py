from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from monitoring.evidence import compare, paired_interval, wilson

SAMPLES = 20_000
Z = 1.959963984540054
# the interval is a score interval: on a few pictures its true coverage lies up to a point below nominal
DISCRETE = 0.01


def test_the_verdict_follows_from_the_pictures_on_which_the_two_differ() -> None:
    both = [True] * 80
    better = compare([*both, *[True] * 15, *[False] * 5], [*both, *[False] * 15, *[True] * 5])
    worse = compare([*both, *[False] * 15, *[True] * 5], [*both, *[True] * 15, *[False] * 5])
    assert (better.verdict, better.wins, better.losses, better.pictures) == ("better", 15, 5, 100)
    assert (better.accuracy, better.against_accuracy) == (0.95, 0.85)
    assert better.difference == pytest.approx(0.10)
    assert better.low is not None
    assert better.low > 0
    assert worse.verdict == "worse"
    assert (worse.low, worse.high) == pytest.approx((-(better.high or 0), -better.low))


def test_too_few_disagreements_cannot_tell() -> None:
    assert compare([True] * 12, [True] * 12).verdict == "cannot_tell"
    assert compare([True, True, True], [False, False, False]).verdict == "cannot_tell"


def test_no_pictures_at_all_cannot_tell_and_show_no_number() -> None:
    nothing = compare([], [])
    assert nothing.verdict == "cannot_tell"
    assert (nothing.pictures, nothing.accuracy, nothing.difference, nothing.low) == (
        0,
        None,
        None,
        None,
    )


def test_answers_to_different_numbers_of_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        compare([True], [True, False])
    with pytest.raises(ValueError, match="3 wins"):
        paired_interval(3, 0, 2)


def test_without_disagreement_the_interval_has_its_closed_form() -> None:
    for pictures in (1, 10, 400):
        bound = Z**2 / (pictures + Z**2)
        assert paired_interval(0, 0, pictures) == pytest.approx((-bound, bound))


@pytest.mark.parametrize(("wins", "losses", "pictures"), [(12, 2, 50), (0, 9, 30), (40, 20, 160)])
def test_the_bounds_are_where_a_likelihood_maximised_by_hand_meets_the_quantile(
    wins: int, losses: int, pictures: int
) -> None:
    for bound in paired_interval(wins, losses, pictures):
        # shares of losses that leave every cell a probability
        lost = np.linspace(max(0.0, -bound), (1 - bound) / 2, 400_001)[1:-1]
        likelihood = (
            wins * np.log(lost + bound)
            + losses * np.log(lost)
            + (pictures - wins - losses) * np.log(1 - 2 * lost - bound)
        )
        likeliest = lost[likelihood.argmax()]
        variance = pictures * (2 * likeliest + bound - bound**2)
        score = (wins - losses - pictures * bound) / sqrt(variance)
        assert abs(score) == pytest.approx(Z, abs=2e-3)


@pytest.mark.parametrize("pictures", [20, 60, 250])
@pytest.mark.parametrize(("win", "lose"), [(0.1, 0.1), (0.2, 0.05), (0.02, 0.06), (0.3, 0.3)])
def test_the_interval_covers_the_truth_as_often_as_it_says(
    pictures: int, win: float, lose: float
) -> None:
    covered = _share_of_samples(
        pictures, win, lose, lambda low, high: low <= win - lose <= high, seed=1
    )
    noise = 4 * sqrt(0.95 * 0.05 / SAMPLES)
    assert covered >= 0.95 - DISCRETE - noise


@pytest.mark.parametrize("pictures", [20, 60, 250])
@pytest.mark.parametrize("differ", [0.02, 0.1, 0.3])
def test_an_equal_candidate_is_rarely_called_better_or_worse(pictures: int, differ: float) -> None:
    noise = 4 * sqrt(0.025 * 0.975 / SAMPLES)
    for wrong in (lambda low, _: low > 0, lambda _, high: high < 0):
        share = _share_of_samples(pictures, differ / 2, differ / 2, wrong, seed=2)
        assert share <= 0.025 + DISCRETE / 2 + noise


def test_a_candidate_ten_points_better_is_seen_on_250_pictures() -> None:
    seen = _share_of_samples(250, 0.15, 0.05, lambda low, _: low > 0, seed=3)
    assert seen >= 0.9


def test_wilson_agrees_with_its_defining_equation() -> None:
    for right, pictures in [(0, 10), (9, 10), (380, 400)]:
        for bound in wilson(right, pictures):
            squared = (right / pictures - bound) ** 2
            assert squared == pytest.approx(Z**2 * bound * (1 - bound) / pictures, abs=1e-12)
    assert wilson(0, 0) == (0.0, 1.0)


def _share_of_samples(
    pictures: int, win: float, lose: float, said: Callable[[float, float], bool], *, seed: int
) -> float:
    counts = np.random.default_rng(seed).multinomial(
        pictures, [win, lose, 1 - win - lose], size=SAMPLES
    )
    different, times = np.unique(counts[:, :2], axis=0, return_counts=True)
    hits = sum(
        int(many)
        for (wins, losses), many in zip(different, times, strict=True)
        if said(*paired_interval(int(wins), int(losses), pictures))
    )
    return hits / SAMPLES
