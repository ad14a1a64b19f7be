"""What a picture looks like, in some numbers that have names.

Measured on a thumbnail of 64 by 64 pixels, whatever the picture's proportions, so that the numbers of a
telephone's picture and of a small one can be compared and the cost does not depend on either. Only grain is lost in
a thumbnail: it is measured on as many pixels in the middle of the picture, as the camera gave them.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.pictures import Picture

THUMBNAIL = 64
# of a channel's whole range, between neighbouring pixels of the thumbnail
EDGE = 0.1
FLAT = 0.004
# a quarter of a grey level: less is not seen in eight bits
SMOOTH = 0.001
# ITU-R BT.601, as Pillow's own conversion to grey
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

NAMES = (
    "brightness",
    "contrast",
    "saturation",
    "colourfulness",
    "warmth",
    "tint",
    "sharpness",
    "grain",
    "edge_density",
    "entropy",
    "flat_share",
    "aspect",
    "size",
    "compression",
)


def measure(picture: Picture) -> dict[str, float]:
    """All of `NAMES`:

    brightness     mean luma, 0 to 1
    contrast       standard deviation of luma, 0 to 0.5
    saturation     mean of (largest - smallest channel) / largest, 0 to 1
    colourfulness  Hasler and Suesstrunk 2003 (M3) with channels in 0 to 1, about 0 to 1
    warmth         mean of yellow minus blue, -1 to 1; higher is warmer light
    tint           mean of red minus green, -1 to 1
    sharpness      log10 of the deviation of the Laplacian over that of luma; lower is more blurred
    grain          log2 of what 80 % of the Laplacian of luma exceed, in 0 to 1: higher is noisier, -10 is smooth
    edge_density   share of pixels whose luma gradient is above `EDGE`, 0 to 1
    entropy        of the histogram of 256 grey levels, bits, 0 to 8
    flat_share     share of pixels whose luma gradient is below `FLAT`, 0 to 1
    aspect         log2 of width over height; 0 is a square
    size           log2 of the side, in pixels, of a square with as many pixels
    compression    log2 of file bytes per pixel
    """
    thumbnail = _thumbnail(picture.pixels)
    planes = _planes(thumbnail)
    luma = _luma(planes)
    area = picture.width * picture.height
    return {
        "brightness": float(luma.mean()),
        "contrast": float(luma.std()),
        **_colour(planes.reshape(3, -1)),
        **_structure(luma),
        "grain": _grain(picture.pixels),
        "entropy": _entropy(luma),
        "aspect": math.log2(picture.width / picture.height),
        "size": math.log2(area) / 2,
        "compression": math.log2(picture.size_bytes / area),
    }


def _thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (64, 64, 3)."""
    small = Image.fromarray(pixels).resize(
        (THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR, reducing_gap=2.0
    )
    return np.asarray(small)


def _planes(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 (h, w, 3) to float32 (3, h, w) in 0 to 1."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)


def _luma(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    red, green, blue = planes
    luma: NDArray[np.float32] = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return luma


def _colour(planes: NDArray[np.float32]) -> dict[str, float]:
    red, green, blue = planes
    largest = np.maximum(np.maximum(red, green), blue)
    spread = largest - np.minimum(np.minimum(red, green), blue)
    # black has no saturation, and nothing to divide by
    saturation = spread / np.maximum(largest, np.float32(1 / 255))
    red_green = red - green
    yellow_blue = (red + green) / 2 - blue
    tint, warmth = float(red_green.mean()), float(yellow_blue.mean())
    deviation = math.hypot(red_green.std(), yellow_blue.std())
    return {
        "saturation": float(saturation.mean()),
        "colourfulness": deviation + 0.3 * math.hypot(tint, warmth),
        "warmth": warmth,
        "tint": tint,
    }


def _structure(luma: NDArray[np.float32]) -> dict[str, float]:
    across = luma[:-1, 1:] - luma[:-1, :-1]
    down = luma[1:, :-1] - luma[:-1, :-1]
    squared = across * across + down * down
    bends = _laplacian(luma)
    # a picture of one colour is as blurred as can be, not a division by zero
    sharpness = math.log10((float(bends.std()) + 1e-4) / (float(luma.std()) + 1e-3))
    return {
        "sharpness": sharpness,
        "edge_density": float(np.count_nonzero(squared > EDGE * EDGE) / squared.size),
        "flat_share": float(np.count_nonzero(squared < FLAT * FLAT) / squared.size),
    }


def _laplacian(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    inner = luma[1:-1, 1:-1]
    bends: NDArray[np.float32] = (
        luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    )
    return bends


def _grain(pixels: NDArray[np.uint8]) -> float:
    height, width = pixels.shape[:2]
    top, left = max(0, (height - THUMBNAIL) // 2), max(0, (width - THUMBNAIL) // 2)
    middle = pixels[top : top + THUMBNAIL, left : left + THUMBNAIL]
    bends = np.abs(_laplacian(_luma(_planes(middle)))).ravel()
    # the calmest fifth: edges and texture leave some of a picture alone, noise does not
    calm = np.partition(bends, bends.size // 5)[bends.size // 5] if bends.size else 0.0
    return math.log2(float(calm) + SMOOTH)


def _entropy(luma: NDArray[np.float32]) -> float:
    levels = np.bincount((luma.ravel() * np.float32(255) + np.float32(0.5)).astype(np.int64))
    shares = levels[levels > 0] / luma.size
    return float(-(shares * np.log2(shares)).sum())
