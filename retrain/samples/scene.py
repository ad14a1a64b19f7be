"""Everything that is chosen about one picture, from its class and its seed alone.

The same scene is painted, drawn with a pencil, or seen by night, blurred and from far away: a shift changes how
the world is seen, never what stands in it. Each part of a picture draws its chances from a stream of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from retrain.samples import coat, indoors, light, outdoors, teddy, wild
from retrain.samples.body import HEAD_PARTS, Body
from retrain.samples.easel import Easel
from retrain.samples.solid import Camera

CLASSES = ("black", "grizzly", "teddy")
OUTDOORS: dict[str, Callable[[Easel], None]] = {
    "forest": outdoors.forest,
    "meadow": outdoors.meadow,
    "river": outdoors.river,
    "snow": outdoors.snow,
    "rocks": outdoors.rocks,
}
INDOORS: dict[str, Callable[[Easel], None]] = {
    "room": indoors.room,
    "shelf": indoors.shelf,
    "bed": indoors.bed,
    "sofa": indoors.sofa,
    "enclosure": indoors.enclosure,
}
COATS = {"black": coat.black, "grizzly": coat.grizzly, "teddy": coat.teddy}
# how often each class is seen outdoors: never so often that the place gives the class away
OUTDOORS_SHARE = {"black": 0.72, "grizzly": 0.72, "teddy": 0.45}
PLACE, FUR, GROUND, TUFTS, COVER, SENSOR, SHIFT = range(1, 8)  # streams of chance
FAR = 0.15  # the longer side of a far bear, as a share of the frame


@dataclass(frozen=True)
class Scene:
    body: Body
    coat: coat.Coat
    light: light.Light
    camera: Camera  # in shares of the frame
    place: str
    horizon: float
    feet: float
    soft: float  # how far the backdrop is out of focus
    cover: float  # how much stands in front of the bear
    noise: float
    seeds: tuple[int, int]

    def stream(self, number: int) -> np.random.Generator:
        """Chances for one part of the picture, whatever the other parts use up."""
        return np.random.default_rng([*self.seeds, number])

    @property
    def indoors(self) -> bool:
        return self.place in INDOORS

    def paint_place(self, easel: Easel) -> None:
        (INDOORS if self.indoors else OUTDOORS)[self.place](easel)

    def far(self) -> Scene:
        """The same scene from so far that the bear is tiny, whole, and on the ground."""
        every = frozenset(ball.part for ball in self.body.solid.balls)
        left, top, right, bottom = self.camera.framing(self.body.solid, every)
        scale = FAR / max(right - left, bottom - top)
        feet = self.horizon + 0.3 * (0.9 - self.horizon)
        middle = 0.2 + 0.6 * float(self.stream(SHIFT).random())
        x, y = middle - scale * (left + right) / 2, feet - scale * bottom
        camera = replace(self.camera, scale=scale, x=x, y=y)
        return replace(self, camera=camera, feet=feet, soft=0.002, cover=min(self.cover, 0.4))


def compose(class_name: str, seed: int) -> Scene:
    """Choose a scene. ValueError for an unknown class or a negative seed."""
    if class_name not in CLASSES:
        raise ValueError(f"no class {class_name!r}; there are {', '.join(CLASSES)}")
    if seed < 0:
        raise ValueError(f"a seed is not negative: {seed}")
    seeds = (seed, CLASSES.index(class_name))
    rng = np.random.default_rng([*seeds, 0])
    outside = bool(rng.random() < OUTDOORS_SHARE[class_name])
    place = str(rng.choice(list(OUTDOORS if outside else INDOORS)))
    yaw = rng.choice([-1, 1]) * rng.choice([rng.uniform(0, 0.5), rng.uniform(0.5, 1.25), 1.5])
    bear = _teddy(rng) if class_name == "teddy" else _wild(rng, class_name == "grizzly", yaw)
    camera, feet = _frame(rng, bear, yaw)
    return Scene(
        body=bear,
        coat=COATS[class_name](rng),
        light=light.choose(rng, not outside),
        camera=camera,
        place=place,
        horizon=float(np.clip(feet - rng.uniform(0.2, 0.5), 0.25, 0.68)),
        feet=feet,
        soft=rng.uniform(0.002, 0.012),
        cover=float(rng.choice([0.0, rng.uniform(0.2, 1.0)], p=[0.5, 0.5])),
        noise=rng.uniform(1.0, 5.0),
        seeds=seeds,
    )


def _wild(rng: np.random.Generator, grizzly: bool, yaw: float) -> Body:
    pose = str(rng.choice(wild.POSES, p=[0.4, 0.25, 0.22, 0.13]))
    # a bear seen from the side often looks round at whoever takes its picture
    towards_us = -yaw * rng.choice([0.0, rng.uniform(0.2, 0.75)])
    gesture = wild.Gesture(
        pose=pose,
        stride=rng.uniform(0.12, 0.45) * rng.choice([-1, 1])
        if pose == "walking"
        else rng.normal(0, 0.04),
        head_yaw=float(np.clip(towards_us + rng.normal(0, 0.12), -1.1, 1.1)),
        head_pitch=rng.normal(-0.08, 0.13),
        head_roll=rng.normal(0, 0.06),
        carry=rng.uniform(-0.15, 0.15),
    )
    return wild.body(wild.build(rng, grizzly), gesture)


def _teddy(rng: np.random.Generator) -> Body:
    arms = (rng.uniform(-1.0, 0.5), rng.uniform(-1.0, 0.5))
    seat = teddy.Seat(
        standing=bool(rng.random() < 0.25),
        arms=arms,
        spread=rng.uniform(0.05, 0.3),
        head_yaw=rng.normal(0, 0.2),
        head_pitch=rng.normal(0, 0.1),
        head_roll=rng.normal(0, 0.12),
    )
    return teddy.body(teddy.cut(rng), seat)


def _frame(rng: np.random.Generator, bear: Body, yaw: float) -> tuple[Camera, float]:
    """A camera that shows the whole bear, or its head from near. Returns it and where the feet are."""
    pitch = rng.uniform(0.02, 0.3)
    close = bool(rng.random() < 0.13)
    every = frozenset(ball.part for ball in bear.solid.balls)
    plain = Camera(yaw, pitch)
    left, top, right, bottom = plain.framing(bear.solid, HEAD_PARTS if close else every)
    share = rng.uniform(0.62, 0.8) if close else rng.uniform(0.62, 0.95)
    scale = share / max(right - left, bottom - top)
    spare = 1 - scale * (right - left)
    x = spare * rng.uniform(0.3, 0.7) - scale * left
    if close:
        y = rng.uniform(0.4, 0.5) - scale * (top + bottom) / 2
        return Camera(yaw, pitch, scale, x, y), 1.15
    room = 1 - scale * (bottom - top)
    y = 1 - room * rng.uniform(0.2, 0.6) - scale * bottom
    return Camera(yaw, pitch, scale, x, y), float(y + scale * bottom)
