"""The demo's pictures: what the first model learns from, ordinary ones that it never sees, and shifted ones.

Order: sample pictures are drawn, or the caller's folders are read; what is only measured on is set apart first, so
that nobody ever labels it before the second model has been trained. Folders are never changed: held-out pictures of
the training folder stay where they are, and the others are linked to in a folder of the demo's own.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from deploy.demo.report import DidNotHappen

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
HELD_OUT = 0.25  # of the training folder, where no folder of ordinary pictures was given
MOST_MEASURED = {"ordinary": 200, "shift": 300}
SHARES_OF_MEASURED = {"ordinary": 0.5, "shift": 0.25}
LEAST = 40  # pictures of a kind with which anything can be shown
# pictures of each class that are drawn: to learn from, ordinary, and of each shift
DRAWN = {"train": 150, "ordinary": 110, "drawn": 180, "night": 180}


@dataclass(frozen=True)
class Sample:
    """A picture file and its true class, which its folder names."""

    path: Path
    label: str


@dataclass(frozen=True)
class Kind:
    """Pictures of one kind: those that are only `measured` on, and those that come as `traffic`; no picture twice."""

    measured: tuple[Sample, ...]
    traffic: tuple[Sample, ...]


@dataclass(frozen=True)
class Pictures:
    """All that the demo plays with."""

    train: Path
    ordinary: Kind
    shift: Kind


def drawings(folder: Path) -> list[list[str]]:
    """The commands of `python -m retrain` that draw the sample pictures into `folder`."""
    return [
        ["samples", str(folder / name), "--per-class", str(count), "--seed", str(seed)]
        + (["--shift", name] if name in ("drawn", "night") else [])
        for seed, (name, count) in enumerate(DRAWN.items(), 1)
    ]


def drawn(folder: Path) -> Pictures:
    """The sample pictures, once they are drawn: the shift is to drawn ones and night, as many of each."""
    shifted = chain.from_iterable(
        zip(shuffled(folder / "drawn"), shuffled(folder / "night"), strict=True)
    )
    return Pictures(
        folder / "train",
        _parted("ordinary", shuffled(folder / "ordinary")),
        _parted("shift", list(shifted)),
    )


def read(train: Path, shift: Path, ordinary: Path | None, links: Path) -> Pictures:
    """The caller's folders; `links` is a new folder of the demo's own. Raises DidNotHappen with one sentence."""
    classes, shifted = _classes(train), shuffled(shift)
    if unknown := sorted({one.label for one in shifted} - classes):
        raise DidNotHappen(f"{shift} has classes that {train} has not: {', '.join(unknown)}.")
    if ordinary is not None:
        return Pictures(train, _parted("ordinary", shuffled(ordinary)), _parted("shift", shifted))
    everything = shuffled(train)
    kept = round(HELD_OUT * len(everything))
    for one in everything[kept:]:
        link = links / one.path.absolute().relative_to(train.absolute())
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(one.path.absolute())
    return Pictures(links, _parted("ordinary", everything[:kept]), _parted("shift", shifted))


def mixed(*kinds: Sequence[Sample]) -> list[Sample]:
    """One of each kind in turn, until one of them is at its end."""
    return [one for together in zip(*kinds, strict=False) for one in together]


def _parted(kind: str, found: list[Sample]) -> Kind:
    if len(found) < LEAST:
        raise DidNotHappen(f"There are {len(found)} {kind} pictures; {LEAST} are needed.")
    measured = min(MOST_MEASURED[kind], round(SHARES_OF_MEASURED[kind] * len(found)))
    return Kind(tuple(found[:measured]), tuple(found[measured:]))


def _classes(folder: Path) -> set[str]:
    if not folder.is_dir():
        raise DidNotHappen(f"There is no folder {folder}.")
    return {one.name for one in folder.iterdir() if one.is_dir()}


def shuffled(folder: Path) -> list[Sample]:
    """The pictures of a folder of classes, in an order that can be repeated and is none of classes or names.

    Raises DidNotHappen without a folder.
    """
    if not folder.is_dir():
        raise DidNotHappen(f"There is no folder {folder}.")
    paths = sorted(one for one in folder.glob("*/*") if one.suffix.lower() in SUFFIXES)
    random.Random(1).shuffle(paths)  # noqa: S311  # a split that can be repeated, not a secret
    return [Sample(one, one.parent.name) for one in paths]
