"""What a window says has moved, in words: the direction from the sign of the shift, the evidence from the p-value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.pages import words
from store.tables import Window

# a column of a window: what its pictures are when its median is lower, and when it is higher
DIRECTIONS = {
    "brightness": ("darker", "brighter"),
    "contrast": ("with less contrast", "with more contrast"),
    "saturation": ("paler", "in stronger colours"),
    "colourfulness": ("with fewer colours", "with more colours"),
    "warmth": ("in colder light", "in warmer light"),
    "tint": ("greener", "redder"),
    "sharpness": ("more blurred", "sharper"),
    "grain": ("smoother", "grainier"),
    "edge_density": ("with fewer edges", "with more edges"),
    "entropy": ("with fewer shades", "with more shades"),
    "flat_share": ("with less flat area", "with more flat area"),
    "side_light": ("lit more evenly from left to right", "brighter on one side"),
    "centre_light": ("darker in the middle", "brighter in the middle"),
    "row_contrast": ("more alike from top to bottom", "more different from top to bottom"),
    "column_contrast": ("more alike from left to right", "more different from left to right"),
    "aspect": ("taller", "wider"),
    "size": ("smaller", "larger"),
    "compression": ("with fewer bytes per pixel", "with more bytes per pixel"),
    "look_score": ("more usual to look at", "more unusual to look at"),
    "feature_score": ("more usual to the network", "more unusual to the network"),
    "domain_score": ("more like the training", "less like the training"),
    "confidence": ("less certain to the model", "more certain to the model"),
    "flagged_pictures": ("less often unlike the training", "more often unlike the training"),
}
PREDICTED_CLASS = "predicted_class"
FEATURES = "features"


@dataclass(frozen=True)
class Moved:
    """One thing that moved, and how strong the evidence is."""

    sentence: str
    p_value: float


def told(window: Window) -> list[Moved]:
    """What moved, the strongest evidence first; the network's own directions are one thing."""
    strongest: dict[str, float] = {}
    for name, value in window.values.items():
        if isinstance(value, Mapping) and value.get("drift"):
            sentence, p_value = _sentence(name, value), float(value.get("p_value", 0.0))
            strongest[sentence] = min(p_value, strongest.get(sentence, 1.0))
    ranked = sorted(strongest.items(), key=lambda one: (one[1], one[0]))
    return [Moved(sentence, p_value) for sentence, p_value in ranked]


def reason(window: Window) -> str | None:
    """Why there is no verdict, if there is none."""
    why = window.values.get("reason")
    return why if isinstance(why, str) else None


def _sentence(name: str, value: Mapping[str, Any]) -> str:
    if name == PREDICTED_CLASS:
        return "other classes than before"
    if name == FEATURES:
        return "other things to the network"
    shift = float(value.get("shift", 0.0))
    if name not in DIRECTIONS or shift == 0:
        return f"different in {words.word({}, name)}"
    return DIRECTIONS[name][shift > 0]
