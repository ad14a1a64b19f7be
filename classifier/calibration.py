"""Temperature scaling: confidences that mean what they say (Guo et al. 2017, arXiv 1706.04599).

One number, fitted on held-out pictures, divides all logits; the top class never changes.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHARPEST, FLATTEST = 0.01, 100.0


def softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities over the last axis, in float64 so that they sum to one."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature of least mean negative log-likelihood; logits (n, K), labels (n,) class numbers.

    The targets are smoothed by one picture's worth spread over all classes: where every held-out picture was
    right the likelihood alone would claim certainty. The loss is convex in 1/T, so its slope is bisected.
    """
    z = np.asarray(logits, dtype=np.float64)
    y = np.asarray(labels)
    if z.ndim != 2 or len(z) == 0 or y.shape != (len(z),):
        raise ValueError(f"logits {z.shape} and labels {y.shape} do not belong together")
    smoothing = 1 / (len(z) + 1)
    target = (1 - smoothing) * z[np.arange(len(z)), y].mean() + smoothing * z.mean()

    def slope(inverse: float) -> float:
        return float((softmax(z, 1 / inverse) * z).sum(axis=1).mean() - target)

    low, high = 1 / FLATTEST, 1 / SHARPEST
    if slope(low) >= 0:
        return FLATTEST
    if slope(high) <= 0:
        return SHARPEST
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return float((low * high) ** -0.5)


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by pictures, 0 to 1."""
    p = np.asarray(probabilities, dtype=np.float64)
    confidence = p.max(axis=1)
    right = p.argmax(axis=1) == np.asarray(labels)
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(places, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))
