"""Places indoors. The bear stands or sits where `feet` is: on a floor, a board, a bed, a seat, or in an enclosure."""

from __future__ import annotations

from retrain.samples.easel import Colour, Easel

WALLS: list[Colour] = [
    (214, 204, 186),
    (178, 190, 196),
    (206, 186, 178),
    (168, 178, 156),
    (226, 224, 218),
]
WOODS: list[Colour] = [(150, 108, 70), (178, 138, 96), (112, 78, 52), (196, 164, 124)]
CLOTHS: list[Colour] = [
    (130, 60, 62),
    (74, 96, 128),
    (150, 140, 122),
    (92, 110, 84),
    (176, 150, 128),
    (96, 84, 100),
]


def room(e: Easel) -> None:
    """A wall, often with a window, and a wooden floor."""
    wall = _wall(e)
    if e.rng.random() < 0.6:
        x, y = e.rng.uniform(0.05, 0.7), e.rng.uniform(0.03, 0.12)
        width, height = e.rng.uniform(0.16, 0.34), e.horizon * e.rng.uniform(0.45, 0.7)
        e.box(x, y, x + width, y + height, e.vary((236, 232, 222), 0.03))
        pane = e.vary(((196, 216, 236), (96, 120, 96), (208, 178, 120))[e.rng.integers(3)])
        e.box(x + 0.02, y + 0.02, x + width - 0.02, y + height - 0.02, pane)
        e.line([(x + width / 2, y), (x + width / 2, y + height)], (236, 232, 222), 0.012)
    wood = e.vary(WOODS[e.rng.integers(4)])
    _floor(e, wood)
    skirting = (min(255, wall[0] + 18), min(255, wall[1] + 18), min(255, wall[2] + 18))
    e.box(-0.01, e.horizon - 0.035, 1.01, e.horizon, skirting)
    if e.rng.random() < 0.5:
        rug = e.vary(CLOTHS[e.rng.integers(6)])
        e.oval(e.rng.uniform(0.3, 0.7), e.feet, 0.5, 0.1, rug)


def shelf(e: Easel) -> None:
    """Books with gaps between them."""
    wood = e.vary(WOODS[e.rng.integers(4)])
    e.fade(e.vary(wood, 0.1), (int(wood[0] * 0.6), int(wood[1] * 0.6), int(wood[2] * 0.6)))
    x = -0.02
    while x < 1.0:
        width = e.rng.uniform(0.025, 0.075)
        if e.rng.random() < 0.78:
            spine = e.vary(CLOTHS[e.rng.integers(6)], 0.25)
            top = e.feet - e.rng.uniform(0.35, 0.62)
            e.box(x, top, x + width, e.feet, spine)
            e.box(x, top + 0.05, x + width, top + 0.065, e.vary((214, 186, 120)), outline=False)
        x += width + 0.004
    edge = min(0.97, e.feet + 0.05)
    e.box(-0.01, e.feet - 0.02, 1.01, edge, e.vary(wood, 0.04))
    e.box(-0.01, edge, 1.01, edge + 0.02, (70, 50, 36))
    e.fade((52, 40, 32), (78, 60, 46), min(0.99, edge + 0.02), 1)


def bed(e: Easel) -> None:
    """A headboard, two pillows and a quilt."""
    _wall(e)
    head = e.vary(WOODS[e.rng.integers(4)])
    e.box(0.02, e.horizon - 0.28, 0.98, e.horizon + 0.1, head)
    for x in (0.08, 0.53):
        e.oval(x + 0.19, e.horizon + 0.02, 0.24, 0.12, e.vary((232, 230, 226), 0.04))
    quilt = e.vary(CLOTHS[e.rng.integers(6)])
    e.fade(quilt, e.vary(quilt, 0.08), e.horizon + 0.06, 1)
    other = e.vary(CLOTHS[e.rng.integers(6)])
    rows = 4
    for row in range(rows):
        high = e.horizon + 0.06 + (1 - e.horizon) * (row / rows) ** 1.3
        low = e.horizon + 0.06 + (1 - e.horizon) * ((row + 1) / rows) ** 1.3
        for patch in range(-4, 5):
            if (patch + row) % 2 == 0:
                near, far = 0.14 + 0.09 * (row + 1), 0.14 + 0.09 * row
                corners = [(0.5 + patch * far, high), (0.5 + (patch + 1) * far, high)]
                corners += [(0.5 + (patch + 1) * near, low), (0.5 + patch * near, low)]
                e.shape(corners, e.vary(other, 0.05))
    e.mottle(0.14, 6, e.horizon + 0.06, 1)


