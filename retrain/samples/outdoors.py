"""Places outdoors. Each paints its backdrop on an easel, the far before the near."""

from __future__ import annotations

from retrain.samples.easel import Colour, Easel

GREENS: list[Colour] = [(82, 112, 66), (66, 96, 62), (108, 130, 74), (60, 86, 66)]
STONES: list[Colour] = [(128, 124, 118), (108, 104, 100), (146, 138, 126), (92, 92, 96)]


def forest(e: Easel) -> None:
    """Trunks in three depths over brown ground."""
    e.fade((142, 160, 126), (96, 118, 84), 0, e.horizon)
    e.mottle(0.5, 9, 0, e.horizon)
    e.fade((98, 100, 62), (122, 108, 72), e.horizon, 1)
    e.mottle(0.35, 12, e.horizon, 1)
    for depth in range(3):
        for _ in range(4 + depth):
            x, width = e.rng.uniform(-0.05, 1.05), (0.015 + 0.018 * depth) * e.rng.uniform(0.7, 1.4)
            bark = e.vary(((132, 132, 116), (104, 94, 80), (82, 68, 56))[depth])
            foot = e.horizon + 0.03 + 0.05 * depth
            e.box(x - width, -0.02, x + width, foot, bark)
            e.box(x, -0.02, x + width, foot, e.vary((50, 42, 36), 0.05), outline=False)
    for _ in range(12):
        x, y = e.rng.uniform(0, 1), e.rng.uniform(0.0, e.horizon)
        leaf = e.vary(GREENS[e.rng.integers(4)], 0.2)
        e.oval(x, y, e.rng.uniform(0.03, 0.1), e.rng.uniform(0.02, 0.05), leaf, outline=False)
    for _ in range(8):
        x, y = e.rng.uniform(0, 1), e.horizon + e.rng.uniform(-0.01, 0.06)
        e.oval(x, y, 0.09, 0.05, e.vary(GREENS[e.rng.integers(4)], 0.15), outline=False)


def meadow(e: Easel) -> None:
    """Grass under a sky, with hills and some conifers behind."""
    e.sky(e.horizon)
    _clouds(e)
    e.ridge(e.horizon - e.rng.uniform(0.06, 0.2), 0.12, e.vary((128, 146, 160), 0.06))
    e.ridge(e.horizon - e.rng.uniform(0.02, 0.08), 0.06, e.vary((96, 120, 100), 0.06))
    for _ in range(int(e.rng.integers(0, 14))):
        x, height = e.rng.uniform(0, 1), e.rng.uniform(0.06, 0.16)
        e.conifer(x, e.horizon + 0.02, height, e.vary((58, 82, 64), 0.1))
    field = e.vary(((128, 142, 70), (150, 146, 84), (104, 132, 66))[e.rng.integers(3)])
    e.fade(field, e.vary((92, 112, 52)), e.horizon, 1)
    e.mottle(0.22, 10, e.horizon, 1)
    for _ in range(int(e.rng.integers(0, 60))):
        x, y = e.rng.uniform(0, 1), e.rng.uniform(e.horizon + 0.02, 1)
        petal = ((238, 226, 120), (240, 240, 240), (206, 130, 190))[e.rng.integers(3)]
        r = 0.003 + 0.006 * (y - e.horizon)
        e.oval(x, y, r, r, petal, outline=False)


def river(e: Easel) -> None:
    """Water with glints before a line of trees."""
    e.sky(e.horizon)
    e.ridge(e.horizon - e.rng.uniform(0.08, 0.2), 0.14, e.vary((112, 130, 142), 0.07))
    for _ in range(26):
        x, height = e.rng.uniform(0, 1), e.rng.uniform(0.1, 0.26)
        e.conifer(x, e.horizon + 0.01, height, e.vary((56, 76, 62), 0.12))
    e.fade(e.vary((104, 130, 136)), e.vary((70, 104, 118)), e.horizon, 1)
    for _ in range(70):
        y = e.horizon + (1 - e.horizon) * e.rng.uniform(0, 1) ** 1.5
        x, reach = e.rng.uniform(0, 1), (0.02 + 0.12 * (y - e.horizon)) * e.rng.uniform(0.4, 1.6)
        ripple = e.vary(((186, 204, 208), (70, 98, 104))[e.rng.integers(2)])
        e.line(
            [(x - reach, y), (x, y + 0.003), (x + reach, y)], ripple, 0.005, outline=reach > 0.04
        )
    _stones(e, 9, e.horizon + 0.05, 1.0, 0.05)


def snow(e: Easel) -> None:
    """White ground, trees with snow, sometimes flakes in the air."""
    e.sky(e.horizon)
    e.ridge(e.horizon - e.rng.uniform(0.05, 0.18), 0.13, e.vary((196, 206, 220), 0.04))
    for _ in range(int(e.rng.integers(5, 16))):
        x, height = e.rng.uniform(0, 1), e.rng.uniform(0.14, 0.36)
        e.conifer(x, e.horizon + 0.02, height, e.vary((66, 84, 84), 0.1), snow=True)
    e.fade((214, 222, 234), (240, 243, 248), e.horizon, 1)
    e.mottle(0.06, 7, e.horizon, 1)
    for _ in range(int(e.rng.integers(0, 160))):
        r = e.rng.uniform(0.002, 0.006)
        e.oval(e.rng.uniform(0, 1), e.rng.uniform(0, 1), r, r, (250, 250, 252), outline=False)


def rocks(e: Easel) -> None:
    """Stones of two sizes before a ridge."""
    e.sky(e.horizon)
    e.ridge(e.horizon - e.rng.uniform(0.1, 0.25), 0.2, e.vary((132, 132, 138), 0.06))
    e.fade(e.vary((150, 142, 128)), e.vary((112, 106, 98)), e.horizon, 1)
    e.mottle(0.25, 24, e.horizon, 1)
    _stones(e, 7, e.horizon - 0.02, e.horizon + 0.08, 0.2)
    _stones(e, 16, e.horizon + 0.06, 1.0, 0.06)


def _stones(e: Easel, count: int, high: float, low: float, size: float) -> None:
    """Boulders, each lit on its upper side."""
    for y in sorted(e.rng.uniform(high, low, count).tolist()):
        x, r = e.rng.uniform(-0.05, 1.05), size * e.rng.uniform(0.4, 1.2)
        stone = e.vary(STONES[e.rng.integers(4)])
        base = [(x - r, y), (x - 0.8 * r, y - 0.5 * r), (x - 0.2 * r, y - 0.9 * r)]
        base += [(x + 0.5 * r, y - 0.75 * r), (x + 0.95 * r, y - 0.3 * r), (x + r, y + 0.02)]
        points = [
            (px + e.rng.normal(0, 0.07 * r), py + e.rng.normal(0, 0.05 * r)) for px, py in base
        ]
        e.shape(points, e.vary(stone, 0.03))
        dark = (int(stone[0] * 0.7), int(stone[1] * 0.7), int(stone[2] * 0.74))
        e.shape(
            [points[0], points[1], (x, y - 0.3 * r), (x + 0.3 * r, y), points[0]],
            dark,
            outline=False,
        )


def _clouds(e: Easel) -> None:
    lit = (26, 26, 26) if e.light.name == "infrared" else (240, 240, 242)
    for _ in range(int(e.rng.integers(0, 5))):
        x, y = e.rng.uniform(0, 1), e.rng.uniform(0, e.horizon * 0.7)
        for _ in range(5):
            dx, dy = e.rng.normal(0, 0.06), e.rng.normal(0, 0.012)
            e.oval(x + dx, y + dy, 0.07, 0.025, lit, outline=False)
