"""The bodies of black bears and grizzlies: one skeleton, and the marks that tell the two apart.

A grizzly has a hump of muscle over its shoulders, a face that is dished between brow and nose, short round ears
and long pale claws. A black bear has its rump as high as its shoulders, a straight face and taller ears. Marks vary
from bear to bear and come near each other, as they do outdoors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retrain.samples.body import Body, Part
from retrain.samples.solid import Floats, turn

POSES = ("walking", "standing", "sitting", "upright")
CHESTS = {"sitting": (0.2, 0.42, 0.0), "upright": (0.13, 0.58, 0.0)}


class Build(NamedTuple):
    """The measures of one bear, in units of about half its length."""

    hump: float
    dish: float
    ear_height: float
    ear_width: float
    head: float
    face: float  # width of the face against its length
    belly: float
    legs: float
    rump: float
    claws: float
    blaze: bool  # a pale patch on the chest


class Gesture(NamedTuple):
    """How one bear holds itself at this moment; angles in radians."""

    pose: str
    stride: float
    head_yaw: float
    head_pitch: float
    head_roll: float
    carry: float  # how high the head is carried


def build(rng: np.random.Generator, grizzly: bool) -> Build:
    """The measures of one wild bear; the hump and the dished face are the grizzly's."""
    belly = rng.uniform(-0.02, 0.1)
    if grizzly:
        return Build(
            hump=rng.uniform(0.23, 0.33),
            dish=rng.uniform(0.85, 1.25),
            ear_height=rng.uniform(0.095, 0.12),
            ear_width=rng.uniform(0.115, 0.14),
            head=rng.uniform(1.05, 1.2),
            face=rng.uniform(1.04, 1.16),
            belly=belly,
            legs=rng.uniform(1.05, 1.2),
            rump=rng.uniform(-0.1, -0.02),
            claws=rng.uniform(0.1, 0.17),
            blaze=False,
        )
    return Build(
        hump=rng.uniform(-0.06, 0.02),
        dish=rng.uniform(-0.2, 0.1),
        ear_height=rng.uniform(0.145, 0.19),
        ear_width=rng.uniform(0.09, 0.115),
        head=rng.uniform(0.92, 1.05),
        face=rng.uniform(0.84, 0.95),
        belly=belly,
        legs=rng.uniform(0.95, 1.08),
        rump=rng.uniform(0.0, 0.1),
        claws=rng.uniform(0.0, 0.06),
        blaze=bool(rng.random() < 0.3),
    )


def body(measures: Build, gesture: Gesture) -> Body:
    """A wild bear of these measures in a pose."""
    bear = Body()
    if gesture.pose == "sitting":
        at = _sitting(bear, measures)
    elif gesture.pose == "upright":
        at = _upright(bear, measures)
    else:
        at = _on_four_legs(bear, measures, gesture)
    if measures.blaze:
        chest = CHESTS.get(gesture.pose, (0.84, -0.19, 0.0))
        bear.solid.ball(chest, (0.25, 0.13, 0.2), Part.BLAZE, (-0.3, -1.0, 0.0))
    rotation = turn(gesture.head_yaw, gesture.head_pitch, gesture.head_roll)
    bear.wear(_head(measures), rotation, at)
    return bear


def _on_four_legs(bear: Body, b: Build, g: Gesture) -> tuple[float, float, float]:
    s = bear.solid
    back = (-1.0, -0.25, 0.0)
    s.limb(
        [
            (-0.84, -0.02 + b.rump, 0, 0.45),
            (-0.5, 0.0 + b.rump, 0, 0.5),
            (0.0, -0.07, 0, 0.5 + b.belly),
            (0.4, -0.03, 0, 0.47),
            (0.68, 0.0, 0, 0.42),
        ],
        Part.TORSO,
        (-0.9, -0.6, 0.0),
    )
    s.limb(
        [
            (-0.1, 0.2, 0, 0.26),
            (0.3, 0.22 + 0.8 * b.hump, 0, 0.26),
            (0.55, 0.2 + b.hump, 0, 0.27),
            (0.85, 0.14 + 0.45 * b.hump, 0, 0.27),
        ],
        Part.BACK,
        back,
    )
    s.limb([(-1.16, 0.08 + b.rump, 0, 0.13), (-1.24, -0.02 + b.rump, 0, 0.09)], Part.TORSO)
    neck = g.carry
    s.limb(
        [(0.72, 0.02, 0, 0.4), (1.0, 0.04 + 0.5 * neck, 0, 0.35), (1.2, 0.06 + neck, 0, 0.3)],
        Part.TORSO,
        (-0.8, -0.7, 0.0),
    )
    for side in (-1, 1):
        swing = g.stride * side
        front = [(0.6, -0.1, 0.24, 0.29), (0.58, -0.5, 0.27, 0.22), (0.62, -0.88, 0.27, 0.16)]
        hind = [
            (-0.74, -0.1, 0.24, 0.38),
            (-0.62, -0.5, 0.27, 0.27),
            (-0.82, -0.82, 0.27, 0.165),
        ]
        _leg(bear, front, swing, side, b, (0.13, -0.1))
        _leg(bear, hind, -swing, side, b, (0.15, -0.12))
    return (1.32, 0.1 + neck, 0.0)


