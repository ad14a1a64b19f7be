"""Draw a scene with a pencil on white paper.

The lines are the scene's own: outlines of what stands behind, where the body ends, where one part stands clear of
another, how the fur lies in the shade. Order: place, contours, fur, face, cover. No painted picture is looked at.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrain.samples import cover
from retrain.samples.body import Part
from retrain.samples.easel import Easel, Point
from retrain.samples.painting import visible
from retrain.samples.scene import PLACE, SHIFT, Scene
from retrain.samples.solid import Camera, Floats, Surface, shadow
from retrain.samples.strokes import Paper, blades

SOFT_PARTS = (Part.TORSO, Part.BACK, Part.LEG, Part.PAW, Part.HEAD)  # run into each other
STEPS = 9


class Sheet(NamedTuple):
    """One drawing on its way."""

    paper: Paper
    scene: Scene
    camera: Camera
    surface: Surface
    rng: np.random.Generator
    finer: float  # paper pixels in a surface pixel
    weight: float  # how hard the hand presses


def draw(scene: Scene, camera: Camera, surface: Surface, size: int) -> Image.Image:
    """The scene as a line drawing, side `size` in pixels; `surface` is the geometry as the camera sees it."""
    rng = scene.stream(SHIFT)
    paper = Paper(2 * size)
    finer = paper.side / surface.part.shape[0]
    sheet = Sheet(paper, scene, camera, surface, rng, finer, rng.uniform(0.9, 1.5))
    _place(sheet)
    if surface.mask.any():
        _contours(sheet)
        _fur(sheet)
        _face(sheet)
    _cover(sheet)
    return paper.image(rng).reduce(2).convert("RGB")


def _place(sheet: Sheet) -> None:
    """A few of the outlines behind the bear, lightly; a draughtsman leaves most of them out."""
    scene = sheet.scene
    easel = Easel(scene.stream(PLACE), 64, scene.horizon, scene.feet, scene.light)
    scene.paint_place(easel)
    kept = sheet.rng.permutation(len(easel.lines))[: int(sheet.rng.integers(6, 16))]
    for number in sorted(kept.tolist()):
        path = _by_hand(sheet, easel.lines[number])
        size = sheet.surface.part.shape[0]
        column, row = np.clip((path / sheet.finer).astype(int), 0, size - 1)
        # the pencil is lifted where the bear is
        sheet.paper.stroke(path[:, None], np.where(sheet.surface.mask[row, column], 0, 0.3))
    _ground_shadow(sheet)


def _by_hand(sheet: Sheet, line: list[Point]) -> Floats:
    """A path (2, k) along corners given in shares of the frame, as a hand draws it: nearly."""
    rng, side = sheet.rng, sheet.paper.side
    x, y = np.array(line).T
    walked = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    share = np.linspace(0, walked[-1], max(2, int(walked[-1] * side * 1.2)))
    wave = 0.0025 * np.sin(share * rng.uniform(8, 20) + rng.uniform(0, 6))
    path = np.stack([np.interp(share, walked, x), np.interp(share, walked, y)]) + wave
    return np.asarray((path + rng.normal(0, 0.0015, (2, 1))) * side, np.float32)


def _ground_shadow(sheet: Sheet) -> None:
    """Hatching where the bear's shadow falls."""
    rng, scene, size = sheet.rng, sheet.scene, sheet.surface.part.shape[0]
    dark = np.asarray(shadow(scene.body.solid, sheet.camera, scene.light.towards, size)) > 120
    row, column = np.nonzero(dark & ~sheet.surface.mask)
    if not len(row):
        return
    chosen = rng.integers(0, len(row), min(400, len(row) // 7 + 1))
    roots = np.stack([column[chosen], row[chosen]]) * sheet.finer
    slant = np.tile([[1.0], [-0.12]], (1, len(chosen)))
    length = sheet.paper.side * rng.uniform(0.02, 0.06, len(chosen))
    paths, along = blades(roots, slant, length, np.zeros((2, len(chosen))))
    sheet.paper.stroke(paths, 0.38 * sheet.weight * (1 - along))


def _contours(sheet: Sheet) -> None:
    """Short strokes laid along the edges of the body, again and again, until they read as one line."""
    rng = sheet.rng
    edges = _edges(sheet.surface, sheet.camera, sheet.scene.coat.plush)
    tangent, pull = _along(edges)
    row, column = np.nonzero(edges)
    if not len(row):
        return
    count = min(2600, int(len(row) * 0.55) + 20)
    start = rng.integers(0, len(row), count)
    at = np.stack([column[start], row[start]]) + rng.normal(0.5, 0.35, (2, count))
    heading = tangent[:, row[start], column[start]] * rng.choice([-1.0, 1.0], count)
    paths = np.empty((2, count, STEPS), np.float32)
    for step in range(STEPS):
        paths[..., step] = at
        x, y = np.clip(at.astype(int), 0, len(edges) - 1)
        lies = tangent[:, y, x]
        lies = lies * np.sign((lies * heading).sum(axis=0) + 1e-6)
        heading = 0.6 * heading + 0.4 * lies
        heading /= np.hypot(*heading) + 1e-6
        at = at + 0.9 * heading + 0.5 * pull[:, y, x]
    fine = _denser(paths * sheet.finer, 3)
    taper = np.sin(np.linspace(0.25, np.pi - 0.15, fine.shape[2]))
    sheet.paper.stroke(fine, 0.42 * sheet.weight * taper * rng.uniform(0.4, 1.2, (count, 1)))


def _denser(paths: Floats, times: int) -> Floats:
    """Paths with `times` as many points, so that no pixel on the way is left out."""
    count = paths.shape[2]
    place = np.linspace(0, count - 1, count * times)
    before = np.minimum(place.astype(int), count - 2)
    share = place - before
    return np.asarray(paths[..., before] * (1 - share) + paths[..., before + 1] * share, np.float32)


def _edges(surface: Surface, camera: Camera, plush: bool) -> NDArray[np.bool_]:
    """Where the body ends, where a part stands clear before another, where a nose or an ear begins."""
    depth = np.where(surface.mask, surface.depth, surface.depth.min() - camera.scale)
    part = np.where(np.isin(surface.part, SOFT_PARTS), Part.TORSO, surface.part)
    if not plush:  # a muzzle is sewn on to a teddy only
        part[part == Part.MUZZLE] = Part.TORSO
    edges = np.zeros(part.shape, bool)
    for axis, here in ((0, np.s_[:-1, :]), (1, np.s_[:, :-1])):
        jump = np.abs(np.diff(depth, axis=axis)) > 0.16 * camera.scale
        edges[here] |= jump | (np.diff(part, axis=axis) != 0)
    return edges


def _along(edges: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The direction of the edge at each pixel, and a pull towards its middle; both (2, size, size)."""
    soft = _blur(edges.astype(np.float32), 2)
    down, right = np.gradient(soft, axis=0), np.gradient(soft, axis=1)
    # the structure tensor of Förstner and Gülch; the edge runs across its main direction
    xx, yy, xy = (_blur(v, 2) for v in (right * right, down * down, right * down))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    tangent = np.stack([np.cos(angle), np.sin(angle)])
    pull = np.stack([right, down]) / (np.hypot(right, down) + 0.05)
    return np.asarray(tangent, np.float32), np.asarray(pull, np.float32)


def _blur(values: Floats, radius: int) -> Floats:
    """The mean of a square of 2 radius + 1 pixels, twice."""
    width = 2 * radius + 1
    for axis in (0, 1, 0, 1):
        around = [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)]
        sums = np.cumsum(np.pad(values, around, mode="edge"), axis=axis)
        until = sums[width:] if axis == 0 else sums[:, width:]
        before = sums[:-width] if axis == 0 else sums[:, :-width]
        values = (until - before) / width
    return np.asarray(values, np.float32)


def _fur(sheet: Sheet) -> None:
    """Ticks along the fur, closer together in the shade and on a dark coat; a scribble fills the nose."""
    surface, coat, rng = sheet.surface, sheet.scene.coat, sheet.rng
    dark = 1 - coat.colour.mean(axis=1) / 255
    shade = 1 - np.clip((surface.normal @ sheet.scene.light.towards + 0.5) / 1.5, 0, 1)
    wish = np.where(surface.mask, (0.06 + shade**1.6 + surface.crease) * dark[surface.part] ** 2, 0)
    wish[surface.part == Part.NOSE] = 9.0
    wish[surface.part == Part.BOW] = 0.4
    unit = sheet.camera.scale * sheet.finer
    ticks = 0.55 * sheet.weight * float(wish.sum()) * sheet.finer**2 / (0.09 * unit + 2)
    count = int(min(4500, ticks))
    if count < 1:
        return
    sums = np.cumsum(wish.ravel())
    chosen = np.minimum(np.searchsorted(sums, rng.random(count) * sums[-1]), len(sums) - 1)
    row, column = np.divmod(chosen, surface.part.shape[1])
    part = surface.part.ravel()[chosen]
    roots = (np.stack([column, row]) + rng.random((2, count))) * sheet.finer
    astray = 0.5 * coat.stray[part] * rng.normal(0, 1, (2, count))
    flow = surface.flow.reshape(-1, 2)[chosen].T + astray
    length = np.maximum(3.0, coat.length[part] * unit * rng.uniform(0.7, 1.3, count))
    paths, along = blades(roots, flow, length, rng.normal(0, 0.3, (2, count)))
    sheet.paper.stroke(paths, 0.34 * sheet.weight * (1 - 0.7 * along))


def _face(sheet: Sheet) -> None:
    body, finer = sheet.scene.body, sheet.finer
    for line in [*body.lines, *body.claws]:
        for start, end in itertools.pairwise(visible(line, sheet.camera, sheet.surface, 0.2)):
            if start is not None and end is not None:
                path = _denser(np.array([start, end], np.float32).T[:, None], 8) * finer
                sheet.paper.stroke(path + sheet.rng.normal(0, 0.4, (2, 1, 1)), np.array(0.7))
    for eye in visible(body.eyes, sheet.camera, sheet.surface):
        if eye is not None:
            r = max(2.2, body.eye * sheet.camera.scale * finer)
            turn = np.linspace(0, 2 * np.pi * (1 + r), int(40 + 7 * r * r))
            ring = np.stack([np.cos(turn), np.sin(turn)]) * (turn / turn[-1] * r)
            dull = np.hypot(ring[0] + 0.35 * r, ring[1] + 0.4 * r) > 0.33 * r
            spiral = ring[:, dull] + np.array(eye)[:, None] * finer
            sheet.paper.stroke(spiral[:, None], np.array(0.9))


def _cover(sheet: Sheet) -> None:
    """What stands before the bear hides what was drawn, and has outlines of its own."""
    rng, side = sheet.rng, sheet.paper.side
    shapes = cover.shapes(sheet.scene)
    if shapes:
        sheet.paper.erase(cover.mask(sheet.scene, side))
    for points, _ in shapes:
        sheet.paper.stroke(
            _by_hand(sheet, [*points, points[0]])[:, None], np.array(0.4 * sheet.weight)
        )
    count, top, length = cover.tufts(sheet.scene)
    count = min(160, count // 4)
    roots = np.stack([rng.uniform(0, 1, count), rng.uniform(top, 1.05, count)]) * side
    lean = np.stack([rng.normal(0, 0.3, count), -np.ones(count)])
    reach = side * length * rng.uniform(0.4, 0.9, count)
    bend = np.stack([rng.normal(0, 0.4, count), np.zeros(count)])
    paths, along = blades(roots, lean, reach, bend)
    sheet.paper.stroke(paths, 0.4 * sheet.weight * (1 - 0.6 * along))
