"""Bodies made of ellipsoids, and what a camera sees of them.

A body is a list of ellipsoids in the bear's own axes: forward, up, side, one unit being about half its length.
Order: build the solid, place the camera, look. Looking gives, for each pixel, how near the body is, which part
is seen there, which way its surface faces and which way its fur lies. Every painter works from that one surface.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Floats = NDArray[np.floating[Any]]
Vector = tuple[float, float, float]
EMPTY = -1  # the part number where there is no body
PERSPECTIVE = 0.06  # how much larger a thing gets for each unit it comes nearer


class Ball(NamedTuple):
    """One ellipsoid: radii along the columns of `frame`; fur lies along `flow`."""

    centre: Floats
    radii: Vector
    frame: Floats
    part: int
    flow: Vector


@dataclass
class Solid:
    """A body that is put together ball by ball."""

    balls: list[Ball] = field(default_factory=list)

    def ball(
        self,
        centre: Vector,
        radii: float | Vector,
        part: int,
        flow: Vector = (-0.6, -1.0, 0.0),
        frame: Floats | None = None,
    ) -> None:
        sizes = radii if isinstance(radii, tuple) else (radii, radii, radii)
        axes = np.eye(3, dtype=np.float32) if frame is None else frame
        self.balls.append(Ball(np.asarray(centre, np.float32), sizes, axes, part, flow))

    def limb(
        self,
        path: list[tuple[float, float, float, float]],
        part: int,
        flow: Vector | None = None,
    ) -> None:
        """A smooth tube through (forward, up, side, radius); its fur runs along it unless `flow` says otherwise."""
        stops = np.asarray(path, np.float32)
        for start, end in itertools.pairwise(stops):
            along = end[:3] - start[:3]
            length = float(np.linalg.norm(along))
            count = max(2, int(np.ceil(length / (0.55 * min(start[3], end[3])))))
            lies = flow or (float(along[0]), float(along[1]), float(along[2]))
            for share in np.linspace(0.0, 1.0, count, endpoint=bool(end is stops[-1])):
                middle = start + (end - start) * share
                self.ball(
                    (float(middle[0]), float(middle[1]), float(middle[2])),
                    float(middle[3]),
                    part,
                    lies,
                )

    def add(self, other: Solid, rotation: Floats, at: Floats) -> None:
        """Put another body here, turned by `rotation` and moved to `at`: a head on a neck."""
        for ball in other.balls:
            flow = rotation @ np.asarray(ball.flow, np.float32)
            lies = (float(flow[0]), float(flow[1]), float(flow[2]))
            turned = rotation @ ball.frame
            self.balls.append(
                Ball(rotation @ ball.centre + at, ball.radii, turned, ball.part, lies)
            )


def turn(yaw: float, pitch: float, roll: float = 0.0) -> Floats:
    """The rotation, in the body's axes, of a head that looks aside by `yaw` and up by `pitch` (radians)."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    aside = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    raised = np.array([[cp, -sp, 0], [sp, cp, 0], [0, 0, 1]])
    tilted = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    return np.asarray(aside @ raised @ tilted, np.float32)