def _leg(
    bear: Body,
    path: list[tuple[float, float, float, float]],
    swing: float,
    side: int,
    b: Build,
    foot: tuple[float, float],
) -> None:
    """A leg that swings about its first joint, with the foot flat on the ground at its end."""
    forward, height = path[0][:2]
    turned = [
        (
            forward + (f - forward) * np.cos(swing) - (u - height) * np.sin(swing),
            height + (f - forward) * np.sin(swing) + (u - height) * np.cos(swing),
            side * away,
            radius * b.legs,
        )
        for f, u, away, radius in path
    ]
    turned[-1] = (turned[-1][0], path[-1][1], *turned[-1][2:])
    bear.solid.limb(turned, Part.LEG, (-0.2, -1.0, 0.0))
    f, u, away, _ = turned[-1]
    _paw(bear, (f + foot[0] * 0.6, u + foot[1], away), b)


def _paw(bear: Body, at: tuple[float, float, float], b: Build, flat: float = 0.1) -> None:
    f, u, away = at
    bear.solid.ball((f, u, away), (0.22 * b.legs, flat, 0.155 * b.legs), Part.PAW, (0.6, -0.6, 0.0))
    for toe in (-1.5, -0.5, 0.5, 1.5):
        root = (f + 0.19 * b.legs, u - 0.02, away + toe * 0.06)
        tip = (root[0] + b.claws, u - 0.085, root[2])
        bear.claws.append(np.array([root, tip], np.float32))


def _sitting(bear: Body, b: Build) -> tuple[float, float, float]:
    s = bear.solid
    s.limb(
        [
            (-0.28, -0.58, 0, 0.5),
            (-0.16, -0.25, 0, 0.5 + b.belly),
            (-0.02, 0.15, 0, 0.44),
            (0.06, 0.4, 0, 0.38),
        ],
        Part.TORSO,
        (-0.2, -1.0, 0.0),
    )
    s.limb(
        [
            (-0.3, -0.1, 0, 0.3),
            (-0.22 - 0.4 * b.hump, 0.28 + 0.3 * b.hump, 0, 0.29),
            (-0.12 - 0.3 * b.hump, 0.52 + 0.6 * b.hump, 0, 0.24),
        ],
        Part.BACK,
        (-0.5, -1.0, 0.0),
    )
    s.limb([(0.06, 0.45, 0, 0.36), (0.16, 0.72, 0, 0.32)], Part.TORSO, (-0.1, -1.0, 0.0))
    for side in (-1, 1):
        arm = [
            (0.14, 0.25, side * 0.28, 0.25),
            (0.3, -0.25, side * 0.31, 0.2),
            (0.36, -0.78, side * 0.24, 0.155),
        ]
        s.limb([(f, u, w, r * b.legs) for f, u, w, r in arm], Part.LEG, (0.1, -1.0, 0.0))
        _paw(bear, (0.46, -0.95, side * 0.24), b)
        s.limb(
            [(-0.1, -0.7, side * 0.36, 0.36), (0.32, -0.66, side * 0.5, 0.28)],
            Part.LEG,
            (0.4, -1.0, 0.0),
        )
        s.limb([(0.32, -0.7, side * 0.5, 0.24), (0.34, -0.9, side * 0.52, 0.17)], Part.LEG)
        _paw(bear, (0.5, -0.97, side * 0.54), b)
    return (0.3, 0.9, 0.0)


