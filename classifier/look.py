"""How unusual a picture looks beside the training pictures, and in which respect.

Each property is judged on both sides by its own tail; the look score is the largest of these. Which words belong
to a property and a side is written here too, because a score that cannot be put in words helps no reviewer.
`compression` is measured but not judged: the same picture sent in another format is not another picture.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.tails import Tails, fit_tails

# property: smallest difference that may raise the tail by one, words for the low side, words for the high side
JUDGED: dict[str, tuple[float, str, str]] = {
    "brightness": (0.02, "very dark", "very bright"),
    "contrast": (0.01, "hardly any contrast", "harsh contrast"),
    "saturation": (0.1, "pale colours", "glaring colours"),
    "colourfulness": (0.1, "few colours", "glaring colours"),
    "sharpness": (0.02, "blurred", "grainy"),
    "edge_density": (0.01, "hardly any detail", "crowded with edges"),
    "entropy": (0.1, "few shades", "unusually many shades"),
    "flat_share": (0.01, "no calm area", "large flat areas"),
    "aspect": (0.2, "very tall", "very wide"),
    "size": (0.5, "very small", "very large"),
}
# judged by their logarithm: colour that is absent is much further from pale than pale is from vivid
LOGARITHMIC = {"saturation": 0.01, "colourfulness": 0.005}
NO_COLOUR = 0.03
WHITE = 0.75
MOSTLY = 0.5
# a side is worth a word from here on: the strangest 2 % of the training pictures
WORTH_SAYING = -math.log(0.02)
MOST_REASONS = 3
DRAWN = "drawn: flat white background"
# what the first word says, the others need not repeat
SAID_BY = {
    DRAWN: {"very bright", "hardly any contrast", "few shades", "large flat areas", "grainy"},
    "very dark": {
        "hardly any contrast",
        "hardly any detail",
        "few shades",
        "few colours",
        "large flat areas",
    },
    "very bright": {"hardly any contrast", "hardly any detail", "few shades", "large flat areas"},
    "blurred": {"hardly any detail"},
}

_LEAST = np.array([unit for unit, _, _ in JUDGED.values()] * 2)
_WORDS = [low for _, low, _ in JUDGED.values()] + [high for _, _, high in JUDGED.values()]


@dataclass(frozen=True, eq=False)
class Look:
    """The tails of the training pictures' properties: all low sides, then all high sides."""

    tails: Tails

    def scores(self, properties: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
        """One score per side and picture, (n, 2 J); the look score is the largest of a row."""
        return self.tails.score(_sides(properties))


def fit_look(properties: Sequence[Mapping[str, float]]) -> Look:
    """Fits the tails on pictures that will not calibrate the score."""
    return Look(fit_tails(_sides(properties), _LEAST))


def reasons_for(sides: NDArray[np.float64], properties: Mapping[str, float]) -> tuple[str, ...]:
    """In words what is strange about a picture whose look was found strange; `sides` is its row of scores.

    The strangest first, at least one and at most three.
    """
    order = np.argsort(-sides, kind="stable")
    worth = [int(side) for side in order if sides[side] >= WORTH_SAYING] or [int(order[0])]
    words = list(dict.fromkeys(_word(side, properties) for side in worth))
    for word, said in SAID_BY.items():
        if word in words:
            words = [one for one in words if one not in said]
    return tuple(words[:MOST_REASONS])


def _word(side: int, properties: Mapping[str, float]) -> str:
    word = _WORDS[side]
    if word in ("pale colours", "few colours") and properties["saturation"] < NO_COLOUR:
        return "no colour"
    white = properties["brightness"] > WHITE and properties["flat_share"] > MOSTLY
    return DRAWN if white and word in SAID_BY[DRAWN] else word


def _sides(properties: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    rows = np.array([[one[name] for name in JUDGED] for one in properties], dtype=np.float64)
    for column, name in enumerate(JUDGED):
        if name in LOGARITHMIC:
            rows[:, column] = np.log2(rows[:, column] + LOGARITHMIC[name])
    return np.concatenate([-rows, rows], axis=1)
