"""The world as other cameras see it: without colour, out of focus, or at night by infrared light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from retrain.samples.light import INFRARED
from retrain.samples.painting import visible
from retrain.samples.scene import SHIFT, Scene
from retrain.samples.solid import Camera, Floats, Surface


def greyscale(picture: Image.Image) -> Image.Image:
    """No colour; the picture stays RGB."""
    return picture.convert("L").convert("RGB")


def blurred(picture: Image.Image, scene: Scene) -> Image.Image:
    """Out of focus, or the camera moved: by a twentieth of the frame or more, smearing it."""
    rng = scene.stream(SHIFT)
    size = picture.size[0]
    if rng.random() < 0.5:
        return picture.filter(ImageFilter.GaussianBlur(size * rng.uniform(0.016, 0.028)))
    reach = int(size * rng.uniform(0.05, 0.09))
    tilt = rng.uniform(-0.6, 0.6)
    colours = np.asarray(picture.filter(ImageFilter.GaussianBlur(size * 0.008)), np.float32)
    edge = np.pad(colours, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    total = np.zeros_like(colours)
    for step in range(reach):
        top, left = reach + round(step * tilt), reach // 2 + step
        total += edge[top : top + size, left : left + size]
    return Image.fromarray(np.uint8(total / reach))


def by_night(scene: Scene) -> Scene:
    """The scene lit by a camera trap: all coats reflect infrared much alike."""
    grey = scene.coat.colour.mean(axis=1, keepdims=True)
    coat = replace(scene.coat, colour=np.asarray(0.45 * grey + 62, np.float32))
    return replace(scene, light=INFRARED, coat=coat, noise=3.0)


def night(picture: Image.Image, scene: Scene, camera: Camera, surface: Surface) -> Image.Image:
    """A camera trap's picture of a scene that was painted `by_night`."""
    rng = scene.stream(SHIFT)
    size = picture.size[0]
    grey = np.asarray(picture.convert("L"), np.float32)
    lit = grey * _beam(size, rng) + _glow(size, scene, camera, surface)
    lit = lit + rng.normal(0, rng.uniform(5, 9), (size, size)) + rng.normal(0, 1.5, (size, 1))
    tint = np.array([0.93, 1.03, 0.94]) if rng.random() < 0.7 else np.array([0.98, 1.0, 1.02])
    image = Image.fromarray(np.uint8(np.clip(lit[..., None] * tint, 0, 255)))
    _stamp(image, rng)
    return image


def _beam(size: int, rng: np.random.Generator) -> Floats:
    """How far the lamp reaches: bright in the middle, black in the corners."""
    axis = np.linspace(-1, 1, size)
    across = axis[None, :] - rng.uniform(-0.25, 0.25)
    down = axis[:, None] - rng.uniform(-0.05, 0.3)
    return np.asarray(0.16 + 1.0 * np.exp(-(across**2 + down**2) / 0.55), np.float32)


def _glow(size: int, scene: Scene, camera: Camera, surface: Surface) -> Floats:
    """Eyes throw the lamp's light straight back."""
    ratio = size / surface.part.shape[0]
    glow = np.zeros((size, size), np.float32)
    row, column = np.mgrid[0:size, 0:size].astype(np.float32)
    for eye in visible(scene.body.eyes, camera, surface):
        if eye is not None:
            r = max(1.1, 0.9 * scene.body.eye * camera.scale * ratio)
            away = (column - eye[0] * ratio) ** 2 + (row - eye[1] * ratio) ** 2
            glow += 260 * np.exp(-away / r**2) + 40 * np.exp(-away / (9 * r**2))
    return glow


def _stamp(image: Image.Image, rng: np.random.Generator) -> None:
    """The bar under the picture: temperature, date and time."""
    size = image.size[0]
    height = size // 13
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, size - height, size, size], (6, 8, 6))
    font = ImageFont.load_default(size=height * 0.72)
    date = f"20{rng.integers(15, 26)}-{rng.integers(4, 12):02d}-{rng.integers(1, 29):02d}"
    hour, minute = (int(rng.integers(20, 29)) % 24, int(rng.integers(0, 60)))
    text = f"{rng.integers(-4, 19)}°C   {date}   {hour:02d}:{minute:02d}"
    draw.text((size * 0.03, size - height * 0.98), text, (214, 222, 210), font)