def sofa(e: Easel) -> None:
    """A back, two seats and cushions."""
    _wall(e)
    cloth = e.vary(CLOTHS[e.rng.integers(6)])
    top = e.feet - e.rng.uniform(0.42, 0.55)
    dark = (int(cloth[0] * 0.72), int(cloth[1] * 0.72), int(cloth[2] * 0.72))
    e.box(-0.01, top, 1.01, e.feet - 0.05, cloth)
    e.oval(0.25, top, 0.28, 0.045, cloth, outline=False)
    e.oval(0.75, top, 0.28, 0.045, cloth, outline=False)
    e.line([(0.5, top - 0.03), (0.5, e.feet)], dark, 0.014)
    e.fade(e.vary(cloth, 0.04), dark, e.feet - 0.08, 1)
    e.line([(0, e.feet - 0.08), (1, e.feet - 0.08)], dark, 0.016)
    e.line([(0, min(0.98, e.feet + 0.1)), (1, min(0.98, e.feet + 0.1))], dark, 0.016)
    if e.rng.random() < 0.6:
        x, y = e.rng.choice([0.12, 0.88]), e.feet - 0.2
        pillow = [
            (x - 0.13, y - 0.12),
            (x + 0.13, y - 0.14),
            (x + 0.14, y + 0.12),
            (x - 0.14, y + 0.13),
        ]
        e.shape(pillow, e.vary(CLOTHS[e.rng.integers(6)], 0.2))
    e.mottle(0.12, 8)


def enclosure(e: Easel) -> None:
    """A concrete pen, as in a zoo or a museum."""
    grey = e.vary((152, 148, 140))
    e.fade(grey, e.vary(grey, 0.08), 0, e.horizon)
    e.mottle(0.16, 5, 0, e.horizon)
    for column in range(1, 4):
        x = column / 4 + e.rng.normal(0, 0.02)
        e.line([(x, 0), (x, e.horizon)], e.vary((112, 108, 102), 0.05), 0.008)
    e.fade(e.vary((134, 126, 112)), e.vary((112, 104, 92)), e.horizon, 1)
    e.mottle(0.2, 14, e.horizon, 1)
    for _ in range(int(e.rng.integers(0, 120))):  # straw
        x, y = e.rng.uniform(0, 1), e.rng.uniform(e.horizon, 1)
        end = (x + e.rng.normal(0, 0.03), y + e.rng.normal(0, 0.01))
        e.line([(x, y), end], e.vary((206, 182, 122)), 0.005, outline=False)
    x, wood = e.rng.uniform(0.05, 0.95), e.vary(WOODS[e.rng.integers(4)])
    e.box(x - 0.25, e.horizon - 0.07, x + 0.25, e.horizon + 0.03, wood)
    e.oval(x + 0.25, e.horizon - 0.02, 0.02, 0.05, e.vary((206, 172, 126)))


def _wall(e: Easel) -> Colour:
    wall = e.vary(WALLS[e.rng.integers(5)])
    e.fade(wall, e.vary(wall, 0.06), 0, 1)
    if e.rng.random() < 0.4:
        stripe = e.vary(wall, 0.08)
        count = int(e.rng.integers(6, 14))
        for i in range(count):
            e.box(i / count, 0, (i + 0.5) / count, e.horizon, stripe, outline=False)
    e.mottle(0.08, 3)
    return wall


def _floor(e: Easel, wood: Colour) -> None:
    e.fade((int(wood[0] * 0.8), int(wood[1] * 0.8), int(wood[2] * 0.8)), wood, e.horizon, 1)
    seam = (int(wood[0] * 0.6), int(wood[1] * 0.6), int(wood[2] * 0.6))
    for i in range(-8, 18):
        e.line([(0.5 + (i - 4.5) * 0.06, e.horizon), (0.5 + (i - 4.5) * 0.2, 1.0)], seam, 0.005)
    e.mottle(0.12, 9, e.horizon, 1)
