"""Is this a picture of the kind the model was made for? Two scores, their p-values, one flag, reasons in words.

`look` is what the picture looks like, `feature` is where the network puts it and how sure it is; neither sees what
the other sees (drawings fool features, unknown objects look ordinary). The flag comes from the soft maximum
of all single scores as continuous tails, with one conformal pass over it (`classifier.fusion`).
Calibrated on pictures that the network was not trained on. Never flags on too few of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifier import archive
from classifier.calibration import softmax
from classifier.conformal import flagging_rank, p_value
from classifier.entropy import generalised_entropy
from classifier.fusion import cross_fitted, fit_fusion, fuse
from classifier.look import PARTS, Look, fit_look, look_from
from classifier.neighbours import (
    COMPONENTS,
    Neighbours,
    Projection,
    fit_neighbours,
    fit_projection,
)
from classifier.properties import NAMES
from classifier.reasons import reasons_for
from classifier.relative import Relative, fit_relative, relative_from
from classifier.tails import Tails

# of the arrays in the archive; another number means other scores
FORMAT = 3
TOO_FEW = "too few held-out pictures to judge the domain"
UNLIKE = "unlike the training pictures"

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
    """What a model version's training and held-out pictures were like; arrays only.

    `relative` is None where there were too few training pictures for a covariance.
    """

    look: Look
    neighbours: Neighbours
    relative: Relative | None
    projection: Projection
    fusion: Tails
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

    def score(self, properties: Properties, features: ArrayLike, logits: ArrayLike) -> DomainScore:
        """One picture: its properties, its features (D,), its logits (K,)."""
        sides, parts = self.look.scores([properties])
        others = self._others(np.asarray(features)[None], np.asarray(logits)[None])
        fused = fuse(self.fusion, np.concatenate([parts, others], axis=1))
        look, feature, score = float(fused.look[0]), float(fused.feature[0]), float(fused.domain[0])
        p = float(p_value(self.calibration, score))
        inside = p > self._level
        return DomainScore(
            look_score=look,
            look_p=float(p_value(self.look_calibration, look)),
            feature_score=feature,
            feature_p=float(p_value(self.feature_calibration, feature)),
            score=score,
            p=p,
            inside=inside,
            calibrated=self.calibrated,
            reasons=self._reasons(inside, properties, sides[0], fused.tails[0]),
        )

    def flags(
        self, properties: Sequence[Properties], features: ArrayLike, logits: ArrayLike
    ) -> NDArray[np.bool_]:
        """For n pictures with features (n, D) and logits (n, K) at once: which are outside."""
        scores = self.scores(properties, features, logits)["domain"]
        return p_value(self.calibration, scores) <= self._level

    def scores(
        self, properties: Sequence[Properties], features: ArrayLike, logits: ArrayLike
    ) -> dict[str, Floats]:
        """Every score of n pictures, (n,) each: "look", "feature" and "domain", and the single ones that the
        feature score is made of, "knn", "gen" and, where there is one, "rmds"."""
        singles = self.singles(properties, features, logits)
        fused = fuse(self.fusion, singles)
        return {
            "look": fused.look,
            "feature": fused.feature,
            "domain": fused.domain,
            **dict(zip(("knn", "gen", "rmds"), singles.T[PARTS:], strict=False)),
        }

    def singles(
        self, properties: Sequence[Properties], features: ArrayLike, logits: ArrayLike
    ) -> Floats:
        """What is fused, (n, J): the parts of the look, then KNN, GEN and, where there is one, RMDS."""
        looks = self.look.scores(properties)[1]
        return np.concatenate([looks, self._others(features, logits)], axis=1)

    def _others(self, features: ArrayLike, logits: ArrayLike) -> Floats:
        return _of_network(self.neighbours, self.relative, features, logits)

    @property
    def _level(self) -> float:
        return self.rank / (len(self.calibration) + 1)

    def _reasons(
        self, inside: bool, properties: Properties, sides: Floats, tails: Floats
    ) -> tuple[str, ...]:
        if inside:
            return () if self.calibrated else (TOO_FEW,)
        # the soft maximum is never above the largest: one of the tails is beyond the threshold
        threshold = self.calibration[-self.rank]
        strange = tails[:PARTS].max() >= threshold
        said = reasons_for(sides, tails[1:PARTS], properties) if strange else ()
        return (*said, UNLIKE) if tails[PARTS:].max() >= threshold else said

    def project(self, features: ArrayLike) -> bytes:
        """Features (D,) to 32 float16 numbers, little-endian, for the prediction's row."""
        return self.projection.project(features).astype("<f2").tobytes()

    def table(self) -> dict[str, Floats]:
        """The held-out pictures, one column each of n numbers: every property, `confidence`, `predicted`
        (number of the class), `look_score`, `feature_score`, `domain_score`, `pca_00` to `pca_31`."""
        return dict(self.held_out)

    def save(self) -> bytes:
        """As npz, the same bytes for the same numbers."""
        relative = vars(self.relative) if self.relative is not None else {}
        return archive.pack(
            {
                "format": np.array(FORMAT),
                **self.look.arrays(),
                "neighbour_rows": self.neighbours.rows.astype(np.float16),
                "neighbour_k": np.array(self.neighbours.k),
                **{f"{_RELATIVE}{name}": one for name, one in relative.items()},
                "projection_centre": self.projection.centre,
                "projection_axes": self.projection.axes,
                "fusion_knots": self.fusion.knots,
                "fusion_heights": self.fusion.heights,
                "look_calibration": self.look_calibration,
                "feature_calibration": self.feature_calibration,
                "calibration": self.calibration,
                **{f"{_HELD_OUT}{name}": column for name, column in self.held_out.items()},
            }
        )

    @classmethod
    def load(cls, data: bytes) -> "Reference":
        """Reads what `save` gave; raises ValueError on anything else, also on another format."""
        arrays = archive.unpack(data)
        found = int(arrays.get("format", np.array(1)).max(initial=0))
        if found != FORMAT:
            raise ValueError(
                f"a reference of format {found}, this program reads {FORMAT}: make the bundle again"
            )
        held_out, relative = _taken(arrays, _HELD_OUT), _taken(arrays, _RELATIVE)
        try:
            return cls(
                look=look_from(arrays),
                neighbours=Neighbours(
                    arrays["neighbour_rows"].astype(np.float32), int(arrays["neighbour_k"])
                ),
                relative=relative_from(relative) if relative else None,
                projection=Projection(arrays["projection_centre"], arrays["projection_axes"]),
                fusion=Tails(arrays["fusion_knots"], arrays["fusion_heights"]),
                look_calibration=arrays["look_calibration"],
                feature_calibration=arrays["feature_calibration"],
                calibration=arrays["calibration"],
                held_out=held_out,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a reference: {error}") from error


_HELD_OUT = "held_out_"
_RELATIVE = "relative_"


def _taken(arrays: dict[str, NDArray[np.float64]], prefix: str) -> dict[str, Floats]:
    names = [name for name in sorted(arrays) if name.startswith(prefix)]
    return {name.removeprefix(prefix): arrays.pop(name) for name in names}


def _of_network(
    neighbours: Neighbours, relative: Relative | None, features: ArrayLike, logits: ArrayLike
) -> Floats:
    """The single scores of features (n, D) and logits (n, K): (n, 2 or 3)."""
    parts = [neighbours.distances(features), generalised_entropy(logits)]
    if relative is not None:
        parts.append(relative.distances(features))
    return np.stack(parts, axis=1)


def fit_reference(
    properties: Sequence[Properties],
    features: ArrayLike,
    logits: ArrayLike,
    train_features: ArrayLike,
    *,
    train_properties: Sequence[Properties],
    seed: int,
    temperature: float = 1.0,
    train_labels: ArrayLike | None = None,
) -> Reference:
    """Fits on training pictures and calibrates on held-out ones.

    `properties`, `features` (n, D) and `logits` (n, K) are of n held-out pictures, `train_features` (m, D) and
    `train_labels` (class numbers, (m,); without them there is no RMDS) of the training pictures, and so are
    `train_properties` (in any order). Under 59 held-out pictures the reference cannot flag; 600 and more make the
    best use of the 5 % it may flag.
    """
    x, z = np.asarray(features, dtype=np.float32), np.asarray(logits, dtype=np.float64)
    if not len(properties) == len(x) == len(z) or len(x) == 0:
        raise ValueError(f"{len(properties)} properties, {len(x)} features and {len(z)} logits")
    look = fit_look(train_properties, seed)
    neighbours = fit_neighbours(train_features, z.shape[1], seed)
    relative = fit_relative(train_features, train_labels)
    projection = fit_projection(train_features)
    singles = np.concatenate(
        [look.scores(properties)[1], _of_network(neighbours, relative, x, z)], axis=1
    )
    fused = cross_fitted(singles, seed)
    shares = softmax(z, temperature)
    projected = projection.project(x).astype(np.float64)
    held_out = {name: np.array([one[name] for one in properties]) for name in NAMES}
    held_out |= {
        "confidence": shares.max(axis=1),
        "predicted": shares.argmax(axis=1).astype(np.float64),
        "look_score": fused.look,
        "feature_score": fused.feature,
        "domain_score": fused.domain,
    }
    held_out |= {f"pca_{i:02}": projected[:, i] for i in range(COMPONENTS)}
    return Reference(
        look=look,
        neighbours=neighbours,
        relative=relative,
        projection=projection,
        fusion=fit_fusion(singles),
        look_calibration=np.sort(fused.look),
        feature_calibration=np.sort(fused.feature),
        calibration=np.sort(fused.domain),
        held_out=held_out,
    )
