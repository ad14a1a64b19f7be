"""How unusual a picture looks beside the training pictures, and in which respect.

Each property is judged on both sides by its own tail; the strangest is one part of the look. Three groups of
properties are also judged together, because colours, details and the places of the light can each be ordinary and
yet never have been seen together: distance to the k-th nearest training picture within the group. They are parts of
their own, since among two dozen tails they would drown. Which words belong to what is in `classifier.reasons`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from classifier.tails import Tails, fit_tails

# property: the smallest difference that may raise the tail by one
JUDGED: dict[str, float] = {
    "brightness": 0.3,
    "contrast": 0.2,
    "saturation": 0.1,
    "colourfulness": 0.1,
    "sharpness": 0.02,
    "grain": 0.2,
    "edge_density": 0.2,
    "entropy": 0.1,
    "flat_share": 0.2,
    "aspect": 0.2,
    "size": 0.5,
    # the same picture in another file format has up to ten times the bytes, and is not another picture
    "compression": 2.0,
}
# (in the order of the parts of a look score) what is judged together, and the least spread of what is only there
GROUPS: dict[str, tuple[str, ...]] = {
    "colour": ("saturation", "colourfulness", "warmth", "tint"),
    "detail": ("sharpness", "edge_density", "entropy", "flat_share", "grain"),
    "layout": ("side_light", "centre_light", "row_contrast", "column_contrast"),
}
# judged together only
_TOGETHER = ("warmth", "tint", *GROUPS["layout"])
_LEAST_SPREAD = {**JUDGED, **dict.fromkeys(_TOGETHER, 0.01)}
# half the light is one step, wherever one starts: judged by their logarithm to the base of 2, with a floor
LOGARITHMIC = {
    "contrast": 0.01,
    "saturation": 0.01,
    "colourfulness": 0.005,
    "edge_density": 0.01,
}
# shares that can run out on either side: by the logarithm of the odds
ODDS = {"brightness": 0.004, "flat_share": 0.004}
NEAREST = 10
CAP = 2000
AT_ONCE = 200
_SIDES = np.array([*JUDGED.values()] * 2)
_PLACES = {name: place for place, name in enumerate(_LEAST_SPREAD)}
_LOGARITHMIC = [_PLACES[name] for name in LOGARITHMIC]
_LOGARITHMIC_FLOOR = np.array([*LOGARITHMIC.values()])
_ODDS = [_PLACES[name] for name in ODDS]
_ODDS_FLOOR = np.array([*ODDS.values()])
PARTS = 1 + len(GROUPS)

Floats = NDArray[np.float64]
Properties = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Group:
    """Training pictures (m, J) in the few properties of one group, in deviations from the median."""

    names: tuple[str, ...]
    centre: Floats
    spread: Floats
    rows: Floats


class _Together:
    """All groups at once, each filled up with columns of zeros to as many as the widest has."""

    def __init__(self, groups: Sequence[Group]) -> None:
        count, widest = len(groups), max(len(one.names) for one in groups)
        self.places = np.zeros((count, widest), dtype=np.intp)
        self.centres, self.scales = np.zeros((2, count, 1, widest))
        self.rows = np.zeros((count, widest, len(groups[0].rows)))
        for number, one in enumerate(groups):
            width = len(one.names)
            self.places[number, :width] = [_PLACES[name] for name in one.names]
            self.centres[number, 0, :width] = one.centre
            self.scales[number, 0, :width] = 1 / one.spread
            self.rows[number, :width] = one.rows.T
        self.lengths = (self.rows**2).sum(axis=1, keepdims=True)

    def distances(self, scaled_rows: Floats) -> Floats:
        """Of n pictures as `scaled` gives them to the `NEAREST`-th nearest training picture, (n, groups)."""
        # a million pictures need no more memory than some hundred
        parts = [
            self._some(scaled_rows[start : start + AT_ONCE])
            for start in range(0, len(scaled_rows), AT_ONCE)
        ]
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    def _some(self, scaled_rows: Floats) -> Floats:
        x = (scaled_rows[:, self.places].transpose(1, 0, 2) - self.centres) * self.scales
        nearness = self.lengths - 2 * (x @ self.rows)
        place = min(NEAREST, self.rows.shape[2]) - 1
        nearest = np.partition(nearness, place, axis=2)[:, :, place]
        squares = nearest + (x * x).sum(axis=2)
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)).T)


@dataclass(frozen=True, eq=False)
class Look:
    """The tails of the training pictures, of all low sides, then all high sides; and the groups."""

    sides: Tails
    groups: tuple[Group, ...]

    def scores(self, properties: Sequence[Properties]) -> tuple[Floats, Floats]:
        """Of n pictures one score per side, (n, 2 J), and the parts of the look, (n, `PARTS`): the largest side,
        and the distance in each group."""
        x = scaled(properties)
        sides = self.sides.score(_both_sides(x))
        strangest = sides.max(axis=1, keepdims=True)
        return sides, np.concatenate([strangest, self._together.distances(x)], axis=1)

    @cached_property
    def _together(self) -> _Together:
        return _Together(self.groups)

    def arrays(self) -> dict[str, Floats]:
        """For the archive; `look_from` reads them."""
        found = {"look_knots": self.sides.knots, "look_heights": self.sides.heights}
        for name, group in zip(GROUPS, self.groups, strict=True):
            found |= {f"look_{name}_{what}": getattr(group, what) for what in _KEPT}
        return found


_KEPT = ("centre", "spread", "rows")


def look_from(arrays: Mapping[str, Floats]) -> Look:
    """Reads what `arrays` gave; KeyError where one lacks."""
    return Look(
        Tails(arrays["look_knots"], arrays["look_heights"]),
        tuple(
            Group(names, *(arrays[f"look_{name}_{what}"] for what in _KEPT))
            for name, names in GROUPS.items()
        ),
    )


def fit_look(properties: Sequence[Properties], seed: int) -> Look:
    """Fits on pictures that will not calibrate the score; at most `CAP` of them, drawn by `seed`."""
    if len(properties) > CAP:
        chosen = np.random.default_rng(seed).choice(len(properties), CAP, replace=False)
        properties = [properties[place] for place in np.sort(chosen)]
    x = scaled(properties)
    groups = tuple(_fit_group(names, x) for names in GROUPS.values())
    return Look(fit_tails(_both_sides(x), _SIDES), groups)


def _fit_group(names: tuple[str, ...], scaled_rows: Floats) -> Group:
    x = scaled_rows[:, [_PLACES[name] for name in names]]
    centre = np.median(x, axis=0)
    low, high = np.quantile(x, [0.25, 0.75], axis=0)
    # the quartiles of a normal distribution lie 1.35 deviations apart; a few odd pictures do not move them
    spread = np.maximum((high - low) / 1.35, [_LEAST_SPREAD[name] for name in names])
    return Group(names, centre, spread, (x - centre) / spread)


def scaled(properties: Sequence[Properties]) -> Floats:
    """Of n pictures every property on the scale on which it is judged, (n, J): those of `JUDGED` first."""
    x = np.array([[one[name] for name in _PLACES] for one in properties], dtype=np.float64)
    shares = np.clip(x[:, _ODDS], 0.0, 1.0)
    x[:, _LOGARITHMIC] = np.log2(x[:, _LOGARITHMIC] + _LOGARITHMIC_FLOOR)
    x[:, _ODDS] = np.log2((shares + _ODDS_FLOOR) / (1 - shares + _ODDS_FLOOR))
    return x


def _both_sides(scaled_rows: Floats) -> Floats:
    judged = scaled_rows[:, : len(JUDGED)]
    return np.concatenate([-judged, judged], axis=1)
