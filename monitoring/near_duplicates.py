"""Which pictures of a window are different pictures: a burst of near-duplicates is one piece of evidence, not many.

Two pictures are nearly the same when they lie three times closer together than a held-out picture of the reference
lies to the one most like it (the median of these distances): in what they look like and in where the network puts
them, each column in the reference's deviations. That asks the model's own pictures how near is near, needs no bytes,
and a reference with duplicates of its own does not blunt it. What it finds and spares: `docs/guides/drift.md`.
"""

import numpy as np
from numpy.typing import NDArray

from monitoring.columns import FEATURES, Floats, Table

# the size and the bytes of a file say nothing about what is on it
_LOOKS = (
    "brightness",
    "contrast",
    "saturation",
    "colourfulness",
    "sharpness",
    "edge_density",
    "entropy",
    "flat_share",
)
NEARER = 1 / 3
_SOME = 500
_ROWS_AT_ONCE = 1000


def different(window: Table, reference: Table) -> NDArray[np.int64]:
    """The places of rows to keep: of each burst the first; all, where the columns that tell are not there."""
    everything = np.arange(len(window))
    both = _points(window, reference)
    if both is None:
        return everything
    points, known = both
    limit = NEARER**2 * _usual_square(known[:_SOME])
    dropped = np.zeros(len(points), dtype=np.bool_)
    for start in range(0, len(points), _ROWS_AT_ONCE):
        near = _squares(points[start : start + _ROWS_AT_ONCE], points) < limit
        for row in np.flatnonzero(near.sum(axis=1) > 1):
            place = start + int(row)
            # one that was dropped stands for nobody: a burst must not creep on from picture to picture
            if not dropped[place]:
                dropped[place + 1 :] |= near[row, place + 1 :]
    return everything[~dropped]


def _points(window: Table, reference: Table) -> tuple[Floats, Floats] | None:
    names = [name for name in _LOOKS if name in window.numbers and name in reference.numbers]
    tables = (window, reference)
    if (
        len(reference) < 2
        or len(names) < len(_LOOKS)
        or any(FEATURES not in one.blocks for one in tables)
    ):
        return None
    looks, seen = (np.stack([one.numbers[name] for name in names], axis=1) for one in tables)
    features, known = (one.blocks[FEATURES] for one in tables)
    if features.shape[1] != known.shape[1]:
        return None
    looks_scale = np.maximum(seen.std(axis=0), 1e-6) * np.sqrt(len(names))
    scale = max(float(np.sqrt(known.var(axis=0).sum())), 1e-6)
    points = np.concatenate([looks / looks_scale, features / scale], axis=1)
    others = np.concatenate([seen / looks_scale, known / scale], axis=1)
    # what is missing somewhere is near to nothing
    return np.nan_to_num(points, nan=1e3), np.nan_to_num(others, nan=1e3)


def _usual_square(known: Floats) -> float:
    squares = _squares(known, known)
    np.fill_diagonal(squares, np.inf)
    return float(np.median(squares.min(axis=1)))


def _squares(some: Floats, points: Floats) -> Floats:
    lengths = (some**2).sum(axis=1)[:, None] + (points**2).sum(axis=1)[None]
    # rounded, so that a verdict that is computed again on another processor keeps the same pictures
    return np.asarray(np.round(np.maximum(lengths - 2 * some @ points.T, 0.0), 9))
