"""The ways in which pictures can lean, in words, and which of them explains which others."""

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from classifier.reasons import DRAWN, MOSTLY, NO_COLOUR, WHITE, WORDS

Side = tuple[str, int]

# the smallest difference that may raise a tail by one
UNITS = {
    "brightness": 0.02,
    "contrast": 0.01,
    "saturation": 0.1,
    "colourfulness": 0.1,
    "warmth": 0.01,
    "tint": 0.01,
    "sharpness": 0.02,
    "grain": 0.2,
    "edge_density": 0.01,
    "entropy": 0.1,
    "flat_share": 0.01,
    "side_light": 0.01,
    "centre_light": 0.01,
    "row_contrast": 0.05,
    "column_contrast": 0.05,
    "aspect": 0.2,
    "size": 0.5,
    "compression": 0.1,
}
# colour that is absent is much further from pale than pale is from vivid
_LOGARITHMIC = {"saturation": 0.01, "colourfulness": 0.005}

_WORDS = {
    **{(name, sign): word for name, both in WORDS.items() for sign, word in zip((-1, 1), both, strict=True)},
    ("compression", -1): "strongly compressed",
    ("warmth", -1): "in cold light",
    ("warmth", 1): "in warm light",
    ("side_light", -1): "lit evenly from left to right",
    ("side_light", 1): "bright on one side",
    ("centre_light", -1): "dark in the middle",
    ("centre_light", 1): "bright in the middle",
    ("row_contrast", -1): "alike from top to bottom",
    ("row_contrast", 1): "different from top to bottom",
    ("column_contrast", -1): "alike from left to right",
    ("column_contrast", 1): "different from left to right",
    ("tint", -1): "tinted green",
    ("tint", 1): "tinted red",
}  # fmt: skip

# what a side brings with it: it is named, and not what follows from it
_FOLLOWS: dict[Side, frozenset[Side]] = {
    ("brightness", -1): frozenset(
        [("contrast", -1), ("edge_density", -1), ("entropy", -1), ("flat_share", 1), ("colourfulness", -1), ("compression", -1), ("sharpness", 1), ("grain", -1), ("warmth", -1), ("tint", -1), ("side_light", -1)]
    ),
    ("brightness", 1): frozenset(
        [("contrast", -1), ("edge_density", -1), ("entropy", -1), ("flat_share", 1), ("colourfulness", -1), ("saturation", -1), ("compression", -1), ("sharpness", 1), ("grain", -1), ("warmth", -1), ("tint", -1), ("side_light", -1)]
    ),
    ("contrast", -1): frozenset([("edge_density", -1), ("entropy", -1), ("colourfulness", -1), ("flat_share", 1), ("side_light", -1)]),
    ("sharpness", -1): frozenset([("edge_density", -1), ("compression", -1), ("flat_share", 1), ("grain", -1)]),
    ("grain", 1): frozenset([("flat_share", -1), ("compression", 1)]),
    ("saturation", -1): frozenset([("colourfulness", -1), ("warmth", -1), ("tint", -1)]),
    ("saturation", 1): frozenset([("colourfulness", 1)]),
    ("compression", -1): frozenset([("flat_share", 1)]),
}  # fmt: skip


class Leaning(TypedDict):
    """What the pictures share: `beyond` of them lie outside of 95 % of the reference, on that side."""

    name: str
    side: str
    words: str
    median: float
    reference_median: float
    beyond: int


def scaled(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """As they are judged: colour by its logarithm."""
    return np.log(values + _LOGARITHMIC[name]) if name in _LOGARITHMIC else values


def plainest(shared: Mapping[Side, float]) -> Side:
    """The side with the largest mean tail among those that follow from no other one here."""
    follows = set().union(*(_FOLLOWS.get(side, frozenset()) for side in shared))
    causes = {side: value for side, value in shared.items() if side not in follows} or shared
    return max(causes, key=lambda side: (causes[side], side))


def words(name: str, sign: int, medians: Mapping[str, float]) -> str:
    """What pictures with these medians are called."""
    if name in _LOGARITHMIC and sign < 0 and medians["saturation"] < NO_COLOUR:
        return "no colour"
    drawn = medians["brightness"] > WHITE and medians["flat_share"] > MOSTLY
    if drawn and (name, sign) in (("brightness", 1), ("flat_share", 1), *_FOLLOWS["brightness", 1]):
        return DRAWN
    return _WORDS[name, sign]


def sentence(leaning: Leaning | None, shown: int, segment: Mapping[str, Any] | None) -> str:
    """One sentence for the alarm."""
    if leaning is None:
        said = "They look ordinary one by one: it is what they show that the network does not know."
    else:
        said = (
            f"{leaning['beyond']} of these {shown} pictures: {leaning['words']}"
            f" ({leaning['name'].replace('_', ' ')} {leaning['median']:.2f},"
            f" where the model's own pictures have {leaning['reference_median']:.2f})."
        )
    if segment is None:
        return said
    name = segment["name"] or "no segment"
    return (
        f"{said} {segment['pictures']} of them come from {name},"
        f" which sent {segment['expected_share']:.0%} of the pictures."
    )
