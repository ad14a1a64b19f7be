"""Folders of sample pictures, sheets that show them, and the command that writes them.

Names tell the class and a number; the same seed writes the same files. Nothing that is there is deleted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from retrain.samples.picture import SHIFTS, draw
from retrain.samples.scene import CLASSES

SEEDS_APART = 1_000_000  # so that two folders of different seeds share no picture
ALONE = 48  # fewer pictures than this are drawn sooner without other processes


def write_folder(folder: Path, per_class: int, seed: int, shift: str | None = None) -> list[Path]:
    """Write `folder/class/0001.jpg` and so on; returns the paths, class by class.

    Sides and JPEG quality vary from picture to picture, as they do in pictures that people send.
    ValueError for fewer than one picture, a million or more, a negative seed, or an unknown shift.
    """
    if not 1 <= per_class < SEEDS_APART:
        raise ValueError(
            f"between 1 and {SEEDS_APART - 1} pictures for each class, not {per_class}"
        )
    if seed < 0:
        raise ValueError(f"a seed is not negative: {seed}")
    if shift is not None and shift not in SHIFTS:
        raise ValueError(f"no shift {shift!r}; there are {', '.join(SHIFTS)}")
    wanted = list(_wanted(folder, per_class, seed, shift))
    for class_name in CLASSES:
        (folder / class_name).mkdir(parents=True, exist_ok=True)
    workers = min(os.cpu_count() or 1, 8)
    if len(wanted) < ALONE or workers == 1:
        for each in wanted:
            _write(each)
    else:
        # spawned, since a fork copies whatever threads the caller may have
        start = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=start) as pool:
            list(pool.map(_write, wanted, chunksize=8))
    return [path for path, *_ in wanted]


Wanted = tuple[Path, str, int, str | None]


def _wanted(folder: Path, per_class: int, seed: int, shift: str | None) -> Iterator[Wanted]:
    for class_name in CLASSES:
        for number in range(1, per_class + 1):
            path = folder / class_name / f"{number:04d}.jpg"
            yield path, class_name, seed * SEEDS_APART + number, shift


def _write(wanted: Wanted) -> None:
    path, class_name, seed, shift = wanted
    picture = draw(class_name, seed, shift)
    chance = np.random.default_rng([seed, CLASSES.index(class_name), 99])
    size = picture.size[0]
    cut = int(size * chance.uniform(0, 0.14))
    if chance.random() < 0.5:
        picture = picture.crop((cut // 2, 0, size - cut + cut // 2, size))
    else:
        picture = picture.crop((0, cut, size, size))
    picture.save(path, quality=int(chance.integers(62, 96)))


def contact_sheet(seed: int, size: int = 144) -> Image.Image:
    """Two rows for each class by day, then eight scenes by day and as each shift shows the same eight."""
    columns, label = 8, 22
    rows: list[tuple[str, list[tuple[str, int, str | None]]]] = [
        (name, [(name, seed + 8 * row + i, None) for i in range(columns)])
        for name in CLASSES
        for row in (0, 1)
    ]
    same = [(CLASSES[i % len(CLASSES)], seed + 100 + i) for i in range(columns)]
    rows += [(shift or "by day", [(*scene, shift) for scene in same]) for shift in (None, *SHIFTS)]
    sheet = Image.new("RGB", (columns * size, len(rows) * (size + label)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (name, pictures) in enumerate(rows):
        top = row * (size + label)
        pen.text((4, top + 2), name, (60, 60, 60), font)
        for column, (class_name, number, shift) in enumerate(pictures):
            sheet.paste(draw(class_name, number, shift, size), (column * size, top + label))
    return sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m retrain samples`."""
    parser.add_argument("folder", type=Path, help="where to write FOLDER/class/0001.jpg")
    parser.add_argument("--per-class", type=int, default=150, help="pictures for each class")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same pictures")
    parser.add_argument("--shift", choices=SHIFTS, help="how another camera would see them")


def run(arguments: argparse.Namespace) -> int:
    """Write the folder. 0 when done, 1 with one sentence when it cannot be."""
    try:
        paths = write_folder(arguments.folder, arguments.per_class, arguments.seed, arguments.shift)
    except (OSError, ValueError) as error:
        print(f"cannot draw the sample pictures: {error}", file=sys.stderr)  # noqa: T201 a command prints for people
        return 1
    print(f"{len(paths)} pictures in {arguments.folder}")  # noqa: T201
    return 0
