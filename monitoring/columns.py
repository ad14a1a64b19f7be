"""Predictions and references as the same columns, and which of them can be compared at all.

What the network's projected features, its confidence, the domain scores and the picture's properties say is numbers;
the predicted class is a word. A column that is missing somewhere or never varies is left out, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.domain import Reference
from store.tables import Prediction

CLASS = "predicted_class"
# monitoring compares what a prediction's row holds: the fused score is kept as its flag only
_NOT_KEPT = ("domain_score", "predicted")
# the same picture sent in another format is not another picture
_NOT_JUDGED = ("compression",)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of pictures: `numbers` by column, each (n,), and the predicted class of each picture."""

    numbers: Mapping[str, Floats]
    classes: Sequence[str]

    def __len__(self) -> int:
        return len(self.classes)


def of_predictions(rows: Sequence[Prediction]) -> Table:
    """A window's columns; what a row does not have is NaN."""
    columns: dict[str, Floats] = {}
    for place, row in enumerate(rows):
        for name, value in _numbers(row).items():
            column = columns.setdefault(name, np.full(len(rows), np.nan))
            column[place] = np.nan if value is None else value
    return Table(columns, [row.label or "" for row in rows])


def of_reference(reference: Reference, classes: Sequence[str], most: int, seed: int) -> Table:
    """The held-out pictures of a model version; of more than `most` that many are drawn by `seed`."""
    held_out = reference.table()
    rows = len(held_out.get("predicted", ()))
    chosen = np.arange(rows)
    if rows > most:
        chosen = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    numbers = {name: held_out[name][chosen] for name in held_out if name not in _NOT_KEPT}
    predicted: list[int] = held_out["predicted"][chosen].astype(int).tolist() if rows else []
    return Table(numbers, [classes[number] for number in predicted])


def comparable(window: Table, reference: Table) -> tuple[Table, Table, dict[str, str]]:
    """Both tables with the columns that can be compared, and why each of the others cannot."""
    left_out: dict[str, str] = {}
    for name in sorted({*window.numbers, *reference.numbers}):
        one, other = window.numbers.get(name), reference.numbers.get(name)
        if name in _NOT_JUDGED:
            left_out[name] = "not judged"
        elif one is None or other is None:
            left_out[name] = "not in the window" if one is None else "not in the reference"
        elif not (np.isfinite(one).all() and np.isfinite(other).all()):
            left_out[name] = "missing values"
        elif np.ptp(np.concatenate([one, other])) == 0:
            left_out[name] = "constant"
    if len({*window.classes, *reference.classes}) < 2:
        left_out[CLASS] = "constant"

    def kept(table: Table) -> Table:
        numbers = {name: one for name, one in table.numbers.items() if name not in left_out}
        return Table(numbers, table.classes)

    return kept(window), kept(reference), left_out


def _numbers(row: Prediction) -> dict[str, float | None]:
    features = np.frombuffer(row.features or b"", dtype="<f2").astype(np.float64)
    return {
        **row.properties,
        "confidence": row.confidence,
        "look_score": row.look_score,
        "feature_score": row.feature_score,
        **{f"pca_{number:02}": float(value) for number, value in enumerate(features)},
    }