@dataclass(frozen=True)
class Camera:
    """Looks at a body turned by `yaw` (0: it faces us, pi/2: it faces right) from `pitch` radians above."""

    yaw: float
    pitch: float
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def zoomed(self, times: float) -> Camera:
        """The same view on a frame this many times as large."""
        return replace(self, scale=self.scale * times, x=self.x * times, y=self.y * times)

    def axes(self) -> Floats:
        """Rows: right, down, towards us, in the body's axes."""
        sy, cy = np.sin(self.yaw), np.cos(self.yaw)
        sp, cp = np.sin(self.pitch), np.cos(self.pitch)
        right = np.array([sy, 0.0, cy])
        near = np.array([cy, 0.0, -sy])
        above = np.array([0.0, 1.0, 0.0])
        return np.asarray([right, near * sp - above * cp, near * cp + above * sp], np.float32)

    def see(self, points: Floats) -> Floats:
        """(n, 3) points of the body -> (n, 3) pixels right, pixels down, pixels towards us."""
        seen = points @ self.axes().T
        seen[:, :2] *= 1.0 + PERSPECTIVE * seen[:, 2:]
        seen *= np.float32(self.scale)
        seen[:, 0] += np.float32(self.x)
        seen[:, 1] += np.float32(self.y)
        return seen

    def ellipsoids(self, solid: Solid) -> tuple[Floats, Floats, Floats]:
        """Where each ellipsoid of a body is seen: its centre (n, 3), its shape A (n, 3, 3), its reach (n, 2)."""
        middles = np.stack([ball.centre for ball in solid.balls])
        axes = self.axes() @ np.stack([ball.frame for ball in solid.balls])
        grown = self.scale * (1 + PERSPECTIVE * middles @ self.axes()[2])
        radii = (np.array([ball.radii for ball in solid.balls], np.float32) * grown[:, None])[
            :, None
        ]
        reach = np.sqrt(((axes * radii) ** 2).sum(axis=2))[:, :2]
        return self.see(middles), (axes / radii**2) @ axes.transpose(0, 2, 1), reach

    def framing(self, solid: Solid, parts: frozenset[int]) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, in units, of what would be seen of some parts at scale 1."""
        centres, _, reach = Camera(self.yaw, self.pitch).ellipsoids(solid)
        chosen = [ball.part in parts for ball in solid.balls]
        left, top = (centres[:, :2] - reach)[chosen].min(axis=0)
        right, bottom = (centres[:, :2] + reach)[chosen].max(axis=0)
        return float(left), float(top), float(right), float(bottom)


@dataclass(frozen=True)
class Surface:
    """What the camera sees, one value per pixel of a square of `size`."""

    depth: Floats  # pixels towards us; the farthest value where there is no body
    part: NDArray[np.int16]  # EMPTY where there is no body
    normal: Floats  # (size, size, 3): right, down, towards us
    flow: Floats  # (size, size, 2): right, down
    crease: Floats  # 0 in the open, 1 deep between parts

    @property
    def mask(self) -> NDArray[np.bool_]:
        return np.asarray(self.part != EMPTY)


def look(solid: Solid, camera: Camera, size: int) -> Surface:
    """Each ellipsoid is stamped where it is nearer than all before it; facing and flow are worked out at the end."""
    depth = np.full((size, size), -1e9, np.float32)
    number = np.full((size, size), EMPTY, np.int16)
    centres, shapes, reach = camera.ellipsoids(solid)
    low = np.clip(centres[:, :2] - reach + 0.5, 0, size).astype(int).tolist()
    high = np.clip(centres[:, :2] + reach + 0.5, 0, size).astype(int).tolist()
    for index, ((left, top), (right, bottom)) in enumerate(zip(low, high, strict=True)):
        if left < right and top < bottom:
            window = (slice(top, bottom), slice(left, right))
            near = _near_side(shapes[index], centres[index], left, top, right, bottom)
            wins = near > depth[window]
            np.copyto(depth[window], near, where=wins)
            np.copyto(number[window], np.int16(index), where=wins)
    return _surface(solid, camera, depth, number, centres, shapes)


def _near_side(
    shape: Floats, centre: Floats, left: int, top: int, right: int, bottom: int
) -> Floats:
    """Solve (p-c)' A (p-c) = 1 for the root towards us over a window; very far where there is none."""
    (a00, a01, a02), (_, a11, a12), _ = (shape / shape[2, 2]).tolist()
    u = np.arange(left, right, dtype=np.float32) - centre[0]
    v = (np.arange(top, bottom, dtype=np.float32) - centre[1])[:, None]
    b = a02 * u + a12 * v
    unit = 1 / float(shape[2, 2])
    inside = b * b - (a00 * u * u + (2 * a01 * v) * u + (a11 * v * v - unit))
    near = np.sqrt(np.maximum(inside, 0)) - b + centre[2]
    near[inside <= 0] = -2e9
    return np.asarray(near)


