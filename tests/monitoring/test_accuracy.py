"""Estimates are counted against a known truth over simulated streams; every bound is binomial, every seed fixed."""

from math import inf

import numpy as np
import pytest
from numpy.random import Generator
from scipy import stats

from monitoring import accuracy, accuracy_sample
from monitoring.accuracy import Estimate, Stratum
from tests.monitoring import streams
from tests.monitoring.streams import Shift, Stretch, seen

SURE = 1e-4
NOBODY = np.empty(0)


def estimate(stretch: Stretch, rng: Generator) -> tuple[Estimate, tuple[float, float]]:
    groups, reads = seen(stretch, rng)
    strata = accuracy_sample.strata(groups, accuracy_sample.sample(reads))
    found = accuracy.estimate(strata)
    assert found is not None
    return found, accuracy.bounds(strata)


def stratum(right: int, wrong: int, answers: int, rate: float = 0.05) -> Stratum:
    """Answers of which some were checked, with a confidence that says nothing."""
    number = right + wrong
    values = np.array([1.0] * right + [0.0] * wrong)
    return Stratum(
        answers, 0.9, values, np.ones(number, dtype=bool), np.zeros(number, dtype=bool),
        np.full(number, 0.9), np.full(number, rate), NOBODY,
    )  # fmt: skip


@pytest.mark.parametrize(
    "shift",
    [
        streams.honest, streams.blind_spot, streams.bursts, streams.ignorable,
        streams.readers_err, streams.rates_and_queue,
    ],
)  # fmt: skip
def test_the_interval_covers_the_truth_as_often_as_it_says_and_is_not_off(shift: Shift) -> None:
    trials, covered, off = 100, 0, []
    for number in range(trials):
        rng = np.random.default_rng([7, number])
        stretch = shift(rng)
        found, _ = estimate(stretch, rng)
        true = stretch.share_right()
        covered += found.low <= true <= found.high
        off.append(found.share - true)
    # at least .93 and not more than .985: an interval that is too wide is wrong too
    assert covered >= stats.binom.ppf(SURE, trials, 0.93)
    assert covered <= stats.binom.ppf(1 - SURE, trials, 0.985)
    assert abs(np.mean(off)) <= 0.002 + 4 * np.std(off) / trials**0.5


def test_bounds_hold_where_wrong_answers_are_left_unread_and_the_estimate_does_not() -> None:
    trials, bounded, covered = 60, 0, 0
    for number in range(trials):
        rng = np.random.default_rng([8, number])
        stretch = streams.not_ignorable(rng)
        found, (worst, best) = estimate(stretch, rng)
        bounded += worst <= stretch.share_right() <= best
        covered += found.low <= stretch.share_right() <= found.high
    assert bounded >= stats.binom.ppf(SURE, trials, 0.95)
    assert covered < stats.binom.ppf(SURE, trials, 0.93)  # or this stream would test nothing


def test_one_reading_is_biased_by_the_readers_errors_and_a_second_one_repairs_it() -> None:
    once, twice = [], []
    for number in range(40):
        rng = np.random.default_rng([9, number])
        stretch = streams.readers_err(rng)
        groups, reads = seen(stretch, rng)
        true = stretch.share_right()
        first = np.mean([one.opinions[0][1] == one.answer for one in reads])
        found = accuracy.estimate(accuracy_sample.strata(groups, accuracy_sample.sample(reads)))
        assert found is not None
        once.append(first - true)
        twice.append(found.share - true)
    assert np.mean(once) < -0.035
    assert abs(np.mean(twice)) < 0.006


def test_confidence_corrects_for_hard_pictures_that_stay_unread() -> None:
    plain, corrected = [], []
    for number in range(60):
        rng = np.random.default_rng([10, number])
        stretch = streams.ignorable(rng)
        groups, reads = seen(stretch, rng)
        strata = accuracy_sample.strata(groups, accuracy_sample.sample(reads))
        with_it, without = accuracy.estimate(strata), accuracy.estimate(strata, control=False)
        assert with_it is not None
        assert without is not None
        corrected.append(with_it.share - stretch.share_right())
        plain.append(without.share - stretch.share_right())
    assert np.mean(plain) > 0.006
    assert abs(np.mean(corrected)) < 0.005


