"""What is strange about a picture's look, in the words that a reviewer reads.

A score that cannot be put in words helps nobody; words that repeat each other help no more.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from classifier.look import GROUPS, JUDGED

# words for the low and the high side of a property
WORDS: dict[str, tuple[str, str]] = {
    "brightness": ("very dark", "very bright"),
    "contrast": ("hardly any contrast", "harsh contrast"),
    "saturation": ("pale colours", "glaring colours"),
    "colourfulness": ("few colours", "glaring colours"),
    "sharpness": ("blurred", "hard edges everywhere"),
    "grain": ("no fine detail", "grainy"),
    "edge_density": ("hardly any detail", "crowded with edges"),
    "entropy": ("few shades", "unusually many shades"),
    "flat_share": ("no calm area", "large flat areas"),
    "aspect": ("very tall", "very wide"),
    "size": ("very small", "very large"),
    "compression": ("heavily compressed", "hardly compressed"),
}
OF_GROUPS = {
    "colour": "unusual colours",
    "detail": "unusual detail",
    "layout": "light in unusual places",
}
NO_COLOUR = 0.03
WHITE = 0.75
MOSTLY = 0.5
# a score is worth a word from here on: the strangest 2 % of the training pictures
WORTH_SAYING = -math.log(0.02)
MOST_REASONS = 3
DRAWN = "drawn: flat white background"
# what the first word says, the others need not repeat
SAID_BY = {
    DRAWN: {
        "very bright",
        "hardly any contrast",
        "few shades",
        "large flat areas",
        "hard edges everywhere",
        "no fine detail",
        "unusual detail",
        "light in unusual places",
    },
    "very dark": {
        "hardly any contrast",
        "hardly any detail",
        "few shades",
        "few colours",
        "large flat areas",
        "no fine detail",
        "unusual colours",
        "unusual detail",
        "light in unusual places",
    },
    "very bright": {
        "hardly any contrast",
        "hardly any detail",
        "few shades",
        "large flat areas",
        "no fine detail",
        "unusual detail",
        "light in unusual places",
    },
    "blurred": {"hardly any detail", "no fine detail", "unusual detail"},
    "no colour": {"unusual colours"},
    "pale colours": {"unusual colours"},
    "few colours": {"unusual colours"},
    "glaring colours": {"unusual colours"},
    "grainy": {"unusual detail"},
    "crowded with edges": {"unusual detail"},
    "hard edges everywhere": {"unusual detail"},
    "large flat areas": {"unusual detail"},
}

_WORDS = [
    *(WORDS[name][0] for name in JUDGED),
    *(WORDS[name][1] for name in JUDGED),
    *(OF_GROUPS[name] for name in GROUPS),
]


def reasons_for(
    sides: NDArray[np.float64], groups: NDArray[np.float64], properties: Mapping[str, float]
) -> tuple[str, ...]:
    """Of a picture whose look was found strange; `sides` is its row of `Look.scores`, `groups` the tails of its groups.

    The strangest first, at least one and at most three.
    """
    scores = np.concatenate([sides, groups])
    order = np.argsort(-scores, kind="stable")
    worth = [int(one) for one in order if scores[one] >= WORTH_SAYING] or [int(order[0])]
    words = list(dict.fromkeys(_word(one, properties) for one in worth))
    for word, said in SAID_BY.items():
        if word in words:
            words = [one for one in words if one not in said]
    return tuple(words[:MOST_REASONS])


def _word(place: int, properties: Mapping[str, float]) -> str:
    word = _WORDS[place]
    if word in ("pale colours", "few colours") and properties["saturation"] < NO_COLOUR:
        return "no colour"
    white = properties["brightness"] > WHITE and properties["flat_share"] > MOSTLY
    return DRAWN if white and word in SAID_BY[DRAWN] else word