def _surface(
    solid: Solid,
    camera: Camera,
    depth: Floats,
    number: NDArray[np.int16],
    centres: Floats,
    shapes: Floats,
) -> Surface:
    size = depth.shape[0]
    rows, columns = np.nonzero(number != EMPTY)
    balls = number[rows, columns]
    away = np.stack([columns, rows, depth[rows, columns]], axis=1) - centres[balls]
    outward = np.einsum("nij,nj->ni", shapes[balls], away)
    normal = np.zeros((size, size, 3), np.float32)
    normal[rows, columns] = outward / np.sqrt((outward**2).sum(axis=1, keepdims=True))
    normal = soften(normal, max(1.0, size / 110))
    flows = np.array([ball.flow for ball in solid.balls], np.float32)
    flows /= np.sqrt((flows**2).sum(axis=1, keepdims=True))
    # the part of the flow that lies in the surface; short where it runs away from the camera
    lies = (flows @ camera.axes().T)[balls]
    facing = normal[rows, columns]
    flow = np.zeros((size, size, 2), np.float32)
    flow[rows, columns] = (lies - facing * (lies * facing).sum(axis=1, keepdims=True))[:, :2]
    depth[number == EMPTY] = depth[rows, columns].min() if len(rows) else 0.0
    parts = np.array([ball.part for ball in solid.balls] + [EMPTY], np.int16)
    return Surface(depth, parts[number], normal, flow, _creases(depth, camera.scale))


def shadow(solid: Solid, camera: Camera, towards: Floats, size: int) -> Image.Image:
    """255 where the body keeps the light from the level ground it stands on, soft at the edge.

    `towards`: unit vector to the light, right, down, towards us. A low light throws a shorter shadow than it should,
    so that the shadow stays with its bear.
    """
    light = towards @ camera.axes()
    light[1] = max(light[1], 0.9 * float(np.hypot(light[0], light[2])))
    centres = np.stack([ball.centre for ball in solid.balls])
    radii = np.array([ball.radii for ball in solid.balls])
    upright = np.stack([ball.frame[1] for ball in solid.balls])
    below = centres[:, 1] - np.sqrt(((upright * radii) ** 2).sum(axis=1))
    ground = float(below.min())
    fallen = centres - light * ((centres[:, 1:2] - ground) / light[1])
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    flat = max(0.16, float(np.sin(camera.pitch)))
    width = camera.scale * radii.mean(axis=1)
    for (x, y, _), r in zip(camera.see(fallen).tolist(), width.tolist(), strict=True):
        draw.ellipse([x - r, y - r * flat, x + r, y + r * flat], 255)
    return image.filter(ImageFilter.GaussianBlur(0.05 * camera.scale))


def soften(vectors: Floats, radius: float) -> Floats:
    """Unit vectors blurred over their neighbours and made unit again; nothing stays nothing."""
    coded = Image.fromarray(np.uint8(np.clip(vectors * 127 + 128, 0, 255)))
    blurred = np.asarray(coded.filter(ImageFilter.GaussianBlur(radius)), np.float32) - 128
    return np.asarray(
        blurred / np.maximum(np.sqrt((blurred**2).sum(axis=2, keepdims=True)), 1), np.float32
    )


def _creases(depth: Floats, scale: float) -> Floats:
    """How far each pixel lies behind its neighbourhood, which is where light does not reach."""
    size = depth.shape[0]
    few = max(4, int(size / max(4.0, scale * 0.12)))
    small = Image.fromarray(depth).resize((few, few), Image.Resampling.BOX)
    around = np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))
    return np.asarray(np.clip((around - depth) / (scale * 0.25), 0, 1), np.float32)