def _upright(bear: Body, b: Build) -> tuple[float, float, float]:
    s = bear.solid
    s.limb(
        [
            (-0.06, -0.5, 0, 0.45),
            (0.0, -0.1, 0, 0.46 + b.belly),
            (0.0, 0.35, 0, 0.41),
            (0.02, 0.58, 0, 0.35),
        ],
        Part.TORSO,
        (0.0, -1.0, 0.0),
    )
    s.limb(
        [
            (-0.18, 0.1, 0, 0.28),
            (-0.16 - 0.4 * b.hump, 0.48, 0, 0.28),
            (-0.08 - 0.3 * b.hump, 0.72, 0, 0.25),
        ],
        Part.BACK,
        (-0.4, -1.0, 0.0),
    )
    s.limb([(0.02, 0.6, 0, 0.34), (0.08, 0.9, 0, 0.29)], Part.TORSO, (0.0, -1.0, 0.0))
    for side in (-1, 1):
        arm = [
            (0.06, 0.48, side * 0.3, 0.22),
            (0.14, 0.12, side * 0.44, 0.185),
            (0.34, -0.12, side * 0.38, 0.15),
        ]
        s.limb([(f, u, w, r * b.legs) for f, u, w, r in arm], Part.LEG, (0.2, -1.0, 0.0))
        _paw(bear, (0.42, -0.2, side * 0.36), b, flat=0.13)
        leg = [
            (-0.04, -0.6, side * 0.22, 0.32),
            (0.1, -1.0, side * 0.27, 0.24),
            (0.0, -1.38, side * 0.27, 0.17),
        ]
        s.limb([(f, u, w, r * b.legs) for f, u, w, r in leg], Part.LEG, (0.0, -1.0, 0.0))
        _paw(bear, (0.13, -1.52, side * 0.28), b)
    return (0.16, 1.1, 0.0)


def _head(b: Build) -> Body:
    """A head at the origin that looks forward. `dish` hollows the line from brow to nose."""
    head, k = Body(), b.head
    s, back = head.solid, (-1.0, -0.2, 0.0)

    def at(f: float, u: float, side: float) -> tuple[float, float, float]:
        return f * k, u * k, side * k * b.face

    s.ball(at(0, 0, 0), (0.35 * k, 0.33 * k, 0.35 * k * b.face), Part.HEAD, back)
    for side in (-1, 1):
        s.ball(at(0.02, -0.12, side * 0.2), 0.22 * k, Part.HEAD, (-0.8, -0.5, side * 0.5))
        s.ball(at(0.2, 0.1, side * 0.1), 0.17 * k, Part.HEAD, (-0.9, 0.3, side * 0.3))
    bridge, dip = 0.06 - 0.12 * b.dish, 0.07 * b.dish
    s.limb(
        [
            (0.2 * k, bridge * k, 0, 0.225 * k),
            (0.42 * k, (-0.04 - dip) * k, 0, 0.165 * k),
            (0.62 * k, (-0.09 - 0.3 * dip) * k, 0, 0.125 * k),
        ],
        Part.MUZZLE,
        (-1.0, 0.1, 0.0),
    )
    s.limb([(0.2 * k, -0.2 * k, 0, 0.16 * k), (0.52 * k, -0.2 * k, 0, 0.085 * k)], Part.MUZZLE)
    tip = at(0.715, -0.055 - 0.3 * dip, 0)
    s.ball(tip, (0.055 * k, 0.06 * k, 0.085 * k), Part.NOSE)
    for side in (-1, 1):
        ear = turn(side * 0.45, 0.15, side * -0.35)
        height, width = b.ear_height * k, b.ear_width * k
        place = at(-0.06, 0.24 + 0.5 * b.ear_height, side * 0.25)
        s.ball(place, (0.07 * k, height, width), Part.EAR, (-0.3, 1.0, side * 0.3), ear)
        front = np.asarray(place, np.float32) + ear @ np.array([0.035 * k, -0.01, 0], np.float32)
        middle = (float(front[0]), float(front[1]), float(front[2]))
        s.ball(middle, (0.05 * k, height * 0.72, width * 0.66), Part.INNER_EAR, (0, 1.0, 0), ear)
    head.eyes = np.array([at(0.335, 0.06, side * 0.155) for side in (-1, 1)], np.float32)
    head.eye = 0.034 * k
    head.nose = np.asarray(tip, np.float32)
    for side in (-1, 1):
        head.lines.append(_mouth(side, k))
    return head


def _mouth(side: int, k: float) -> Floats:
    stops = [(0.72, -0.13, 0.0), (0.69, -0.19, 0.05), (0.55, -0.19, 0.11), (0.36, -0.17, 0.17)]
    return np.array([(f * k, u * k, side * w * k) for f, u, w in stops], np.float32)
