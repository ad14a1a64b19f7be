"""Bounds are two-sided binomial with an error of one in a million; ids and key are fixed."""

from itertools import combinations
from typing import get_args

import pytest
from scipy.stats import binom

from store.draws import Purpose, draw

KEY = "k" * 32
IDS = [f"prediction-{number}" for number in range(20_000)]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


def bounds(trials: int, share: float) -> tuple[float, float]:
    return float(binom.ppf(5e-7, trials, share)), float(binom.isf(5e-7, trials, share))


def inside(count: int, trials: int, share: float) -> bool:
    low, high = bounds(trials, share)
    return low <= count <= high


@pytest.mark.parametrize("purpose", PURPOSES)
def test_draws_are_uniform(purpose: Purpose) -> None:
    numbers = [draw(KEY, purpose, identity) for identity in IDS]
    assert all(0 <= number < 1 for number in numbers)
    for share in (0.01, 0.05, 0.25, 0.5, 0.9):
        assert inside(sum(number < share for number in numbers), len(IDS), share)


def test_two_purposes_do_not_share_a_draw() -> None:
    drawn = {
        purpose: {identity for identity in IDS if draw(KEY, purpose, identity) < 0.2}
        for purpose in PURPOSES
    }
    for one, other in combinations(PURPOSES, 2):
        assert inside(len(drawn[one] & drawn[other]), len(drawn[one]), 0.2), (one, other)


def test_a_draw_can_be_repeated_and_follows_the_key() -> None:
    assert draw(KEY, "audit", "a") == draw(KEY, "audit", "a")
    assert draw(KEY, "audit", "a") != draw("x" * 32, "audit", "a")