@pytest.mark.parametrize(
    ("answers", "rate", "share"),
    [(60, 0.5, 0.8), (300, 0.5, 0.95), (2000, 0.05, 0.6), (3000, 0.9, 0.5), (20000, 0.1, 0.98)],
)
def test_it_covers_at_any_size_rate_and_accuracy(answers: int, rate: float, share: float) -> None:
    trials, covered = 400, 0
    for number in range(trials):
        rng = np.random.default_rng([11, number])
        confidence = rng.beta(6 * share, 6 * (1 - share), answers)
        right = rng.random(answers) < confidence
        drawn = rng.random(answers) < rate
        count = int(drawn.sum())
        one = Stratum(
            answers, float(confidence.mean()), right[drawn].astype(float),
            np.ones(count, dtype=bool), np.zeros(count, dtype=bool), confidence[drawn],
            np.full(count, rate), NOBODY,
        )  # fmt: skip
        found = accuracy.estimate([one])
        assert found is not None
        covered += found.low <= right.mean() <= found.high
    assert covered >= stats.binom.ppf(SURE, trials, 0.93)
    assert covered <= stats.binom.ppf(1 - SURE, trials, 0.985)


def test_what_was_read_completely_is_known() -> None:
    found = accuracy.estimate([stratum(45, 5, answers=50, rate=1.0)])
    assert found is not None
    assert (found.share, found.low, found.high) == (0.9, 0.9, 0.9)
    assert found.effective == pytest.approx(50)  # and yet no more than 50 labels


def test_strata_weigh_by_their_answers_and_not_by_their_labels() -> None:
    found = accuracy.estimate([stratum(90, 10, answers=9000), stratum(50, 50, answers=1000)])
    assert found is not None
    assert found.share == pytest.approx(0.9 * 0.9 + 0.1 * 0.5)
    assert found.low < found.share < found.high
    assert found.effective == pytest.approx(1 / (0.9**2 / 100 + 0.1**2 / 100))


def test_a_stratum_with_few_labels_goes_together_with_its_neighbour() -> None:
    parts = [stratum(40, 0, 800), stratum(5, 5, 200), stratum(40, 0, 800)]
    both, alone = accuracy.merged(parts)
    assert (both.answers, len(both.right), alone.answers) == (1000, 50, 800)
    assert both.mean_confidence == pytest.approx(0.9)


def test_rates_of_one_stratum_weigh_inversely() -> None:
    one = stratum(2, 2, answers=300)
    mixed = Stratum(**{**vars(one), "rate": np.array([0.1, 0.1, 0.2, 0.2])})
    assert mixed.weights == pytest.approx(np.array([100, 100, 50, 50]))
    found = accuracy.estimate([mixed])
    assert found is not None
    assert found.share == pytest.approx(2 / 3)
    assert found.effective == pytest.approx(3.6)


def test_without_a_label_there_is_no_estimate_and_bounds_say_nothing() -> None:
    assert accuracy.estimate([]) is None
    assert accuracy.estimate([stratum(0, 0, 100)]) is None
    assert accuracy.bounds([]) == (0.0, 1.0)


def test_everything_right_or_wrong_is_not_certain() -> None:
    for right, wrong in ((40, 0), (0, 40)):
        found = accuracy.estimate([stratum(right, wrong, 4000)])
        assert found is not None
        assert 0.05 < found.high - found.low < 0.12


def test_what_is_unsure_is_wrong_in_the_worst_and_right_in_the_best_bound() -> None:
    one = stratum(80, 20, 100_000)
    unsure = Stratum(**{**vars(one), "unsure": np.arange(100) >= 80})
    low, high = accuracy.bounds([unsure])
    assert low == pytest.approx(accuracy.wilson(0.8, 100)[0], abs=0.001)
    assert high == 1.0
    missing = Stratum(**{**vars(one), "missing": np.full(100, 0.05)})
    assert accuracy.bounds([missing])[0] == pytest.approx(accuracy.wilson(0.4, 200)[0], abs=0.001)
    assert accuracy.bounds([missing])[1] == pytest.approx(accuracy.wilson(0.9, 200)[1], abs=0.001)


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe 1998, Stat. Med. 17:857, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    published = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]  # fmt: skip
    for right, number, low, high in published:
        assert accuracy.wilson(right / number, number) == pytest.approx((low, high), abs=5e-5)
    assert accuracy.wilson(0.7, inf) == (0.7, 0.7)
    assert accuracy.wilson(0.7, 0) == (0.0, 1.0)


def test_classes_have_hajeks_share_and_kishs_size() -> None:
    found = accuracy.hajek(np.array([1.0, 1.0, 0.0]), np.array([10.0, 20.0, 10.0]))
    assert found is not None
    assert (found.share, found.labels) == (0.75, 3)
    assert found.effective == pytest.approx(1600 / 600)
    assert accuracy.hajek(NOBODY, NOBODY) is None
