"""What a network and the eye see in many pictures, by the code that serves: decoding, preprocessing, engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.engine import Engine
from classifier.pictures import open_picture
from classifier.preprocessing import Preprocessing, prepare
from classifier.properties import measure
from retrain.progress import Watch

AT_ONCE = 16

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Seen:
    """n pictures: their properties, features (n, D) and logits (n, K), in one order."""

    digests: tuple[str, ...]
    properties: tuple[dict[str, float], ...]
    features: Floats
    logits: Floats

    def of(self, digests: Sequence[str]) -> "Seen":
        """The same for some of the pictures, in the order asked for."""
        places = {digest: place for place, digest in enumerate(self.digests)}
        chosen = [places[one] for one in digests]
        return Seen(
            tuple(digests),
            tuple(self.properties[one] for one in chosen),
            self.features[chosen],
            self.logits[chosen],
        )


def look(
    engine: Engine,
    preprocessing: Preprocessing,
    digests: Sequence[str],
    read: Callable[[str], bytes],
    watch: Watch,
) -> Seen:
    """Ask the network about every picture, some at a time. Raises BadPicture, NetworkError."""
    properties: list[dict[str, float]] = []
    features: list[Floats] = []
    logits: list[Floats] = []
    for start in range(0, len(digests), AT_ONCE):
        watch("export", start / len(digests), f"asking the network, {start} of {len(digests)}")
        pictures = [open_picture(read(one)) for one in digests[start : start + AT_ONCE]]
        properties += [measure(one) for one in pictures]
        said = engine.run(np.stack([prepare(one.pixels, preprocessing) for one in pictures]))
        logits.append(said[0])
        features.append(said[1])
    return Seen(tuple(digests), tuple(properties), np.concatenate(features), np.concatenate(logits))
