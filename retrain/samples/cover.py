"""What stands between us and the bear: grass, a branch, a blanket.

A cover is a list of flat shapes in shares of the frame, so that it can be painted or drawn with a pencil alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from retrain.samples.easel import Colour, Point, grass
from retrain.samples.indoors import CLOTHS
from retrain.samples.scene import COVER, GROUND, TUFTS, Scene
from retrain.samples.solid import Floats
from retrain.samples.strokes import Canvas

BLADES: dict[str, tuple[Colour, ...]] = {
    "meadow": ((118, 134, 64), (140, 148, 82), (94, 116, 54)),
    "forest": ((92, 106, 56), (108, 112, 64), (74, 90, 50)),
    "river": ((104, 116, 70), (126, 122, 84)),
    "rocks": ((128, 124, 86), (110, 106, 80)),
    "snow": ((176, 164, 128), (150, 140, 112)),
}
LUSH = ("meadow", "forest")  # grass grows all over the ground


class Shape(NamedTuple):
    points: list[Point]
    colour: Colour


def shapes(scene: Scene) -> list[Shape]:
    """The branch or the blanket in front of this bear, far to near; often nothing."""
    rng = scene.stream(COVER)
    if scene.cover < 0.45:
        return []
    if scene.place in ("bed", "sofa"):
        return _blanket(rng, scene)
    if scene.place in ("forest", "river", "snow", "rocks"):
        return _branch(rng, scene)
    return []


def tufts(scene: Scene) -> tuple[int, float, float]:
    """How many blades of grass stand before the bear, from which height of the frame, how long."""
    lush = scene.place in LUSH
    if scene.place not in BLADES or (scene.cover == 0 and not lush):
        return 0, 1.0, 0.0
    count = int((1000 if lush else 170) * (0.3 + scene.cover))
    return count, min(scene.feet, 0.97) - 0.01, 0.04 + 0.1 * scene.cover


def paint_ground(canvas: Canvas, scene: Scene) -> None:
    """Grass that stands behind the bear."""
    if scene.place in LUSH:
        area = (scene.horizon + 0.02, min(1.1, scene.feet + 0.01))
        grass(canvas, scene.stream(GROUND), area, 900, 0.05, _blades(scene))


def paint(canvas: Canvas, scene: Scene) -> None:
    """Put grass, a branch or a blanket in front of the painted bear."""
    count, top, length = tufts(scene)
    if count:
        grass(canvas, scene.stream(TUFTS), (top, 1.12), count, length, _blades(scene))
    standing = shapes(scene)
    if not standing:
        return
    image = canvas.image()
    draw = ImageDraw.Draw(image)
    for points, colour in standing:
        red, green, blue = np.clip(colour * scene.light.flat(), 0, 255).astype(int).tolist()
        draw.polygon([(x * canvas.side, y * canvas.side) for x, y in points], (red, green, blue))
    canvas.put(image)


def mask(scene: Scene, side: int) -> Image.Image:
    """255 where a shape covers the picture, for who draws without paint."""
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    for points, _ in shapes(scene):
        draw.polygon([(x * side, y * side) for x, y in points], 255)
    return image


def _blades(scene: Scene) -> Floats:
    return np.asarray(np.array(BLADES[scene.place]) * scene.light.flat(), np.float32)


def _shaded(colour: Colour, by: float) -> Colour:
    return int(colour[0] * by), int(colour[1] * by), int(colour[2] * by)


def _blanket(rng: np.random.Generator, scene: Scene) -> list[Shape]:
    """A cloth over the legs: a wavy edge, a hem, and folds that run down from it."""
    colour = CLOTHS[rng.integers(len(CLOTHS))]
    high = min(0.94, scene.feet - 0.05 - 0.16 * scene.cover)
    x = np.linspace(-0.05, 1.05, 30)
    phase = rng.uniform(0, 6, 3)
    edge = high + 0.018 * np.sin(7 * x + phase[0]) + 0.012 * np.sin(17 * x + phase[1])
    crest = [(float(a), float(b)) for a, b in zip(x, edge, strict=True)]
    cloth = [Shape([*crest, (1.05, 1.05), (-0.05, 1.05)], colour)]
    for start in np.sort(rng.uniform(0, 1, 9)).tolist():
        top = float(np.interp(start, x, edge)) + 0.02
        lean, width = rng.normal(0, 0.08), rng.uniform(0.012, 0.035)
        fold = [(start, top), (start + lean + width, 1.05), (start + lean - width, 1.05)]
        cloth.append(Shape(fold, _shaded(colour, rng.choice([0.82, 1.12]))))
    hem = [(a, b + 0.028) for a, b in reversed(crest)]
    cloth.append(Shape([*crest, *hem], _shaded(colour, 1.22)))
    return cloth


def _branch(rng: np.random.Generator, scene: Scene) -> list[Shape]:
    """A twig with leaves or needles that reaches in from one side."""
    side = rng.choice([0, 1])
    height = rng.uniform(0.12, 0.85)
    reach, sag = rng.uniform(0.35, 0.8), rng.uniform(-0.12, 0.2)
    share = np.linspace(0, 1, 12)
    x = np.abs(side - share * reach) + 0.0
    y = height + sag * share**1.6 + 0.012 * np.sin(share * 9)
    thick = 0.011 * (1.15 - share)
    upper = [(float(a), float(b - t)) for a, b, t in zip(x, y, thick, strict=True)]
    lower = [(float(a), float(b + t)) for a, b, t in zip(x, y, thick, strict=True)]
    twig = [Shape([*upper, *reversed(lower)], (70, 54, 42))]
    needles = scene.place in ("snow", "rocks")
    leaf = ((66, 88, 60), (88, 112, 56), (150, 116, 56))[0 if needles else rng.integers(1, 3)]
    for _ in range(130 if needles else 34):
        at = rng.uniform(0.12, 1.0)
        root = (float(np.interp(at, share, x)), float(np.interp(at, share, y)))
        angle = rng.choice([-1, 1]) * rng.uniform(0.5, 1.3) + (np.pi if side else 0)
        long = rng.uniform(0.04, 0.07) if needles else rng.uniform(0.06, 0.1)
        wide = 0.003 if needles else rng.uniform(0.014, 0.024)
        along = np.array([np.cos(angle), np.sin(angle)]) * long
        across = np.array([-np.sin(angle), np.cos(angle)]) * wide
        steps = [(0.0, 0.0), (0.4, 1.0), (0.75, 0.7), (1.0, 0.0), (0.75, -0.7), (0.4, -1.0)]
        points = [np.array(root) + a * along + b * across for a, b in steps]
        twig.append(
            Shape(
                [(float(p[0]), float(p[1])) for p in points], _shaded(leaf, rng.uniform(0.7, 1.25))
            )
        )
    return twig
