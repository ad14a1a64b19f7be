"""What backdrops are painted with.

All places are given in shares of the frame, 0 to 1, right and down. Every shape that is painted also leaves its
outline, so that the same scene can be drawn with a pencil.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from retrain.samples.light import Light
from retrain.samples.solid import Floats
from retrain.samples.strokes import Canvas, blades, cloud

Colour = tuple[int, int, int]
Point = tuple[float, float]
SKIES: dict[str, tuple[Colour, Colour]] = {
    "dawn": ((168, 190, 224), (255, 216, 178)),
    "noon": ((116, 168, 230), (208, 226, 242)),
    "overcast": ((196, 202, 210), (226, 228, 230)),
    "golden": ((150, 178, 222), (255, 220, 150)),
    "dusk": ((126, 134, 162), (232, 200, 178)),
    "infrared": ((14, 14, 14), (34, 34, 34)),
}


class Easel:
    """A picture of `side` pixels that becomes the backdrop; `feet` is where the bear stands."""

    def __init__(
        self, rng: np.random.Generator, side: int, horizon: float, feet: float, light: Light
    ) -> None:
        self.rng, self.side, self.horizon, self.feet, self.light = rng, side, horizon, feet, light
        self.image = Image.new("RGB", (side, side))
        self.draw = ImageDraw.Draw(self.image)
        self.lines: list[list[Point]] = []

    def vary(self, colour: Colour, amount: float = 0.1) -> Colour:
        """The same colour, a little lighter, darker or off."""
        changed = np.array(colour) * self.rng.normal(1, amount) * self.rng.normal(1, amount / 3, 3)
        red, green, blue = np.clip(changed, 0, 255).astype(int).tolist()
        return red, green, blue

    def fade(self, top: Colour, bottom: Colour, start: float = 0.0, end: float = 1.0) -> None:
        """A band over the whole width that runs from one colour to another."""
        first, last = round(start * self.side), round(end * self.side)
        if last <= first:
            return
        share = np.linspace(0, 1, last - first)[:, None]
        column = np.array(top) * (1 - share) + np.array(bottom) * share
        band = Image.fromarray(np.uint8(column[:, None])).resize((self.side, last - first))
        self.image.paste(band, (0, first))

    def sky(self, end: float) -> None:
        top, bottom = SKIES.get(self.light.name, SKIES["overcast"])
        self.fade(top, bottom, 0, end)

    def shape(self, points: Sequence[Point], colour: Colour, outline: bool = True) -> None:
        self.draw.polygon([(x * self.side, y * self.side) for x, y in points], colour)
        if outline:
            self.lines.append([*points, points[0]])

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        colour: Colour,
        outline: bool = True,
    ) -> None:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.shape(corners, colour, outline)

    def oval(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, outline: bool = True
    ) -> None:
        turns = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        points = [(x + rx * float(np.cos(t)), y + ry * float(np.sin(t))) for t in turns]
        self.shape(points, colour, outline)

    def line(
        self, points: Sequence[Point], colour: Colour, width: float, outline: bool = True
    ) -> None:
        path = [(x * self.side, y * self.side) for x, y in points]
        self.draw.line(path, colour, max(1, round(width * self.side)))
        if outline:
            self.lines.append(list(points))

    def ridge(self, height: float, rough: float, colour: Colour) -> None:
        """Hills from `height` down to the bottom."""
        steps = 25
        wander = np.cumsum(self.rng.normal(0, rough / 5, steps))
        wander -= np.linspace(wander[0], wander[-1], steps)
        crest = [(i / (steps - 1), height + float(wander[i])) for i in range(steps)]
        self.shape([*crest, (1.0, 1.0), (0.0, 1.0)], colour, outline=False)
        self.lines.append(crest)

    def conifer(
        self, x: float, base: float, height: float, colour: Colour, snow: bool = False
    ) -> None:
        width = height * self.rng.uniform(0.16, 0.26)
        tiers = 6
        left: list[Point] = []
        right: list[Point] = []
        for tier in range(tiers):
            top, low = (
                base - height * (1 - tier / tiers),
                base - height * (1 - (tier + 1.3) / tiers),
            )
            reach = width * (tier + 1) / tiers * self.rng.uniform(0.85, 1.15)
            left += [(x - reach * 0.35, top), (x - reach, low)]
            right += [(x + reach * 0.35, top), (x + reach, low)]
        self.shape([(x, base - height), *right, *reversed(left)], colour)
        if snow:
            for tier in range(1, tiers, 2):
                low, reach = base - height * (1 - (tier + 1.1) / tiers), width * (tier + 1) / tiers
                cap = [(x - reach, low), (x, low - height * 0.16), (x + reach * 0.2, low - 0.01)]
                self.shape(cap, (232, 236, 244), outline=False)

    def mottle(self, strength: float, cells: int, start: float = 0.0, end: float = 1.0) -> None:
        """Lighten and darken in blotches: leaves, earth, plaster."""
        first, last = round(start * self.side), round(end * self.side)
        if last <= first:
            return
        noise = cloud(self.rng, self.side, cells)[first:last]
        colours = np.asarray(self.image, np.float32)[first:last] * (1 + strength * noise[..., None])
        self.image.paste(Image.fromarray(np.uint8(np.clip(colours, 0, 255))), (0, first))

    def finish(self, side: int, soft: float) -> Canvas:
        """The backdrop in its light, out of focus by `soft` shares of the frame, on a canvas of `side` pixels."""
        blurred = self.image.filter(ImageFilter.GaussianBlur(soft * self.side))
        lit = np.asarray(blurred, np.float32) * self.light.flat()
        small = Image.fromarray(np.uint8(np.minimum(lit, 255)))
        return Canvas(small.resize((side, side), Image.Resampling.BILINEAR))


def grass(
    canvas: Canvas,
    rng: np.random.Generator,
    area: tuple[float, float],
    count: int,
    length: float,
    colours: Floats,
) -> None:
    """Blades rooted between two heights of the frame, the nearer over the farther and longer."""
    low, high = area
    heights = np.sort(rng.uniform(low, high, count))
    roots = np.stack([rng.uniform(-0.05, 1.05, count), heights]) * canvas.side
    near = 0.5 + (heights - low) / max(1e-6, high - low)
    lean = np.stack([rng.normal(0, 0.25, count), -np.ones(count)])
    bend = np.stack([rng.normal(0, 0.35, count), np.zeros(count)])
    reach = length * canvas.side * near * rng.uniform(0.5, 1.2, count)
    paths, along = blades(roots, lean, reach, bend)
    own = colours[rng.integers(0, len(colours), count)] * rng.normal(1, 0.12, (count, 1))
    canvas.draw(paths, own.astype(np.float32), 0.6 + 0.6 * along)
