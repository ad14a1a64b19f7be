"""Ordinary pictures as they must not look to a model: the shifts that the domain score is judged on.

Every picture of every set, ordinary ones included, leaves through the one encoder below at one size: otherwise a
property of the file (its bytes per pixel) would tell the sets apart, and not a property of the picture.
"""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

SIDE, QUALITY = 224, 90
FEW_BITS = 8
NOISE = 40
WORDS = ("model", "answers", "what", "it", "was", "asked", "and", "says", "when", "nobody", "knows")

Shift = Callable[[Image.Image, np.random.Generator], Image.Image]


def encode(image: Image.Image) -> bytes:
    """The one encoder: JPEG of one quality, one side."""
    file = BytesIO()
    image.convert("RGB").resize((SIDE, SIDE)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def _scaled(factor: float) -> Shift:
    return lambda image, _: image.point([min(255, round(v * factor)) for v in range(256)] * 3)


def _crushed(image: Image.Image, _: np.random.Generator) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=FEW_BITS)
    return Image.open(file).convert("RGB")


def _noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    noise = rng.normal(0, NOISE, pixels.shape)
    return Image.fromarray(np.uint8(np.clip(pixels + noise, 0, 255)))


SHIFTS: dict[str, Shift] = {
    "grey": lambda image, _: image.convert("L").convert("RGB"),
    "dark": _scaled(0.25),
    "bright": _scaled(2.0),
    "blur": lambda image, _: image.filter(ImageFilter.GaussianBlur(4)),
    "jpeg": _crushed,
    "noise": _noisy,
    "inverted": lambda image, _: ImageOps.invert(image),
    "rotated": lambda image, _: image.transpose(Image.Transpose.ROTATE_90),
}


def unit(number: int, seed: int) -> Image.Image:
    """A picture of nothing: one colour, stripes, or text, in turn."""
    rng = np.random.default_rng([seed, number])
    one, other = (tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(2))
    image = Image.new("RGB", (SIDE, SIDE), one)
    if number % 3 == 1:
        width = int(rng.integers(3, 40))
        axis = np.arange(SIDE) // width % 2 == 0
        across = np.broadcast_to(axis if rng.random() < 0.5 else axis[:, None], (SIDE, SIDE))
        image.paste(other, mask=Image.fromarray(np.uint8(across) * 255))
    if number % 3 == 2:
        image = Image.new("RGB", (SIDE, SIDE), (250, 250, 248))
        font = ImageFont.load_default(size=int(rng.integers(9, 22)))
        for top in range(4, SIDE, int(rng.integers(14, 30))):
            line = " ".join(rng.choice(WORDS, 12))
            ImageDraw.Draw(image).text((6, top), line, (20, 20, 25), font)
    return image
