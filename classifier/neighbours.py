"""Where a picture's features lie: far from every training picture, or among them; and their projection for the log.

Distance to the k-th nearest training picture by cosine (Sun et al. 2022, arXiv 2204.06507). It needs no
distribution and no labels, and works with two hundred training pictures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CAP = 2000
LARGEST_K = 50
COMPONENTS = 32
LARGEST_HALF = 65504.0


@dataclass(frozen=True, eq=False)
class Neighbours:
    """`rows` (N, D) training features of length one; `k` as above."""

    rows: NDArray[np.float32]
    k: int

    def distances(self, features: ArrayLike) -> NDArray[np.float64]:
        """Features (n, D) to distances (n,), 0 to 2."""
        nearness = of_length_one(features) @ self.rows.T
        place = nearness.shape[1] - self.k
        kth = np.partition(nearness, place, axis=1)[:, place]
        return 1.0 - kth.astype(np.float64)


def fit_neighbours(features: ArrayLike, classes: int, seed: int) -> Neighbours:
    """Keeps at most `CAP` rows, drawn by `seed`; k = min(50, rows per class / 2)."""
    rows = of_length_one(features)
    if len(rows) > CAP:
        chosen = np.random.default_rng(seed).choice(len(rows), CAP, replace=False)
        rows = rows[np.sort(chosen)]
    k = max(1, min(LARGEST_K, len(rows) // (2 * classes)))
    # as they will be read back, so that a reference scores the same before and after it was saved
    return Neighbours(rows.astype(np.float16).astype(np.float32), k)


@dataclass(frozen=True, eq=False)
class Projection:
    """The first principal components: `centre` (D,), `axes` (D, 32)."""

    centre: NDArray[np.float32]
    axes: NDArray[np.float32]

    def project(self, features: ArrayLike) -> NDArray[np.float16]:
        """Features (..., D) to (..., 32) in half precision."""
        moved = (np.asarray(features, dtype=np.float32) - self.centre) @ self.axes
        return np.clip(moved, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)


def fit_projection(features: ArrayLike) -> Projection:
    """Where there are fewer than 32 components the last columns are zero."""
    x = np.asarray(features, dtype=np.float64)
    centre = x.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov(x - centre, rowvar=False).reshape(x.shape[1], -1))
    leading = directions[:, ::-1][:, :COMPONENTS]
    # the sign of an eigenvector is arbitrary: the largest entry is positive, so that two machines agree
    largest = np.abs(leading).argmax(axis=0)
    leading = leading * np.sign(leading[largest, np.arange(leading.shape[1])])
    axes = np.zeros((x.shape[1], COMPONENTS))
    axes[:, : leading.shape[1]] = leading
    return Projection(centre.astype(np.float32), axes.astype(np.float32))


def of_length_one(features: ArrayLike) -> NDArray[np.float32]:
    """Features (..., D) scaled to length one; zeros stay zeros."""
    x = np.asarray(features, dtype=np.float32)
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    shortened: NDArray[np.float32] = x / np.maximum(length, np.float32(1e-12))
    return shortened
