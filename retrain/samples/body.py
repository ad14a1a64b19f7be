"""What every bear is made of, living or sewn: named parts, and the points where the face is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from retrain.samples.solid import Floats, Solid


class Part(IntEnum):
    TORSO = 0
    BACK = 1  # the saddle and, on a grizzly, the hump
    LEG = 2
    PAW = 3
    HEAD = 4
    MUZZLE = 5
    NOSE = 6
    EAR = 7
    INNER_EAR = 8
    BLAZE = 9  # the pale patch on some chests
    PAD = 10  # the sewn-on sole of a teddy
    BOW = 11


HEAD_PARTS = frozenset({Part.HEAD, Part.MUZZLE, Part.NOSE, Part.EAR, Part.INNER_EAR})
BARE = frozenset({Part.NOSE, Part.BOW})  # no fur grows here


@dataclass
class Body:
    """A solid and the points on it that painters need, all in the bear's axes."""

    solid: Solid = field(default_factory=Solid)
    eyes: Floats = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    eye: float = 0.04  # radius of an eye
    nose: Floats = field(default_factory=lambda: np.zeros(3, np.float32))
    lines: list[Floats] = field(default_factory=list)  # mouth and seams, (k, 3) each
    claws: list[Floats] = field(default_factory=list)  # (2, 3): root and tip

    def wear(self, head: Body, rotation: Floats, at: tuple[float, float, float]) -> None:
        """Set a head on this body."""
        place = np.asarray(at, np.float32)
        self.solid.add(head.solid, rotation, place)
        self.eyes = head.eyes @ rotation.T + place
        self.eye = head.eye
        self.nose = rotation @ head.nose + place
        self.lines += [line @ rotation.T + place for line in head.lines]
