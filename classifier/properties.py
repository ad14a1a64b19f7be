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
_LUMA_OF_BYTES = LUMA / np.float32(255)
# weights of the rows or columns of a thumbnail
_EVENLY = np.full(THUMBNAIL, 1 / THUMBNAIL, np.float32)
_MIDDLE = np.zeros(THUMBNAIL, np.float32)
_MIDDLE[THUMBNAIL // 4 : -THUMBNAIL // 4] = 2 / THUMBNAIL
_LEFT_OR_RIGHT = np.zeros(THUMBNAIL, np.float32)
_LEFT_OR_RIGHT[: THUMBNAIL // 3] = 1 / (THUMBNAIL // 3)
_LEFT_OR_RIGHT[-(THUMBNAIL // 3) :] = -1 / (THUMBNAIL // 3)

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
    "side_light",
    "centre_light",
    "row_contrast",
    "column_contrast",
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
    side_light     how much brighter one of the outer thirds, left or right, is than the other, in luma, 0 to 1
    centre_light   mean luma of the middle quarter minus that of all, -1 to 1
    row_contrast   deviation of the rows' mean luma over that of all luma, 0 to 1: light from above is near 1
    column_contrast  the same of the columns
    aspect         log2 of width over height; 0 is a square
    size           log2 of the side, in pixels, of a square with as many pixels
    compression    log2 of file bytes per pixel
    """
    thumbnail = _thumbnail(picture.pixels)
    planes = _planes(thumbnail)
    luma = (LUMA @ planes).reshape(THUMBNAIL, THUMBNAIL)
    area = picture.width * picture.height
    brightness, contrast = _mean_and_deviation(luma)
    return {
        "brightness": brightness,
        "contrast": contrast,
        **_colour(planes),
        **_structure(luma, contrast),
        **_layout(luma, contrast),
        "grain": _grain(picture.pixels),
        "entropy": _entropy(luma),
        "aspect": math.log2(picture.width / picture.height),
        "size": math.log2(area) / 2,
        "compression": math.log2(picture.size_bytes / area),
    }


def _thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (64, 64, 3): means of cells, so that nothing is blurred but what is smaller than a cell."""
    small = Image.fromarray(pixels).resize(
        (THUMBNAIL, THUMBNAIL), Image.Resampling.BOX, reducing_gap=1.5
    )
    return np.asarray(small)


def _planes(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 (h, w, 3) to float32 (3, h * w) in 0 to 1."""
    planes = np.ascontiguousarray(pixels.reshape(-1, 3).T).astype(np.float32)
    planes *= np.float32(1 / 255)
    return planes


def _mean_and_deviation(values: NDArray[np.float32]) -> tuple[float, float]:
    """As `mean` and `std` of numpy, in half the time."""
    mean = float(values.mean())
    moved = (values - np.float32(mean)).ravel()
    return mean, math.sqrt(float(moved @ moved) / moved.size)


def _colour(planes: NDArray[np.float32]) -> dict[str, float]:
    red, green, blue = planes
    largest = np.maximum(np.maximum(red, green), blue)
    spread = largest - np.minimum(np.minimum(red, green), blue)
    # black has no saturation, and nothing to divide by
    saturation = spread / np.maximum(largest, np.float32(1 / 255))
    tint, across_tint = _mean_and_deviation(red - green)
    warmth, across_warmth = _mean_and_deviation((red + green) / 2 - blue)
    return {
        "saturation": float(saturation.mean()),
        "colourfulness": math.hypot(across_tint, across_warmth) + 0.3 * math.hypot(tint, warmth),
        "warmth": warmth,
        "tint": tint,
    }


def _structure(luma: NDArray[np.float32], contrast: float) -> dict[str, float]:
    across = luma[:-1, 1:] - luma[:-1, :-1]
    down = luma[1:, :-1] - luma[:-1, :-1]
    squared = across * across + down * down
    bends = _mean_and_deviation(_laplacian(luma))[1]
    # a picture of one colour is as blurred as can be, not a division by zero
    sharpness = math.log10((bends + 1e-4) / (contrast + 1e-3))
    return {
        "sharpness": sharpness,
        "edge_density": float(np.count_nonzero(squared > EDGE * EDGE) / squared.size),
        "flat_share": float(np.count_nonzero(squared < FLAT * FLAT) / squared.size),
    }


def _layout(luma: NDArray[np.float32], contrast: float) -> dict[str, float]:
    """Where in the picture the light lies."""
    rows, columns = luma @ _EVENLY, _EVENLY @ luma
    # a picture of one colour has no light that could lie somewhere
    spread = contrast + 0.01
    return {
        "side_light": abs(float(columns @ _LEFT_OR_RIGHT)),
        "centre_light": float(_MIDDLE @ luma @ _MIDDLE - rows @ _EVENLY),
        "row_contrast": _mean_and_deviation(rows)[1] / spread,
        "column_contrast": _mean_and_deviation(columns)[1] / spread,
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
    luma: NDArray[np.float32] = middle.reshape(-1, 3).astype(np.float32) @ _LUMA_OF_BYTES
    # every other one is enough for a quantile
    bends = np.abs(_laplacian(luma.reshape(middle.shape[:2])).ravel()[::2])
    # the calmest fifth: edges and texture leave some of a picture alone, noise does not
    calm = np.partition(bends, bends.size // 5)[bends.size // 5] if bends.size else 0.0
    return math.log2(float(calm) + SMOOTH)


def _entropy(luma: NDArray[np.float32]) -> float:
    levels = np.bincount((luma.ravel() * np.float32(255) + np.float32(0.5)).astype(np.int64))
    return math.log2(luma.size) - float(levels @ np.log2(np.maximum(levels, 1))) / luma.size
