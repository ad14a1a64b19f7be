"""Generalised entropy of the logits: how far the network is from having made up its mind.

GEN (Liu et al. 2023, CVPR): the sum of p^g (1 - p)^g over the most probable classes, g = 0.1. The small power makes
the sure classes of a strange picture, which are a little less sure, stand out.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifier.calibration import softmax

POWER = 0.1
MOST_CLASSES = 100


def generalised_entropy(logits: ArrayLike) -> NDArray[np.float64]:
    """Logits (n, K) to scores (n,), higher is less sure."""
    shares = softmax(logits)
    if shares.shape[1] > MOST_CLASSES:
        shares = np.partition(shares, -MOST_CLASSES, axis=1)[:, -MOST_CLASSES:]
    entropy: NDArray[np.float64] = ((shares * (1 - shares)) ** POWER).sum(axis=1)
    return entropy
