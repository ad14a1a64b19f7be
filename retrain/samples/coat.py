"""Coats: the colour of each part, and how its fur or plush is laid.

Colour does not tell the bears apart. Some black bears are cinnamon or brown, some grizzlies are nearly black or
blond, and teddies come in everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain.samples.body import Part
from retrain.samples.solid import Floats

Colour = tuple[int, int, int]
GRIZZLIES: list[Colour] = [
    (86, 61, 41),
    (110, 79, 51),
    (136, 100, 63),
    (118, 100, 80),
    (84, 62, 46),
]
BLACKS: list[Colour] = [(34, 32, 35), (44, 39, 38), (58, 44, 36), (124, 78, 46), (96, 66, 44)]
BLACK_CHANCES = [0.48, 0.27, 0.12, 0.08, 0.05]
TEDDIES: list[Colour] = [
    (178, 132, 84),
    (204, 160, 104),
    (122, 82, 52),
    (84, 56, 38),
    (44, 40, 42),
    (226, 212, 188),
    (140, 136, 134),
    (206, 150, 150),
    (108, 92, 74),
    (62, 46, 36),
]
BOWS: list[Colour] = [(186, 40, 48), (44, 84, 160), (38, 120, 84), (220, 178, 60), (150, 70, 150)]
SOLES: list[Colour] = [(224, 200, 164), (196, 164, 124), (236, 228, 214)]


@dataclass(frozen=True)
class Coat:
    """One row per Part."""

    colour: Floats  # (parts, 3)
    length: Floats  # of a hair, in units of the body
    stray: Floats  # radians by which hairs leave the common direction
    tip: Floats  # brightness of a hair's end against its root
    gloss: float
    plush: bool
    eye: Colour


def grizzly(rng: np.random.Generator) -> Coat:
    """Brown with paler tips on back and head, darker towards the feet."""
    base = np.array(GRIZZLIES[rng.integers(len(GRIZZLIES))]) * rng.uniform(0.85, 1.15)
    colour = np.tile(base, (len(Part), 1))
    pale = np.array([206, 176, 132]) * rng.uniform(0.8, 1.05)
    frost = rng.uniform(0.2, 0.45)
    colour[Part.BACK] += (pale - base) * frost
    colour[Part.HEAD] += (pale - base) * frost * 0.6
    colour[Part.LEG] *= 0.66
    colour[Part.PAW] *= 0.55
    colour[Part.MUZZLE] += (pale - base) * rng.uniform(0.05, 0.25)
    colour[Part.EAR] *= 0.86
    return _wild(colour, rng.uniform(0.115, 0.155), tip=rng.uniform(1.3, 1.7), gloss=0.05)


def black(rng: np.random.Generator) -> Coat:
    """One dark colour (some are cinnamon, as in nature), a tan muzzle, sometimes a pale blaze on the chest."""
    base = np.array(BLACKS[rng.choice(len(BLACKS), p=BLACK_CHANCES)]) * rng.uniform(0.85, 1.15)
    colour = np.tile(base, (len(Part), 1))
    tan = np.array([158, 118, 80]) * rng.uniform(0.75, 1.05)
    colour[Part.MUZZLE] += (tan - base) * rng.uniform(0.6, 0.95)
    colour[Part.HEAD] *= 1.04
    colour[Part.PAW] *= 0.9
    colour[Part.BLAZE] = np.array([206, 190, 160])
    return _wild(
        colour, rng.uniform(0.08, 0.11), tip=rng.uniform(1.05, 1.25), gloss=rng.uniform(0.3, 0.55)
    )


def teddy(rng: np.random.Generator) -> Coat:
    """One cloth for the body, another for muzzle, ears and soles; black and brown ones among them."""
    base = np.array(TEDDIES[rng.integers(len(TEDDIES))]) * rng.uniform(0.88, 1.1)
    sole = np.array(SOLES[rng.integers(len(SOLES))])
    colour = np.tile(base, (len(Part), 1))
    contrast = rng.choice([0.3, 0.8, 0.95])
    for part in (Part.MUZZLE, Part.INNER_EAR, Part.PAD):
        colour[part] += (sole - base) * contrast
    colour[Part.NOSE] = (48, 34, 30)
    colour[Part.BOW] = BOWS[rng.integers(len(BOWS))]
    length = np.full(len(Part), rng.uniform(0.028, 0.05))
    length[[Part.MUZZLE, Part.INNER_EAR]] *= 0.6
    length[[Part.PAD, Part.NOSE]] = 0.02
    return Coat(
        np.asarray(colour, np.float32),
        np.asarray(length, np.float32),
        np.full(len(Part), rng.uniform(0.9, 1.8), np.float32),
        np.full(len(Part), 1.22, np.float32),
        gloss=0.0,
        plush=True,
        eye=(22, 17, 16),
    )


def _wild(colour: Floats, hair: float, tip: float, gloss: float) -> Coat:
    colour[Part.NOSE] = (34, 30, 31)
    colour[Part.INNER_EAR] *= 0.62
    length = np.full(len(Part), hair)
    length[Part.BACK] *= 1.15
    length[[Part.HEAD, Part.LEG]] *= 0.6
    length[[Part.EAR, Part.INNER_EAR, Part.PAW]] *= 0.5
    length[Part.MUZZLE] *= 0.32
    length[Part.NOSE] = 0.03
    tips = np.full(len(Part), tip)
    tips[[Part.LEG, Part.PAW, Part.MUZZLE, Part.EAR]] = 1.12
    return Coat(
        np.asarray(colour, np.float32),
        np.asarray(length, np.float32),
        np.full(len(Part), 0.26, np.float32),
        np.asarray(tips, np.float32),
        gloss=gloss,
        plush=False,
        eye=(30, 20, 14),
    )
