"""Is this a picture of the kind the model was made for? Two scores, their p-values, one flag, reasons in words.

`look` is what the picture looks like, `feature` is where the network puts it; neither sees what the other sees
(drawings fool features, unknown objects look ordinary). The flag comes from the larger of the two, each as a
continuous tail score, with one conformal pass over it (fusing ranks instead
would never flag).
Calibrated on pictures that neither the network nor the tails were fitted on. Never flags on too few of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifier import archive
from classifier.calibration import softmax
from classifier.conformal import flagging_rank, p_value
from classifier.look import Look, fit_look, reasons_for
from classifier.neighbours import (
    COMPONENTS,
    Neighbours,
    Projection,
    fit_neighbours,
    fit_projection,
)
from classifier.properties import NAMES
from classifier.tails import Tails, fit_tails

TOO_FEW = "too few held-out pictures to judge the domain"
UNLIKE = "unlike the training pictures"
FOLDS = 5
# look and feature scores: keeps the knots of the fused tails apart, and does no more
_APART = (1e-3, 1e-6)

Properties = Mapping[str, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DomainScore:
    """Scores (higher is stranger) and conformal p-values; `score` and `p` are of both together.

    `inside` is what the flag says. Where `calibrated` is false nothing can be flagged and the reasons say so.
    """

    look_score: float
    look_p: float
    feature_score: float
    feature_p: float
    score: float
    p: float
    inside: bool
    calibrated: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Reference:
    """What a model version's training and held-out pictures were like; arrays only."""

    look: Look
    neighbours: Neighbours
    projection: Projection
    fused: Tails
    look_calibration: Floats
    feature_calibration: Floats
    calibration: Floats
    held_out: Mapping[str, Floats]

    @property
    def rank(self) -> int:
        """Flagged is what lies beyond this many of the largest calibration scores; 0 flags nothing."""
        return flagging_rank(len(self.calibration))

    @property
    def calibrated(self) -> bool:
        """Whether there are enough held-out pictures to flag with a promise (59)."""
        return self.rank > 0

    def score(
        self,
        properties: Properties,
        features: ArrayLike,
        logits: ArrayLike,  # noqa: ARG002 - part of the shape: scores of the logits join here
    ) -> DomainScore:
        """One picture: its properties, its features (D,), its logits (K,)."""
        sides = self.look.scores([properties])[0]
        look = sides.max()
        feature = self.neighbours.distances(np.asarray(features)[None])[0]
        tails = self.fused.score([look, feature])
        p = float(p_value(self.calibration, tails.max()))
        inside = p > self._level
        return DomainScore(
            look_score=float(look),
            look_p=float(p_value(self.look_calibration, look)),
            feature_score=float(feature),
            feature_p=float(p_value(self.feature_calibration, feature)),
            score=float(tails.max()),
            p=p,
            inside=inside,
            calibrated=self.calibrated,
            reasons=self._reasons(inside, properties, sides, tails),
        )

    def flags(self, properties: Sequence[Properties], features: ArrayLike) -> NDArray[np.bool_]:
        """For n pictures with features (n, D) at once: which are outside."""
        look = self.look.scores(properties).max(axis=1)
        both = np.stack([look, self.neighbours.distances(features)], axis=1)
        p = p_value(self.calibration, self.fused.score(both).max(axis=1))
        return p <= self._level

    @property
    def _level(self) -> float:
        return self.rank / (len(self.calibration) + 1)

    def _reasons(
        self, inside: bool, properties: Properties, sides: Floats, tails: Floats
    ) -> tuple[str, ...]:
        if inside:
            return () if self.calibrated else (TOO_FEW,)
        threshold = self.calibration[-self.rank]
        said = reasons_for(sides, properties) if tails[0] >= threshold else ()
        return (*said, UNLIKE) if tails[1] >= threshold else said

    def project(self, features: ArrayLike) -> bytes:
        """Features (D,) to 32 float16 numbers, little-endian, for the prediction's row."""
        return self.projection.project(features).astype("<f2").tobytes()

    def table(self) -> dict[str, Floats]:
        """The held-out pictures, one column each of n numbers: every property, `confidence`, `predicted`
        (number of the class), `look_score`, `feature_score`, `domain_score`, `pca_00` to `pca_31`."""
        return dict(self.held_out)

    def save(self) -> bytes:
        """As npz, the same bytes for the same numbers."""
        return archive.pack(
            {
                "look_knots": self.look.tails.knots,
                "look_heights": self.look.tails.heights,
                "neighbour_rows": self.neighbours.rows.astype(np.float16),
                "neighbour_k": np.array(self.neighbours.k),
                "projection_centre": self.projection.centre,
                "projection_axes": self.projection.axes,
                "fused_knots": self.fused.knots,
                "fused_heights": self.fused.heights,
                "look_calibration": self.look_calibration,
                "feature_calibration": self.feature_calibration,
                "calibration": self.calibration,
                **{f"{_HELD_OUT}{name}": column for name, column in self.held_out.items()},
            }
        )

    @classmethod
    def load(cls, data: bytes) -> "Reference":
        """Reads what `save` gave; raises ValueError on anything else."""
        arrays = archive.unpack(data)
        held_out = {
            name.removeprefix(_HELD_OUT): arrays.pop(name)
            for name in sorted(arrays)
            if name.startswith(_HELD_OUT)
        }
        try:
            return cls(
                look=Look(Tails(arrays["look_knots"], arrays["look_heights"])),
                neighbours=Neighbours(
                    arrays["neighbour_rows"].astype(np.float32), int(arrays["neighbour_k"])
                ),
                projection=Projection(arrays["projection_centre"], arrays["projection_axes"]),
                fused=Tails(arrays["fused_knots"], arrays["fused_heights"]),
                look_calibration=arrays["look_calibration"],
                feature_calibration=arrays["feature_calibration"],
                calibration=arrays["calibration"],
                held_out=held_out,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a reference: {error}") from error


_HELD_OUT = "held_out_"


def fit_reference(
    properties: Sequence[Properties],
    features: ArrayLike,
    logits: ArrayLike,
    train_features: ArrayLike,
    *,
    train_properties: Sequence[Properties],
    seed: int,
    temperature: float = 1.0,
) -> Reference:
    """Fits on training pictures and calibrates on held-out ones.

    `properties`, `features` (n, D) and `logits` (n, K) are of n held-out pictures, `train_features` (m, D) and
    `train_properties` of the training pictures (their orders need not agree). Under 59 held-out pictures the
    reference cannot flag; 600 and more make the best use of the 5 % it may flag.
    """
    x, z = np.asarray(features, dtype=np.float32), np.asarray(logits, dtype=np.float64)
    if not len(properties) == len(x) == len(z) or len(x) == 0:
        raise ValueError(f"{len(properties)} properties, {len(x)} features and {len(z)} logits")
    look = fit_look(train_properties)
    neighbours = fit_neighbours(train_features, z.shape[1], seed)
    projection = fit_projection(train_features)
    look_scores = look.scores(properties).max(axis=1)
    feature_scores = neighbours.distances(x)
    both = np.stack([look_scores, feature_scores], axis=1)
    fused = _cross_fitted(both, seed)
    shares = softmax(z, temperature)
    projected = projection.project(x).astype(np.float64)
    held_out = {name: np.array([one[name] for one in properties]) for name in NAMES}
    held_out |= {
        "confidence": shares.max(axis=1),
        "predicted": shares.argmax(axis=1).astype(np.float64),
        "look_score": look_scores,
        "feature_score": feature_scores,
        "domain_score": fused,
    }
    held_out |= {f"pca_{i:02}": projected[:, i] for i in range(COMPONENTS)}
    return Reference(
        look=look,
        neighbours=neighbours,
        projection=projection,
        fused=fit_tails(both, _APART),
        look_calibration=np.sort(look_scores),
        feature_calibration=np.sort(feature_scores),
        calibration=np.sort(fused),
        held_out=held_out,
    )


def _cross_fitted(both: Floats, seed: int) -> Floats:
    """Each picture's fused score by tails fitted on the others, as a new picture's will be."""
    n = len(both)
    folds = np.random.default_rng(seed).permutation(n) % min(FOLDS, n)
    scores = np.empty(n)
    for fold in range(folds.max() + 1):
        inside = folds == fold
        others = both if inside.all() else both[~inside]
        scores[inside] = fit_tails(others, _APART).score(both[inside]).max(axis=1)
    return scores
