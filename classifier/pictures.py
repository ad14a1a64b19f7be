"""Bytes to pixels: the only place where a picture is decoded, for training and for serving.

Order: size in bytes, format by content, number of parts, completeness, pixel count from the header, animation, decoding, reduction
of what is larger than any network needs, RGB, rotation by EXIF. What comes out has no metadata. Colour profiles are
not applied: training pictures went the same way.
Never decodes what was cut off, never tries a format that the content did not name, never sets anything in Pillow.
"""

import hashlib
import math
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier import headers, orientation, parts
from classifier.scans import TooMany

Reason = Literal[
    "empty",
    "too_large",
    "not_a_picture",
    "unsupported_format",
    "truncated",
    "animated",
    "too_many_pixels",
    "too_many_parts",
    "too_small",
    "broken",
]

DAMAGED = "The file is damaged and cannot be decoded."
# beyond that many pixels a picture is shrunk by a whole factor before anything else is done with it: no network sees
# the difference, and a picture of 50 million pixels would take half a gigabyte on its way
LARGE = 12_000_000
# Pillow takes 15 bytes for each, four times as many as elsewhere
WEBP_PIXELS = 25_000_000
# rows of a large picture that are turned to RGB at once, after they were shrunk
BAND = 64
REDUCIBLE = ("L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
PLAIN_MODES = ("1", "L", "P", "RGBX", "YCbCr", "HSV", "CMYK")
GREY_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")


class BadPicture(Exception):
    """A picture that cannot be used; `reason` is for programs, `str()` a sentence for people."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Limits:
    """What is accepted; sides in pixels."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000
    min_side: int = 8
    max_side: int = 20_000


@dataclass(frozen=True, eq=False)
class Picture:
    """Decoded pixels, uint8 RGB (h, w, 3), read-only, and what the file was.

    `width` and `height` are the whole picture's, upright; `pixels` are as many unless those are more than `LARGE`.
    """

    pixels: NDArray[np.uint8]
    format: str
    width: int
    height: int
    size_bytes: int
    mode: str
    digest: str


# a decoder that stumbles over damaged bytes may raise anything (assertions, too), and all of it is the file's fault,
# but for a lack of memory
_NOT_DAMAGE = (BadPicture, MemoryError)


def open_picture(data: bytes, limits: Limits | None = None) -> Picture:
    """Decodes `data` or raises BadPicture."""
    limits = limits or Limits()
    name = _check_bytes(data, limits)
    image = _open(data, name, limits)
    mode = image.mode
    upright, (width, height) = _decode(image, name)
    pixels = np.asarray(upright)
    pixels.flags.writeable = False
    return Picture(
        pixels=pixels,
        format=name,
        width=width,
        height=height,
        size_bytes=len(data),
        mode=mode,
        digest=hashlib.sha256(data).hexdigest(),
    )


def _check_bytes(data: bytes, limits: Limits) -> str:
    """All that can be told without a decoder; answers the format."""
    if not data:
        raise BadPicture("empty", "The file is empty.")
    if len(data) > limits.max_bytes:
        raise BadPicture(
            "too_large",
            f"The file has {len(data):,} bytes; {limits.max_bytes:,} are allowed.",
        )
    name = headers.format_of(data)
    if name is None:
        foreign = headers.foreign_format_of(data)
        if foreign is not None:
            raise BadPicture(
                "unsupported_format",
                f"{foreign} files are not read here; send JPEG, PNG, WebP, GIF, BMP or TIFF.",
            )
        raise BadPicture("not_a_picture", "The file is not a picture, whatever its name says.")
    _check_parts(data, name)
    if not headers.is_complete(data, name):
        raise BadPicture("truncated", f"The {name.upper()} file ends too early; send it again.")
    if name == "webp":
        sides = headers.webp_side_lengths(data)
        if sides is None:
            raise BadPicture("broken", DAMAGED)
        _check_sides(sides, limits)
        _check_webp(sides)
    return name


def _check_parts(data: bytes, name: str) -> None:
    try:
        parts.count(data, name)
    except TooMany as error:
        raise BadPicture(error.reason, str(error)) from error


def _check_webp(sides: tuple[int, int]) -> None:
    width, height = sides
    if width * height > WEBP_PIXELS:
        raise BadPicture(
            "too_many_pixels",
            f"The picture has {width:,} by {height:,} pixels; a WebP file may have {WEBP_PIXELS:,} in all.",
        )


def _check_sides(sides: tuple[int, int], limits: Limits) -> None:
    width, height = sides
    if width * height > limits.max_pixels or max(sides) > limits.max_side:
        raise BadPicture(
            "too_many_pixels",
            f"The picture claims {width:,} by {height:,} pixels; allowed are {limits.max_pixels:,} in all"
            f" and {limits.max_side:,} a side.",
        )
    if min(sides) < limits.min_side:
        raise BadPicture(
            "too_small",
            f"The picture has {width} by {height} pixels; each side needs at least {limits.min_side}.",
        )


def _open(data: bytes, name: str, limits: Limits) -> Image.Image:
    """Reads the header only and checks what it says."""
    try:
        image = Image.open(BytesIO(data), formats=[name.upper()])
        _check_sides(image.size, limits)
        # a JPEG with a second picture behind it (MPO, many telephones) is its first picture
        if name != "jpeg" and getattr(image, "is_animated", False):
            raise BadPicture("animated", "The file has several frames or pages; send one picture.")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture("too_many_pixels", "The picture claims far too many pixels.") from error
    except _NOT_DAMAGE:
        raise
    except Exception as error:
        raise _broken(error) from error
    return image


def _broken(error: BaseException) -> BadPicture:
    if "truncated" in str(error).lower():
        return BadPicture("truncated", "The file ends too early; send it again.")
    return BadPicture("broken", DAMAGED)


def _decode(image: Image.Image, name: str) -> tuple[Image.Image, tuple[int, int]]:
    """Decodes into upright RGB, transparency over white; and the sides of the whole picture."""
    try:
        sides = _load(image, name)
        colours = _small(image)
    except _NOT_DAMAGE:
        raise
    except Exception as error:
        raise _broken(error) from error
    if colours is None:
        raise BadPicture(
            "unsupported_format",
            f"Pixels of the kind {image.mode} are not read here; send 8 or 16 bits a channel.",
        )
    # Pillow has turned a TIFF while decoding it
    turn = None if name == "tiff" else orientation.turn(image.info)
    if turn is None:
        return colours, sides
    return colours.transpose(turn), sides[::-1] if turn in orientation.SIDEWAYS else sides


def _load(image: Image.Image, name: str) -> tuple[int, int]:
    """Decodes, and answers how many pixels a side there are in all."""
    if name != "jpeg":
        image.load()
        return image.size  # Pillow turns a TIFF while decoding it
    width, height = image.size
    factor = _factor(image)
    if factor > 1:
        # decoded at a half, a quarter or an eighth, with less work and less room
        image.draft(None, (width // factor, height // factor))
    image.load()
    return width, height


def _small(image: Image.Image) -> Image.Image | None:
    """RGB of `LARGE` pixels at most; band by band, since a turn to RGB has up to four copies of what it turns."""
    factor = _factor(image)
    if factor == 1:
        return _rgb(image)
    width, height = image.size
    small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, factor * BAND):
        band = image.crop((0, top, width, min(height, top + factor * BAND)))
        first = band.mode in REDUCIBLE
        colours = _rgb(band.reduce(factor) if first else band)
        if colours is None:
            return None
        small.paste(colours if first else colours.reduce(factor), (0, top // factor))
    return small


def _factor(image: Image.Image) -> int:
    """What each side is divided by, so that `LARGE` pixels are left at most."""
    return math.ceil(math.sqrt(image.width * image.height / LARGE))


def _rgb(image: Image.Image) -> Image.Image | None:
    if image.mode in GREY_16_BIT:
        return _from_16_bit(image).convert("RGB")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB")
    if image.mode == "RGB":
        return image  # converting would copy, half as slow as decoding
    return image.convert("RGB") if image.mode in PLAIN_MODES else None


def _from_16_bit(image: Image.Image) -> Image.Image:
    """Keeps the high byte, as Pillow does with 16-bit colour, so that grey and colour agree."""
    values = np.asarray(image).astype(np.uint16)
    grey = (values >> 8).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey)
