import math

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.calibration import expected_calibration_error, fit_temperature, softmax


def drawn(n: int, temperature: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits that are `temperature` times too sure, and labels drawn from what they should say."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 2, (n, 4))
    shares = softmax(honest)
    labels = (rng.random((n, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    return honest * temperature, labels


def test_softmax_sums_to_one_and_survives_large_logits() -> None:
    shares = softmax([[1000.0, 999.0, -1000.0]])
    assert shares.dtype == np.float64
    assert abs(shares.sum() - 1) < 1e-12
    assert shares[0, 0] == pytest.approx(1 / (1 + math.exp(-1)))


def test_a_higher_temperature_flattens_and_keeps_the_order() -> None:
    sharp, flat = softmax([2.0, 1.0, 0.0], 1.0), softmax([2.0, 1.0, 0.0], 5.0)
    assert flat.max() < sharp.max()
    assert np.array_equal(flat.argsort(), sharp.argsort())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    logits, labels = drawn(20_000, temperature, seed=1)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


def test_the_fitted_temperature_has_the_least_loss() -> None:
    logits, labels = drawn(2000, 2.5, seed=2)

    def loss(temperature: float) -> float:
        shares = softmax(logits, temperature)
        return float(-np.log(shares[np.arange(len(labels)), labels]).mean())

    fitted = fit_temperature(logits, labels)
    assert loss(fitted) < min(loss(fitted * 0.9), loss(fitted * 1.1), loss(1.0))


def test_being_always_right_on_a_few_is_not_certainty() -> None:
    logits = np.array([[4.0, 0.0], [0.0, 4.0]] * 10)
    labels = np.array([0, 1] * 10)
    confidence = softmax(logits, fit_temperature(logits, labels)).max()
    assert 0.9 < confidence < 0.99


def test_logits_that_say_nothing_are_flattened() -> None:
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(0, 9, (500, 3)), rng.integers(0, 3, 500)
    assert softmax(logits, fit_temperature(logits, labels)).max(axis=1).mean() < 0.45


def test_logits_and_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not belong together"):
        fit_temperature(np.zeros((3, 2)), np.zeros(4, int))
    with pytest.raises(ValueError, match="do not belong together"):
        fit_temperature(np.zeros((0, 2)), np.zeros(0, int))


def test_calibration_error_is_the_mean_gap() -> None:
    shares = np.array([[0.9, 0.1]] * 10)
    assert expected_calibration_error(shares, [0] * 9 + [1]) == pytest.approx(0)
    assert expected_calibration_error(shares, [0] * 5 + [1] * 5) == pytest.approx(0.4)


def test_calibration_lowers_the_calibration_error() -> None:
    logits, labels = drawn(5000, 3.0, seed=4)
    fitted = fit_temperature(logits[:2500], labels[:2500])
    before = expected_calibration_error(softmax(logits[2500:]), labels[2500:])
    after = expected_calibration_error(softmax(logits[2500:], fitted), labels[2500:])
    assert before > 0.15
    assert after < 0.04
