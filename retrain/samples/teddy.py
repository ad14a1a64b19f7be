"""The bodies of teddy bears: round, sewn, stuffed, with button eyes and sometimes a bow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retrain.samples.body import Body, Part
from retrain.samples.solid import Floats, turn


class Cut(NamedTuple):
    """The pattern one teddy was sewn from."""

    head: float
    ear: float
    muzzle: float
    limb: float
    belly: float
    bow: bool
    button: float


class Seat(NamedTuple):
    """How it was put down: arms up by `arms` (radians), legs apart by `spread`, head turned."""

    standing: bool
    arms: tuple[float, float]
    spread: float
    head_yaw: float
    head_pitch: float
    head_roll: float


def cut(rng: np.random.Generator) -> Cut:
    """The measures of one sewing pattern."""
    return Cut(
        head=rng.uniform(0.9, 1.15),
        ear=rng.uniform(0.8, 1.15),
        muzzle=rng.uniform(0.8, 1.15),
        limb=rng.uniform(0.85, 1.15),
        belly=rng.uniform(0.9, 1.15),
        bow=bool(rng.random() < 0.75),
        button=rng.uniform(0.045, 0.07),
    )


def body(pattern: Cut, seat: Seat) -> Body:
    """A teddy of this pattern, as it sits."""
    bear = Body()
    s, stout = bear.solid, pattern.belly
    s.ball((0, -0.32, 0), (0.43 * stout, 0.46, 0.45 * stout), Part.TORSO, (0, -1.0, 0))
    s.ball((0.0, 0.02, 0), (0.33, 0.3, 0.36), Part.TORSO, (0, -1.0, 0))
    for side, lift in zip((-1, 1), seat.arms, strict=True):
        _arm(bear, pattern, side, lift)
        _leg(bear, pattern, side, seat)
    if pattern.bow:
        _bow(bear)
    belly = [(0.435 * np.cos(a) * stout, -0.32 + 0.46 * np.sin(a), 0.0) for a in _arc(-0.9, 0.75)]
    bear.lines.append(np.array(belly, np.float32))
    rotation = turn(seat.head_yaw, seat.head_pitch, seat.head_roll)
    bear.wear(_head(pattern), rotation, (0.04, 0.5 + 0.1 * pattern.head, 0.0))
    return bear


def _arc(start: float, end: float) -> Floats:
    return np.linspace(start, end, 12, dtype=np.float32)


def _arm(bear: Body, pattern: Cut, side: int, lift: float) -> None:
    thick = 0.155 * pattern.limb
    out, up = np.cos(lift), np.sin(lift)
    bear.solid.limb(
        [
            (0.06, 0.08, side * 0.3, thick * 1.05),
            (0.16, 0.08 + 0.25 * up, side * (0.34 + 0.22 * out), thick),
            (0.3, 0.08 + 0.48 * up, side * (0.34 + 0.34 * out), thick * 1.05),
        ],
        Part.LEG,
    )


def _leg(bear: Body, pattern: Cut, side: int, seat: Seat) -> None:
    thick = 0.19 * pattern.limb
    if seat.standing:
        bear.solid.limb(
            [(0, -0.6, side * 0.22, thick * 1.15), (0.02, -1.1, side * 0.24, thick)], Part.LEG
        )
        bear.solid.ball((0.1, -1.2, side * 0.25), (0.28, 0.12, 0.19), Part.LEG)
        return
    away = 0.24 + seat.spread
    end = (0.78, -0.6, side * (away + 0.4 * seat.spread))
    bear.solid.limb(
        [(0.1, -0.6, side * 0.25, thick * 1.1), (*end[:2], end[2], thick)], Part.LEG, (0, -1.0, 0)
    )
    sole = turn(side * seat.spread, 0.0)
    bear.solid.ball(
        (end[0] + 0.06, -0.55, end[2]), (0.15, 0.27 * pattern.limb, 0.19), Part.LEG, frame=sole
    )
    pad = (end[0] + 0.16, -0.55, end[2])
    bear.solid.ball(pad, (0.07, 0.21 * pattern.limb, 0.145), Part.PAD, (0, -1.0, 0), sole)


def _bow(bear: Body) -> None:
    s = bear.solid
    for side in (-1, 1):
        s.ball((0.4, 0.2, side * 0.17), (0.07, 0.12, 0.15), Part.BOW, frame=turn(0, 0, side * 0.3))
        s.ball(
            (0.38, 0.05, side * 0.1), (0.05, 0.16, 0.07), Part.BOW, frame=turn(0, 0, -side * 0.5)
        )
    s.ball((0.43, 0.18, 0), (0.08, 0.075, 0.07), Part.BOW)
    for angle in np.linspace(0, 2 * np.pi, 20, endpoint=False):
        at = (0.03 + 0.33 * float(np.cos(angle)), 0.22, 0.34 * float(np.sin(angle)))
        s.ball(at, (0.07, 0.06, 0.07), Part.BOW)


def _head(pattern: Cut) -> Body:
    head, k = Body(), pattern.head
    s, snout = head.solid, pattern.muzzle * pattern.head
    s.ball((0, 0, 0), (0.4 * k, 0.38 * k, 0.44 * k), Part.HEAD, (-0.6, -0.4, 0))
    for side in (-1, 1):
        s.ball((0.08 * k, -0.1 * k, side * 0.17 * k), 0.29 * k, Part.HEAD, (-0.6, -0.4, 0))
        radius = 0.17 * k * pattern.ear
        ear = turn(side * 0.2, 0.0)
        s.ball((-0.02, 0.33 * k, side * 0.35 * k), (0.09, radius, radius), Part.EAR, (0, 1, 0), ear)
        s.ball(
            (0.035, 0.325 * k, side * 0.345 * k),
            (0.06, radius * 0.65, radius * 0.65),
            Part.INNER_EAR,
            (0, 1, 0),
            ear,
        )
    s.ball((0.36 * k, -0.1 * k, 0), (0.2 * snout, 0.17 * snout, 0.22 * snout), Part.MUZZLE)
    tip = (0.36 * k + 0.19 * snout, -0.04 * k, 0.0)
    s.ball(tip, (0.045, 0.05, 0.075), Part.NOSE)
    head.eyes = np.array([(0.355 * k, 0.06 * k, side * 0.165 * k) for side in (-1, 1)], np.float32)
    head.eye = pattern.button
    head.nose = np.array(tip, np.float32)
    head.lines = _face(k, snout)
    return head


def _face(k: float, snout: float) -> list[Floats]:
    """The seam over the brow, and the stitches under the nose."""
    brow = [(0.4 * k * np.cos(a), 0.385 * k * np.sin(a), 0.0) for a in _arc(0.25, 1.7)]
    front = 0.36 * k + 0.2 * snout
    below = [(front, -0.08 * k, 0.0), (front - 0.02, -0.17 * k, 0.0)]
    lines = [np.array(brow, np.float32), np.array(below, np.float32)]
    for side in (-1, 1):
        smile = [
            (front - 0.02, -0.17 * k, 0.0),
            (front - 0.05, -0.2 * k, side * 0.06),
            (front - 0.1, -0.19 * k, side * 0.11),
        ]
        lines.append(np.array(smile, np.float32))
    return lines
