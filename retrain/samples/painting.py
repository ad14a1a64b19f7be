"""Paint a body in its light: an undercoat, the fur hair by hair, and the face.

Works on a canvas of any side from a surface of any size; nothing is drawn where the body cannot be seen.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from retrain.samples.body import BARE, Body
from retrain.samples.coat import Coat
from retrain.samples.light import Light
from retrain.samples.solid import EMPTY, Camera, Floats, Surface
from retrain.samples.strokes import Canvas, blades

DENSE = 1.6  # how often each pixel of the coat is painted over with hair


def paint(
    canvas: Canvas,
    body: Body,
    coat: Coat,
    light: Light,
    camera: Camera,
    surface: Surface,
    rng: np.random.Generator,
) -> None:
    """`camera` and `surface` are in surface pixels; the canvas may be finer."""
    if not surface.mask.any():
        return
    lit = light.on(surface)
    if coat.gloss:
        half = light.towards + np.array([0, 0, 1], np.float32)
        shine = np.maximum(0, surface.normal @ (half / np.linalg.norm(half))) ** 10
        lit += coat.gloss * shine[..., None] * light.direct
    _undercoat(canvas, surface, coat.colour[surface.part] * lit)
    _fur(canvas, coat, camera, surface, lit, rng)
    _face(canvas, body, coat, camera, surface)


def _undercoat(canvas: Canvas, surface: Surface, colour: Floats) -> None:
    size = (canvas.side, canvas.side)
    strength = np.where(np.isin(surface.part, list(BARE)), np.float32(1), np.float32(0.82))
    layer = Image.fromarray(np.uint8(np.clip(colour * strength[..., None], 0, 255)))
    mask = Image.fromarray(np.uint8(surface.mask * 255)).resize(size, Image.Resampling.BILINEAR)
    base = canvas.image()
    base.paste(layer.resize(size, Image.Resampling.BILINEAR), (0, 0), mask)
    canvas.put(base)


def _fur(
    canvas: Canvas,
    coat: Coat,
    camera: Camera,
    surface: Surface,
    lit: Floats,
    rng: np.random.Generator,
) -> None:
    """Hairs root all over the coat, lie along its flow, stand off at the rim; near ones cover far ones."""
    finer = canvas.side / surface.part.shape[0]
    unit = camera.scale * finer
    spots = np.flatnonzero(surface.mask & ~np.isin(surface.part, list(BARE)))
    typical = float(coat.length[surface.part.ravel()[spots]].mean()) if spots.size else 0.0
    count = int(DENSE * spots.size * finer**2 / (2 * max(2.0, typical * unit * 0.8)))
    if count == 0:
        return
    chosen = spots[rng.integers(0, spots.size, count)]
    chosen = chosen[np.argsort(surface.depth.ravel()[chosen], kind="stable")]
    row, column = np.divmod(chosen, surface.part.shape[1])
    part = _blended(surface, row, column, 0.035 * camera.scale, rng)
    roots = (np.stack([column, row]) + rng.random((2, count), np.float32)) * finer
    angle = rng.standard_normal(count, np.float32) * coat.stray[part]
    cos, sin = np.cos(angle), np.sin(angle)
    right, down = surface.flow.reshape(-1, 2)[chosen].T
    outward = surface.normal.reshape(-1, 3)[chosen, :2].T * (0.5 if coat.plush else 0.3)
    direction = np.stack([right * cos - down * sin, right * sin + down * cos]) + outward
    length = coat.length[part] * unit * (0.6 + 0.7 * rng.random(count, np.float32))
    bend = np.stack([0.2 * rng.standard_normal(count), 0.3 * rng.random(count)])
    paths, along = blades(roots, direction, length, bend)
    own = 1 + 0.1 * rng.standard_normal((count, 1), np.float32)
    own = own * coat.colour[part] * lit.reshape(-1, 3)[chosen]
    canvas.draw(paths, own, 0.8 + (coat.tip[part][:, None] - 0.8) * along)


def _blended(
    surface: Surface,
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    reach: float,
    rng: np.random.Generator,
) -> NDArray[np.int16]:
    """The part each hair belongs to, taken from a pixel nearby so that colours run into each other."""
    last = surface.part.shape[0] - 1
    aside = reach * rng.standard_normal((2, len(row)), np.float32)
    near = surface.part[
        np.clip(row + aside[0], 0, last).astype(int),
        np.clip(column + aside[1], 0, last).astype(int),
    ]
    return np.where(np.isin(near, [EMPTY, *BARE]), surface.part[row, column], near)


def _face(canvas: Canvas, body: Body, coat: Coat, camera: Camera, surface: Surface) -> None:
    finer = canvas.side / surface.part.shape[0]
    unit = camera.scale * finer
    image = canvas.image()
    draw = ImageDraw.Draw(image)
    lines = [(line, (38, 28, 26), 0.016) for line in body.lines]
    lines += [(claw, (158, 138, 108), 0.022) for claw in body.claws]
    for line, colour, thick in lines:
        for start, end in itertools.pairwise(visible(line, camera, surface, 0.2)):
            if start is not None and end is not None:
                ends = [start[0] * finer, start[1] * finer, end[0] * finer, end[1] * finer]
                draw.line(ends, colour, max(1, round(unit * thick)))
    for eye in visible(body.eyes, camera, surface):
        if eye is not None:
            _eye(draw, eye[0] * finer, eye[1] * finer, body.eye * unit, coat)
    for nose in visible(body.nose[None], camera, surface):
        if nose is not None:
            r = 0.02 * unit
            x, y = nose[0] * finer, nose[1] * finer - 1.6 * r
            draw.ellipse([x - 1.6 * r, y - r * 0.7, x + 1.6 * r, y + r * 0.7], (150, 146, 148))
    canvas.put(image)


def _eye(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, coat: Coat) -> None:
    r = max(r, 1.2)
    if not coat.plush:
        draw.ellipse([x - 1.5 * r, y - 1.2 * r, x + 1.5 * r, y + 1.2 * r], (44, 34, 28))
    draw.ellipse([x - r, y - r, x + r, y + r], coat.eye)
    x, y, r = x - 0.3 * r, y - 0.35 * r, r * 0.3
    draw.ellipse([x - r, y - r, x + r, y + r], (226, 226, 222))


def visible(
    points: Floats, camera: Camera, surface: Surface, behind: float = 0.09
) -> list[tuple[float, float] | None]:
    """Where points of the body are seen, in surface pixels; None where the body itself or the frame hides them.

    `behind`: by how many units a point may lie under the surface and still be drawn on it.
    """
    size = surface.part.shape[0]
    seen: list[tuple[float, float] | None] = []
    for x, y, near in camera.see(points.reshape(-1, 3)).tolist():
        column, row = int(x), int(y)
        shown = (
            0 <= column < size
            and 0 <= row < size
            and bool(surface.mask[row, column])
            and near > float(surface.depth[row, column]) - behind * camera.scale
        )
        seen.append((x, y) if shown else None)
    return seen
