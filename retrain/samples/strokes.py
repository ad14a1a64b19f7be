"""Thousands of strokes at once: fur, grass and pencil.

A stroke is a path of points. All strokes of a kind are laid out as arrays and written in one go, the later
over the earlier; what they are drawn on is twice the size of the picture, so that halving it smooths every edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrain.samples.solid import Floats


class Canvas:
    """A square to paint on; `pixels` is (side, side, 4): red, green, blue and 255, four bytes written as one."""

    def __init__(self, image: Image.Image) -> None:
        self.side = image.size[0]
        self.pixels: NDArray[np.uint8] = np.array(image.convert("RGBA"))

    def draw(self, paths: Floats, colours: Floats, strength: Floats) -> None:
        """Paint strokes two pixels wide.

        `paths`: (2, n, k) right and down; `colours`: (n, 3), 0 to 255; `strength`: what each colour is multiplied
        by on its way, (k,) or (n, k).
        """
        shape = paths.shape[1:]
        ink = np.full((*shape, 4), 255, np.uint8)
        for channel in range(3):
            ink[..., channel] = np.clip(colours[:, channel : channel + 1] * strength, 0, 255)
        x, y = paths.astype(np.int32)
        on = (x >= 0) & (x < self.side - 1) & (y >= 0) & (y < self.side)
        place, packed = (y * self.side + x)[on], ink.view(np.uint32)[..., 0][on]
        flat = self.pixels.view(np.uint32).reshape(-1)
        flat[place] = packed
        flat[place + 1] = packed

    def image(self) -> Image.Image:
        """A copy that Pillow can draw on, RGBA; `put` brings it back."""
        return Image.fromarray(self.pixels).copy()

    def put(self, image: Image.Image) -> None:
        self.pixels[...] = np.asarray(image)


class Paper:
    """A white square that graphite is laid on; strokes add up where they cross."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.graphite = np.zeros(side * side, np.float32)

    def stroke(self, paths: Floats, pressure: Floats) -> None:
        """`paths`: (2, n, k) right and down; `pressure`: about 0 to 1, whatever fits (n, k)."""
        x, y = paths.astype(np.int32)
        on = (x >= 0) & (x < self.side) & (y >= 0) & (y < self.side)
        laid = np.broadcast_to(np.asarray(pressure, np.float32), x.shape)
        np.add.at(self.graphite, (y * self.side + x)[on], laid[on])

    def erase(self, mask: Image.Image) -> None:
        """Make the paper white again where the mask is."""
        self.graphite[np.asarray(mask).ravel() > 0] = 0

    def image(self, rng: np.random.Generator) -> Image.Image:
        """The sheet: graphite catches on the grain of the paper."""
        shape = (self.side, self.side)
        grain = np.clip(1 + 0.35 * rng.standard_normal(shape, np.float32), 0.2, 2)
        covered = 1 - np.exp(-1.5 * self.graphite.reshape(shape) * grain)
        white = 250 + 2.5 * cloud(rng, self.side, 6)
        tone = white + (48 - white) * covered
        return Image.fromarray(np.uint8(np.clip(tone, 0, 255)))


def blades(roots: Floats, direction: Floats, length: Floats, bend: Floats) -> tuple[Floats, Floats]:
    """Curved strokes. `roots`, `direction`, `bend`: (2, n); `length`: (n,), in pixels.

    Returns the paths (2, n, k) and how far along each point is, 0 to 1, (k,); k is such that most strokes are
    drawn without gaps.
    """
    longest = float(np.quantile(length, 0.8)) if len(length) else 0.0
    along = np.linspace(0, 1, int(np.clip(longest, 4, 80)), dtype=np.float32)
    reach = np.asarray(length, np.float32)[:, None] * along
    curved = reach * along
    paths = np.empty((2, *reach.shape), np.float32)
    for axis in (0, 1):
        start, ahead, aside = (
            np.asarray(values[axis], np.float32)[:, None] for values in (roots, direction, bend)
        )
        paths[axis] = start + ahead * reach + aside * curved
    return paths, along


def cloud(rng: np.random.Generator, side: int, cells: int, octaves: int = 2) -> Floats:
    """Smooth noise, (side, side), about -1 to 1: coarse blotches of side/cells pixels with finer ones inside."""
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        count = min(side, cells * 3**octave)
        grid = Image.fromarray(2 * rng.random((count, count), np.float32) - 1)
        total += np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC)) / 2**octave
    return np.asarray(total / 1.3, np.float32)
