"""The light a scene stands in: where it comes from, its colour, and what it does to a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain.samples.solid import Floats, Surface

# name: colour of the direct light, colour of the light from all sides, height of its source
OUTDOORS: dict[str, tuple[tuple[float, ...], tuple[float, ...], float]] = {
    "dawn": ((1.08, 0.88, 0.76), (0.6, 0.59, 0.66), 0.35),
    "noon": ((1.05, 1.02, 0.93), (0.52, 0.56, 0.62), 1.0),
    "overcast": ((0.42, 0.43, 0.45), (0.78, 0.8, 0.83), 1.0),
    "golden": ((1.22, 1.0, 0.7), (0.5, 0.5, 0.55), 0.4),
    "dusk": ((0.56, 0.53, 0.6), (0.52, 0.55, 0.64), 0.5),
}
INDOORS: dict[str, tuple[tuple[float, ...], tuple[float, ...], float]] = {
    "lamp": ((1.12, 0.96, 0.74), (0.58, 0.52, 0.45), 0.8),
    "window": ((1.0, 1.0, 1.0), (0.46, 0.48, 0.52), 0.5),
    "flash": ((0.95, 0.95, 0.97), (0.42, 0.41, 0.4), 0.1),
    "ceiling": ((0.7, 0.69, 0.64), (0.68, 0.67, 0.63), 1.0),
}


@dataclass(frozen=True)
class Light:
    name: str
    towards: Floats  # unit vector to its source: right, down, towards us
    direct: Floats  # (3,) red, green, blue
    around: Floats  # (3,)

    def on(self, surface: Surface) -> Floats:
        """How much light of each colour each pixel sends on, (size, size, 3)."""
        facing = surface.normal @ self.towards
        wrapped = np.maximum(0, (facing + 0.25) / 1.25)[..., None]
        above = 0.72 - 0.28 * surface.normal[..., 1:2]
        open_air = (1 - 0.7 * surface.crease)[..., None]
        return np.asarray((self.direct * wrapped + self.around * above) * open_air, np.float32)

    def flat(self) -> Floats:
        """What a level ground sends on, (3,): by how much scenery is tinted."""
        return np.asarray(0.56 * self.direct + 0.68 * self.around, np.float32)


def choose(rng: np.random.Generator, indoors: bool) -> Light:
    """An hour of the day or a lamp: its direction, strength and colour cast."""
    table = INDOORS if indoors else OUTDOORS
    name = str(rng.choice(list(table)))
    direct, around, height = table[name]
    aside = rng.uniform(-1, 1)
    towards = np.array([aside, -height - 0.15, rng.uniform(0.25, 0.9)])
    strength = rng.uniform(0.92, 1.18)
    cast = rng.normal(1.0, 0.03, 3)  # no two cameras agree on white
    return Light(
        name,
        np.asarray(towards / np.linalg.norm(towards), np.float32),
        np.asarray(np.array(direct) * cast * strength, np.float32),
        np.asarray(np.array(around) * cast * strength, np.float32),
    )


# the lamp of a camera trap: beside the lens, and nothing else
INFRARED = Light(
    "infrared",
    np.array([0.1, -0.15, 0.98], np.float32),
    np.full(3, 0.85, np.float32),
    np.full(3, 0.16, np.float32),
)
