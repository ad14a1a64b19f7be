"""A loaded model version: from a picture to an opinion about it.

Loading: read the bundle (digests), start the network, ask it its own samples, and only then stand ready. What
this room computes for one picture, serving and backtest compute alike. Knows no policy: what to do with an
opinion is decided elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bundle, BundleError, Sample, read_bundle
from classifier.calibration import softmax
from classifier.domain import DomainScore
from classifier.engine import Engine, NetworkError
from classifier.engine_process import EngineProcess
from classifier.pictures import BadPicture, Picture, open_picture
from classifier.preprocessing import prepare
from classifier.properties import measure

# of a probability: other processors round differently, another network differs by far more
TOLERANCE = 1e-3
# for all samples of a bundle together
PROOF_SECONDS = 30.0


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one model version says of one picture.

    `probabilities` are calibrated and sum to one, `confidence` is the largest; logits (K,) and features (D,) are
    float32; `projected` is the features for the log (32 float16); `milliseconds` has "prepare", "network",
    "properties" (0 where they were given) and "domain".
    """

    label: str
    confidence: float
    probabilities: dict[str, float]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    domain: DomainScore
    projected: bytes
    properties: Mapping[str, float]
    milliseconds: dict[str, float]


class Classifier:
    """One bundle, loaded and proved; may be asked from many threads at once."""

    def __init__(self, bundle: Bundle, engine: Engine | EngineProcess) -> None:
        self.bundle = bundle
        self.engine = engine

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> "Classifier":
        """Raises BundleError unless every digest and every sample's answer is right, and comes in time."""
        return cls.of(read_bundle(folder), threads)

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        threads: int = 1,
        start: Callable[[bytes], EngineProcess] | None = None,
    ) -> "Classifier":
        """Raises BundleError unless every sample's answer is right, and comes in time.

        `start`: where a network runs that is not trusted yet; what else it raises comes through.
        """
        try:
            network = bundle.network
            loaded = cls(bundle, start(network) if start else Engine(network, threads))
            # a network that hangs must not keep whoever loads it
            limit = Timer(PROOF_SECONDS, loaded.engine.stop)
            limit.start()
            try:
                prove(loaded, bundle.samples)
            finally:
                limit.cancel()
        except NetworkError as error:
            raise BundleError("network", f"The bundle's network is of no use: {error}.") from error
        return loaded

    @property
    def digest(self) -> str:
        """The bundle's."""
        return self.bundle.digest

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the logits."""
        return self.bundle.classes

    def opine(self, picture: Picture, properties: Mapping[str, float] | None = None) -> Opinion:
        """Raises NetworkError. `properties` may be handed on from another model's opinion of the picture."""
        started = perf_counter()
        inputs = prepare(picture.pixels, self.bundle.preprocessing)
        prepared = perf_counter()
        all_logits, all_features = self.engine.run(inputs[None])
        logits, features = all_logits[0], all_features[0]
        if len(logits) != len(self.classes):
            raise NetworkError(f"{len(logits)} logits for {len(self.classes)} classes")
        asked = perf_counter()
        properties = measure(picture) if properties is None else properties
        measured = perf_counter()
        domain = self.bundle.reference.score(properties, features, logits)
        projected = self.bundle.reference.project(features)
        scored = perf_counter()
        shares = softmax(logits, self.bundle.temperature)
        return Opinion(
            label=self.classes[int(shares.argmax())],
            confidence=float(shares.max()),
            probabilities=dict(zip(self.classes, shares.tolist(), strict=True)),
            logits=logits,
            features=features,
            domain=domain,
            projected=projected,
            properties=properties,
            milliseconds={
                "prepare": 1000 * (prepared - started),
                "network": 1000 * (asked - prepared),
                "properties": 1000 * (measured - asked),
                "domain": 1000 * (scored - measured),
            },
        )


def prove(classifier: Classifier, samples: Sequence[Sample]) -> None:
    """Raises BundleError unless each sample gets its answer: the same top class, every probability within
    `TOLERANCE`."""
    for sample in samples:
        try:
            opinion = classifier.opine(open_picture(sample.data))
        except (BadPicture, ValueError) as error:
            raise BundleError(
                "sample_answer", f"The sample {sample.name} cannot be asked: {error}"
            ) from error
        expected = sample.probabilities
        gaps = [abs(opinion.probabilities[one] - expected[one]) for one in classifier.classes]
        gap = np.max(gaps)
        # written so that a gap that is not a number fails as well
        if not gap <= TOLERANCE or opinion.label != max(expected, key=expected.__getitem__):
            raise BundleError(
                "sample_answer",
                f"The network answers {opinion.label} ({opinion.confidence:.4f}) to the sample {sample.name},"
                f" {gap:.4f} away from the answer it was tested with.",
            )
