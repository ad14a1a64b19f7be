"""Predictions and references as the same columns, and which of them can be compared at all.

The picture's properties, the domain scores and the confidence are numbers, each a column of its own; the network's
projected features are one block, since their axes mean nothing by themselves; the predicted class is a word. A column
that is missing somewhere or never varies is left out, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classifier.domain import Reference
from store.tables import Prediction

CLASS = "predicted_class"
FEATURES = "features"
# of a reference's table, what is no column of numbers
_PREDICTED, _PROJECTED = "predicted", "pca_"
# the same picture sent in another format is not another picture
_NOT_JUDGED = ("compression",)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of pictures: `numbers` by column, each (n,), the predicted class of each, `blocks` by name, each (n, D).

    `flagged` (n,): 1 for a picture outside of the domain, 0 for one inside, NaN where nobody looked; empty: unknown.
    """

    numbers: Mapping[str, Floats]
    classes: Sequence[str]
    blocks: Mapping[str, Floats] = field(default_factory=dict)
    flagged: Floats = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, places: Sequence[int] | NDArray[np.int64]) -> "Table":
        """The rows at these places, in this order."""
        chosen = np.asarray(places, dtype=np.int64)
        return Table(
            {name: column[chosen] for name, column in self.numbers.items()},
            [self.classes[place] for place in chosen],
            {name: block[chosen] for name, block in self.blocks.items()},
            self.flagged[chosen] if len(self.flagged) else self.flagged,
        )


def of_predictions(rows: Sequence[Prediction]) -> Table:
    """A window's columns; what a row does not have is NaN."""
    columns: dict[str, Floats] = {}
    for place, row in enumerate(rows):
        for name, value in _numbers(row).items():
            column = columns.setdefault(name, np.full(len(rows), np.nan))
            column[place] = np.nan if value is None else value
    flagged = [np.nan if row.inside is None else float(not row.inside) for row in rows]
    return Table(columns, [row.label or "" for row in rows], _blocks(rows), np.array(flagged))


def of_reference(reference: Reference, classes: Sequence[str], most: int, seed: int) -> Table:
    """The held-out pictures of a model version; of more than `most` that many are drawn by `seed`."""
    held_out = reference.table()
    rows = len(held_out.get(_PREDICTED, ()))
    projected = sorted(name for name in held_out if name.startswith(_PROJECTED))
    numbers = {
        name: column
        for name, column in held_out.items()
        if name != _PREDICTED and name not in projected
    }
    block = np.stack([held_out[name] for name in projected], axis=1) if projected else None
    predicted = held_out[_PREDICTED].astype(int).tolist() if rows else []
    table = Table(
        numbers,
        [classes[number] for number in predicted],
        {} if block is None else {FEATURES: block},
    )
    return sampled(table, most, seed)


def sampled(table: Table, most: int, seed: int) -> Table:
    """All rows, or `most` of them drawn by `seed`, in their order."""
    if len(table) <= most:
        return table
    chosen = np.random.default_rng(seed).choice(len(table), most, replace=False)
    return table.take(np.sort(chosen))


def comparable(window: Table, reference: Table) -> tuple[Table, Table, dict[str, str]]:
    """Both tables with the columns that can be compared, and why each of the others cannot."""
    left_out: dict[str, str] = {}
    mine, theirs = ({**table.numbers, **table.blocks} for table in (window, reference))
    for name in sorted({*mine, *theirs}):
        if name in _NOT_JUDGED:
            left_out[name] = "not judged"
        elif why := _lacking(mine.get(name), theirs.get(name)):
            left_out[name] = why
    if len({*window.classes, *reference.classes}) < 2:
        left_out[CLASS] = "constant"

    def kept(table: Table) -> Table:
        numbers = {name: one for name, one in table.numbers.items() if name not in left_out}
        blocks = {name: one for name, one in table.blocks.items() if name not in left_out}
        return Table(dict(sorted(numbers.items())), table.classes, blocks)

    return kept(window), kept(reference), left_out


def _lacking(one: Floats | None, other: Floats | None) -> str:
    if one is None or other is None:
        return "not in the window" if one is None else "not in the reference"
    if one.shape[1:] != other.shape[1:]:
        return "of another size"
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return "missing values"
    return "constant" if np.ptp(np.concatenate([one, other])) == 0 else ""


def _numbers(row: Prediction) -> dict[str, float | None]:
    return {
        **row.properties,
        "confidence": row.confidence,
        "look_score": row.look_score,
        "feature_score": row.feature_score,
        "domain_score": row.domain_score,
    }


def _blocks(rows: Sequence[Prediction]) -> dict[str, Floats]:
    wide = max((len(row.features or b"") // 2 for row in rows), default=0)
    if not wide:
        return {}
    block = np.full((len(rows), wide), np.nan)
    for place, row in enumerate(rows):
        features = np.frombuffer(row.features or b"", dtype="<f2")
        if len(features) == wide:
            block[place] = features
    return {FEATURES: block}
