"""A made-up world of pictures as monitoring sees them: columns that depend on each other as real ones do.

Classes of unequal share, features that lie around their class, properties that share causes, have long tails, ties
and few values (sizes of cameras), scores that follow from both, a confidence that falls where classes meet. The fused
score is normal, and of strange pictures it is higher by 1.81 deviations: AUROC .90. Nothing else of them is strange
but the two scores it is made of, so that what is measured is the count of flags and not the ease of the example.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from monitoring import window_verdicts
from monitoring.columns import FEATURES, Floats, Table
from monitoring.window_verdicts import Against

# of two normal scores one deviation wide, so far apart that one is larger in 90 % of pairs
STRANGER = float(np.sqrt(2) * norm.ppf(0.90))
COMPONENTS = 32
_SIDES = np.log2([480.0, 640.0, 960.0, 1024.0, 1500.0])
_ASPECTS = np.log2([0.75, 1.0, 4 / 3, 1.5, 16 / 9])


@dataclass(frozen=True)
class World:
    """Where pictures come from; `strange` is the share of pictures with an outlying fused score."""

    classes: int
    strange: float = 0.0
    seed: int = 0
    _names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", tuple(f"class {n:03}" for n in range(self.classes)))

    def draw(self, count: int, rng: np.random.Generator) -> Table:
        """`count` pictures, as independent draws."""
        shares, centres = _layout(self.classes, self.seed)
        kind = rng.choice(self.classes, count, p=shares)
        causes = rng.normal(size=(count, 3))
        surprise = rng.normal(size=count)
        around = rng.standard_t(8, size=(count, COMPONENTS))
        spread = 1.0 / np.sqrt(1.0 + np.arange(COMPONENTS))
        features = (centres[kind] + 0.8 * around + 0.3 * surprise[:, None]) * spread
        look, feature, fused = self._scores(count, causes, surprise, rng)
        margin = 1.5 + rng.normal(size=count) - 0.5 * surprise
        wrong = margin < 0
        predicted = np.where(wrong, (kind + 1) % self.classes, kind)
        numbers = {
            **_properties(causes, rng),
            "confidence": 1 / (1 + np.exp(-2.0 * np.abs(margin))),
            "look_score": look,
            "feature_score": feature,
            "domain_score": fused,
        }
        block = features.astype(np.float16).astype(np.float64)
        return Table(numbers, [self._names[one] for one in predicted], {FEATURES: block})

    def _scores(
        self, count: int, causes: Floats, surprise: Floats, rng: np.random.Generator
    ) -> tuple[Floats, Floats, Floats]:
        of_look = 0.6 * causes[:, 0] + 0.8 * rng.normal(size=count)
        of_feature = 0.6 * surprise + 0.8 * rng.normal(size=count)
        strange = np.where(rng.random(count) < self.strange, STRANGER, 0.0)
        fused = (of_look + of_feature) / np.sqrt(2) + strange
        look = -np.log(norm.sf(of_look + strange / np.sqrt(2)))
        feature = 0.3 + 0.08 * (of_feature + strange / np.sqrt(2))
        return look, feature, fused


@lru_cache(maxsize=8)
def _layout(classes: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng([seed, classes])
    shares = 1.0 / np.sqrt(np.arange(1, classes + 1))
    return shares / shares.sum(), 2.0 * rng.normal(size=(classes, COMPONENTS))


def _properties(causes: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    count = len(causes)
    own = rng.normal(size=(count, 15))
    light, colour, detail = causes.T
    edges = norm.cdf(0.7 * detail + 0.7 * own[:, 0])
    return {
        "brightness": norm.cdf(0.9 * light + 0.4 * own[:, 1]),
        "contrast": 0.5 * norm.cdf(0.5 * light + 0.5 * detail + 0.7 * own[:, 2]),
        "saturation": norm.cdf(0.9 * colour + 0.4 * own[:, 3]),
        "colourfulness": np.exp(0.6 * colour + 0.3 * own[:, 4] - 1.5),
        "sharpness": -0.4 + 0.2 * detail + 0.1 * own[:, 5],
        # shares of 4,096 pixels: ties, and a heap of zeros
        "edge_density": np.maximum(0.0, np.round((edges - 0.1) * 4096) / 4096),
        "entropy": 8 - np.exp(0.5 * own[:, 6] - 0.4 * detail),
        "flat_share": np.round(norm.cdf(-0.8 * detail + 0.6 * own[:, 7]) ** 3 * 4096) / 4096,
        "warmth": 0.05 + 0.05 * colour * own[:, 8],
        "tint": 0.03 * own[:, 9],
        "grain": -6.5 + 0.6 * detail + 0.8 * own[:, 10],
        "side_light": 0.12 * np.abs(own[:, 11]),
        "centre_light": 0.05 * light + 0.08 * own[:, 12],
        "row_contrast": norm.cdf(0.4 * own[:, 13]),
        "column_contrast": norm.cdf(0.4 * own[:, 14] - 0.2 * own[:, 13]),
        "aspect": rng.choice(_ASPECTS, count, p=(0.2, 0.1, 0.4, 0.2, 0.1)),
        "size": rng.choice(_SIDES, count, p=(0.1, 0.3, 0.3, 0.2, 0.1)),
    }


def against(reference: Table) -> Against:
    """A reference as a bundle would hold it."""
    return window_verdicts.calibrated(reference, reference.numbers["domain_score"])


def flagged(window: Table, known: Against) -> Table:
    """The window with the flags that the reference's fused scores give, as the service would set them."""
    calibration: NDArray[np.float64] = np.sort(known.table.numbers["domain_score"])
    beyond = calibration[-known.rank] if known.rank else np.inf
    return replace(window, flagged=(window.numbers["domain_score"] > beyond).astype(float))
