"""Pixels to the network's input: the only copy of this arithmetic.

Training resizes with `resize` and leaves the normalising to its own library; serving does both here. The parity
test of the training package holds the two together.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Method = Literal["squish", "crop"]
# whole-number reduction first, to this multiple of the target, then antialiased bilinear
REDUCING_GAP = 3.0


@dataclass(frozen=True)
class Preprocessing:
    """How large, cut how, and the mean and deviation of each channel (red, green, blue; pixels in 0 to 1).

    "squish" ignores the proportions, "crop" keeps them and takes the square in the middle.
    """

    size: int
    method: Method
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not 1 <= self.size <= 4096:
            raise ValueError(f"size is {self.size}, expected 1 to 4096")
        if self.method not in get_args(Method):
            raise ValueError(f"method is {self.method!r}, expected one of {get_args(Method)}")
        if not np.all(np.isfinite((*self.mean, *self.std))) or min(self.std) <= 0:
            raise ValueError("mean and std must be finite, and std above zero")

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "size": self.size,
            "method": self.method,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_json(cls, value: Any) -> "Preprocessing":
        """Reads what `to_json` gave; raises ValueError on anything else."""
        try:
            known = {"size", "method", "mean", "std"}
            if set(value) != known or type(value["size"]) is not int:
                raise ValueError(f"expected exactly {sorted(known)}, size a whole number")
            return cls(
                value["size"], value["method"], _channels(value["mean"]), _channels(value["std"])
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a preprocessing: {error}") from error


def _channels(value: Any) -> tuple[float, float, float]:
    red, green, blue = (float(x) for x in value)
    return red, green, blue


def resize(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """uint8 (h, w, 3) to uint8 (size, size, 3), a new array."""
    if preprocessing.method == "crop":
        height, width = pixels.shape[:2]
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        pixels = pixels[top : top + side, left : left + side]
    image = Image.fromarray(pixels).resize(
        (preprocessing.size, preprocessing.size),
        Image.Resampling.BILINEAR,
        reducing_gap=REDUCING_GAP,
    )
    return np.array(image)


def to_input(resized: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """uint8 (size, size, 3) to normalised float32 (3, size, size)."""
    unit = resized.astype(np.float32) / np.float32(255)
    mean = np.asarray(preprocessing.mean, dtype=np.float32)
    std = np.asarray(preprocessing.std, dtype=np.float32)
    return np.ascontiguousarray(((unit - mean) / std).transpose(2, 0, 1))


def prepare(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """A picture's pixels, uint8 (h, w, 3), to the network's input, float32 (3, size, size)."""
    return to_input(resize(pixels, preprocessing), preprocessing)
