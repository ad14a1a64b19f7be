"""Turn a scene into a picture: paint it, or draw it with a pencil, and let it pass through a camera.

Order: backdrop, shadow, bear, what stands before it, camera. Everything is done at twice the size and halved.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from retrain.samples import cover, painting, pencil, shifts
from retrain.samples.easel import Easel
from retrain.samples.scene import FUR, PLACE, SENSOR, Scene, compose
from retrain.samples.solid import Camera, Floats, Surface, look, shadow
from retrain.samples.strokes import Canvas, cloud

SHIFTS = ("greyscale", "drawn", "night", "blur", "far")


def draw(class_name: str, seed: int, shift: str | None = None, size: int = 192) -> Image.Image:
    """One picture, RGB, square. The same arguments give the same pixels. ValueError for an unknown name."""
    if shift is not None and shift not in SHIFTS:
        raise ValueError(f"no shift {shift!r}; there are {', '.join(SHIFTS)}")
    scene = compose(class_name, seed)
    if shift == "far":
        scene = scene.far()
    if shift == "night":
        scene = shifts.by_night(scene)
    detail = size if shift == "drawn" else size * 3 // 4  # fur hides what a coarser surface misses
    camera = scene.camera.zoomed(detail)
    surface = look(scene.body.solid, camera, detail)
    if shift == "drawn":
        return pencil.draw(scene, camera, surface, size)
    picture = photograph(scene, camera, surface, size)
    if shift == "greyscale":
        return shifts.greyscale(picture)
    if shift == "night":
        return shifts.night(picture, scene, camera, surface)
    return shifts.blurred(picture, scene) if shift == "blur" else picture


def photograph(scene: Scene, camera: Camera, surface: Surface, size: int) -> Image.Image:
    """The scene as a camera takes it by day, side `size` in pixels."""
    easel = Easel(scene.stream(PLACE), size, scene.horizon, scene.feet, scene.light)
    scene.paint_place(easel)
    canvas = easel.finish(2 * size, scene.soft)
    cover.paint_ground(canvas, scene)
    _shadow(canvas, scene, camera, surface.part.shape[0])
    painting.paint(canvas, scene.body, scene.coat, scene.light, camera, surface, scene.stream(FUR))
    cover.paint(canvas, scene)
    return _camera(canvas.image().convert("RGB").reduce(2), scene)


def _shadow(canvas: Canvas, scene: Scene, camera: Camera, size: int) -> None:
    strength = 0.35 + 0.25 * float(scene.light.direct.mean() > 0.7)
    dark = shadow(scene.body.solid, camera, scene.light.towards, size)
    dark = dark.point([v * strength for v in range(256)])
    image = canvas.image()
    image.paste((8, 9, 14, 255), (0, 0), dark.resize(image.size, Image.Resampling.BILINEAR))
    canvas.put(image)


def _camera(image: Image.Image, scene: Scene) -> Image.Image:
    """What lens and sensor add: a slight vignette, grain."""
    rng = scene.stream(SENSOR)
    size = image.size[0]
    colours = np.asarray(image, np.float32) * vignette(size, rng.uniform(0.05, 0.3))
    colours += np.float32(scene.noise) * rng.standard_normal((size, size, 1), np.float32)
    colours += 3 * cloud(rng, size, 4)[..., None]
    return Image.fromarray(np.uint8(np.clip(colours, 0, 255)))


def vignette(size: int, strength: float) -> Floats:
    """Factors (size, size, 1), 1 in the middle and 1 - `strength` in the corners."""
    axis = np.linspace(-1, 1, size, dtype=np.float32) ** 2
    return np.asarray(1 - strength * (axis[:, None] + axis[None, :])[..., None] / 2, np.float32)
