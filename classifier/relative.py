"""Relative Mahalanobis distance on features of length one: near to no class, beyond what is far from all anyway.

RMDS (Ren et al. 2021, arXiv 2106.09022) on normalised features (Mueller and Hein 2025, arXiv 2505.18032), with
covariances shrunk to a multiple of the identity (Ledoit and Wolf 2004). The distance to the nearest class minus
the distance to all training pictures has one quadratic form, whatever the number of classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifier.neighbours import of_length_one

# training pictures for each column: with fewer a covariance says more of the sample than of the pictures
ENOUGH = 5

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Relative:
    """x' `form` x + `slopes` x + `offsets` is the distance to each class minus that to all: (D, D), (K, D), (K,)."""

    form: Floats
    slopes: Floats
    offsets: Floats

    def distances(self, features: ArrayLike) -> NDArray[np.float64]:
        """Features (n, D) to relative distances (n,) of the nearest class; lower is more ordinary."""
        x = of_length_one(features)
        common = np.einsum("nd,nd->n", x @ self.form, x)
        nearest = (x @ self.slopes.T + self.offsets).min(axis=1)
        distances: NDArray[np.float64] = (common + nearest).astype(np.float64)
        return distances


def relative_from(arrays: Mapping[str, NDArray[np.floating]]) -> Relative:
    """Of the arrays by the names of its fields; KeyError where one lacks."""
    form, slopes, offsets = (
        arrays[one].astype(np.float32) for one in ("form", "slopes", "offsets")
    )
    return Relative(form, slopes, offsets)


def fit_relative(features: ArrayLike, labels: ArrayLike | None) -> Relative | None:
    """On training features (m, D) with class numbers (m,); None where they are too few or have no labels."""
    x = of_length_one(features).astype(np.float64)
    if labels is None or len(x) <= ENOUGH * x.shape[1]:
        return None
    y = np.asarray(labels)
    if y.shape != (len(x),):
        raise ValueError(f"{y.shape} labels for {len(x)} training features")
    present = np.unique(y)
    means = np.stack([x[y == one].mean(axis=0) for one in present])
    centre = x.mean(axis=0)
    within = np.linalg.inv(_shrunk(x - means[np.searchsorted(present, y)]))
    overall = np.linalg.inv(_shrunk(x - centre))
    towards = means @ within
    return Relative(
        (within - overall).astype(np.float32),
        (-2 * (towards - centre @ overall)).astype(np.float32),
        ((towards * means).sum(axis=1) - centre @ overall @ centre).astype(np.float32),
    )


def _shrunk(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ledoit and Wolf's covariance of centred rows (m, D)."""
    m, columns = centred.shape
    sample = centred.T @ centred / m
    level = np.trace(sample) / columns
    apart = ((sample - level * np.eye(columns)) ** 2).sum()
    noise = ((centred**2).sum(axis=1) ** 2).sum() / m**2 - (sample**2).sum() / m
    share = min(1.0, max(0.0, noise / apart)) if apart > 0 else 1.0
    # features that never vary have no distance of their own
    ridge = share * level + 1e-6 * level + 1e-12
    shrunk: NDArray[np.float64] = (1 - share) * sample + ridge * np.eye(columns)
    return shrunk
