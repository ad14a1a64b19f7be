"""What drives an alarm: the pictures, the property that moved most, the segment. Pure.

Every measured column is judged on both sides by tails fitted on the version's own held-out pictures. A side that the
stretch as a whole leans to, by more than two standard errors, gets weight, and pictures are ranked by the weighted sum
of their tails: what is strange in the way in which the stretch is strange comes first, before what is strange in a way
of its own, of which ordinary pictures have some too. The property is the side that these pictures share, unless a
plainer one explains it: a dark picture has little contrast, and is dark. The segment is the one that has far more of
these pictures than of the stretch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from classifier.properties import NAMES
from classifier.tails import fit_tails
from monitoring import leanings
from monitoring.leanings import Leaning

MOST_PICTURES = 24
# one column of one picture can be no more than this strange (-log of a tail): the sum is for what many share
LIMIT = 8.0
LEANS = 2.0
# a side counts as shared when the pictures' mean tail is beyond the outer 8 % of the reference
SHARED = 2.5
SEGMENT_LEVEL = 0.01
# other columns than properties, judged on their upper side
SCORES = ("look_score", "feature_score", "domain_score")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """One picture of the stretch: its numbers by column as `classifier.domain.Reference.table` names them."""

    prediction_id: str
    digest: str
    segment: str
    values: Mapping[str, float]


def explain(pictures: Sequence[Judged], reference: Mapping[str, Floats]) -> dict[str, Any]:
    """As JSON: `pictures` (strangest first), `property` or None, `segment` or None, `sentence`.

    `pictures` are different ones, in the order of time; `reference` has the same columns of the held-out ones.
    """
    wanted = (*NAMES, *SCORES, *(name for name in reference if name.startswith("pca_")))
    names = [n for n in wanted if n in reference and all(n in one.values for one in pictures)]
    ours = np.array([[one.values[name] for name in names] for one in pictures])
    theirs = np.stack([reference[name] for name in names], axis=1)
    sides = _sides(names)
    tails = fit_tails(_both(theirs, names, sides), _units(sides))
    x = np.minimum(tails.score(_both(ours, names, sides)), LIMIT)
    known = np.minimum(tails.score(_both(theirs, names, sides)), LIMIT)
    order = _rank(x, known)[:MOST_PICTURES]
    shown = [pictures[place] for place in order]
    leaning = _property(shown, x[order], sides, reference)
    found = segment([one.segment for one in shown], [one.segment for one in pictures])
    return {
        "pictures": [
            {"prediction_id": one.prediction_id, "digest": one.digest, "segment": one.segment}
            for one in shown
        ],
        "of": len(pictures),
        "property": leaning,
        "segment": found,
        "sentence": leanings.sentence(leaning, len(shown), found),
    }


def segment(shown: Sequence[str], everywhere: Sequence[str]) -> dict[str, Any] | None:
    """The segment that is overrepresented most among those `shown`, which are some of `everywhere`, if one is.

    Exact (hypergeometric), for all segments together at 1 %.
    """
    names = sorted(set(everywhere))
    if len(names) < 2:
        return None
    found = []
    for name in names:
        here, hits = everywhere.count(name), shown.count(name)
        p = float(hypergeom.sf(hits - 1, len(everywhere), here, len(shown)))
        found.append((p, name, hits, here))
    p, name, hits, here = min(found)
    if p > SEGMENT_LEVEL / len(names):
        return None
    return {
        "name": name,
        "pictures": hits,
        "share": hits / len(shown),
        "expected_share": here / len(everywhere),
        "p_value": p,
    }


def _sides(names: Sequence[str]) -> list[tuple[str, int]]:
    low = [(name, -1) for name in names if name in NAMES or name.startswith("pca_")]
    return [*low, *((name, 1) for name, _ in low), *((n, 1) for n in SCORES if n in names)]


def _both(rows: Floats, names: Sequence[str], sides: Sequence[tuple[str, int]]) -> Floats:
    place = {name: number for number, name in enumerate(names)}
    columns = [sign * leanings.scaled(name, rows[:, place[name]]) for name, sign in sides]
    return np.stack(columns, axis=1)


def _units(sides: Sequence[tuple[str, int]]) -> Floats:
    return np.array([leanings.UNITS.get(name, 1e-3) for name, _ in sides])


def _rank(x: Floats, known: Floats) -> NDArray[np.int64]:
    """Places, strangest first; ties in the order of time."""
    error = known.std(axis=0) * np.sqrt(1 / len(x) + 1 / len(known)) + 1e-9
    weights = np.maximum((x.mean(axis=0) - known.mean(axis=0)) / error - LEANS, 0.0) ** 2
    if weights.any():
        weights = weights / weights.sum()
    # the largest tail alone decides where the stretch leans nowhere
    return np.argsort(-(x @ weights + 1e-3 * x.max(axis=1)), kind="stable")


def _property(
    shown: Sequence[Judged],
    x: Floats,
    sides: Sequence[tuple[str, int]],
    reference: Mapping[str, Floats],
) -> Leaning | None:
    mean = {side: float(value) for side, value in zip(sides, x.mean(axis=0), strict=True)}
    shared = {side: value for side, value in mean.items() if side[0] in NAMES and value >= SHARED}
    if not shared:
        return None
    name, sign = leanings.plainest(shared)
    values = np.array([one.values[name] for one in shown])
    measured = [column for column in NAMES if (column, 1) in mean]
    medians = {
        column: float(np.median([one.values[column] for one in shown])) for column in measured
    }
    edge = float(np.quantile(reference[name], 0.95 if sign > 0 else 0.05))
    beyond = int(((values - edge) * sign > 0).sum())
    return Leaning(
        name=name,
        side="high" if sign > 0 else "low",
        words=leanings.words(name, sign, medians),
        median=medians[name],
        reference_median=float(np.median(reference[name])),
        beyond=beyond,
    )
