import numpy as np
import pytest
from scipy.stats import binom

from monitoring.reader_error import Doubles, at_most, kept_of_a_difference


def test_where_nothing_is_known_readers_may_be_guessing() -> None:
    assert at_most(Doubles(), 7, 0.05) == pytest.approx(6 / 7)
    assert kept_of_a_difference(6 / 7, 7) == pytest.approx(0.0)


def test_what_is_known_narrows_the_bound_down_to_the_error() -> None:
    error, classes = 0.05, 7
    differing = 1 - (1 - error) ** 2 - error**2 / (classes - 1)
    bounds = [at_most(Doubles(n, round(n * differing)), classes, 0.05) for n in (50, 500, 50_000)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == pytest.approx(error, abs=0.005)


@pytest.mark.parametrize("classes", [2, 3, 100])
def test_readers_who_never_differ_still_have_a_bound(classes: int) -> None:
    assert 0 < at_most(Doubles(200, 0), classes, 0.05) < 0.03


def test_a_difference_shrinks_by_what_readers_confuse() -> None:
    # one of two classes: with an error of 5 % a difference of 1 is seen as .95 - .05
    assert kept_of_a_difference(0.05, 2) == pytest.approx(0.9)


def test_the_bound_holds_at_every_look() -> None:
    runs, random = 1000, np.random.default_rng(3)
    error, classes = 0.1, 5
    share = 1 - (1 - error) ** 2 - error**2 / (classes - 1)
    failed = 0
    for row in (random.random((runs, 150)) < share).cumsum(axis=1):
        failed += any(
            at_most(Doubles(n, int(k)), classes, 0.05) < error
            for n, k in enumerate(row, 1)
            if n % 5 == 0
        )
    assert failed <= binom.ppf(0.999, runs, 0.05)


def test_one_class_has_nothing_to_err_about() -> None:
    with pytest.raises(ValueError, match="nothing to err"):
        at_most(Doubles(), 1, 0.05)
