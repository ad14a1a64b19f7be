"""Are the right pictures, property and segment blamed? `make bench-why`.

Windows of 200 pictures, 40 of them changed in one respect and all from one segment of four, against 500 held-out
pictures. Ordinary and changed ones are written by the same encoder. Only what the pictures look like is used: the
network's columns could add to it and are left out, so that no training is needed.
`--pictures DIR` has photographs anywhere below `photo`; with `sketch` and `cartoon` beside it drawings are tried too.
Without a folder the project draws its sample pictures, and draws some of them with a pencil.
"""

import argparse
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from classifier.pictures import open_picture
from classifier.properties import NAMES, measure
from monitoring import why
from monitoring.why import Judged
from retrain.samples import CLASSES, draw
from tests.benchmarks.shifted import encode

PACS = Path("../shared/data/pacs")
HELD_OUT, PLAIN, STRANGE, WINDOWS = 500, 160, 40, 100
# ordinary ones to choose from, ones to change, drawings
ORDINARY, CHANGED, DRAWINGS = HELD_OUT + PLAIN + 140, 200, 200
QUALITY = 90

Change = tuple[Callable[[Image.Image], Image.Image], int, set[str]]

CHANGES: dict[str, Change] = {
    "grey": (lambda one: one.convert("L"), QUALITY, {"no colour"}),
    "dark": (lambda one: one.point(lambda v: v // 4), QUALITY, {"very dark"}),
    "bright": (lambda one: one.point(lambda v: v // 2 + 128), QUALITY, {"very bright"}),
    "blur": (lambda one: one.filter(ImageFilter.GaussianBlur(4)), QUALITY, {"blurred"}),
    "aspect": (lambda one: one.resize((2 * one.width, one.height)), QUALITY, {"very wide"}),
    "saturation": (lambda one: ImageEnhance.Color(one).enhance(3), QUALITY, {"glaring colours"}),
    "jpeg": (lambda one: one, 8, {"strongly compressed"}),
}
DRAWN = {"drawn: flat white background", "very bright"}


def looked_at(files: Iterable[bytes], change: Change) -> list[dict[str, float]]:
    """The properties of the pictures once they are changed."""
    found = []
    for file in files:
        with Image.open(io.BytesIO(file)) as image:
            changed = change[0](image.convert("RGB")).convert("RGB")
        written = io.BytesIO()
        changed.save(written, "jpeg", quality=change[1])
        found.append(measure(open_picture(written.getvalue())))
    return found


def judge(
    plain: list[dict[str, float]], strange: list[dict[str, float]], right: set[str], seed: int
) -> dict[str, float]:
    """Shares of right pictures, properties and segments over the windows, and the seconds of one explanation."""
    rng = np.random.default_rng(seed)
    pictures, properties, segments, words = 0, 0, 0, Counter[str]()
    started = time.perf_counter()
    for _ in range(WINDOWS):
        order = rng.permutation(len(plain))
        reference = {n: np.array([plain[i][n] for i in order[:HELD_OUT]]) for n in NAMES}
        rows = [
            Judged(f"plain {i}", str(i), "abcd"[rng.integers(4)], plain[i])
            for i in order[HELD_OUT : HELD_OUT + PLAIN]
        ]
        chosen = rng.permutation(len(strange))[:STRANGE]
        rows += [Judged(f"strange {i}", f"s{i}", "b", strange[i]) for i in chosen]
        told = why.explain([rows[i] for i in rng.permutation(len(rows))], reference)
        pictures += sum(one["prediction_id"].startswith("strange") for one in told["pictures"])
        word = told["property"]["words"] if told["property"] else "none"
        words[word] += 1
        properties += word in right
        segments += told["segment"] is not None and told["segment"]["name"] == "b"
    seconds = (time.perf_counter() - started) / WINDOWS
    print(f"    {dict(words.most_common(3))}")
    return {
        "precision": pictures / (WINDOWS * why.MOST_PICTURES),
        "property": properties / WINDOWS,
        "segment": segments / WINDOWS,
        "seconds": round(seconds, 4),
    }


def read(root: Path, seed: int) -> dict[str, list[bytes]]:
    """Of a folder: photographs, and drawings where there are any."""
    rng = np.random.default_rng(seed)

    def some(folder: str, count: int) -> list[bytes]:
        files = sorted(one for one in (root / folder).rglob("*") if one.is_file())
        return [files[place].read_bytes() for place in rng.permutation(len(files))[:count]]

    wanted = {"photo": ORDINARY + CHANGED, "sketch": DRAWINGS, "cartoon": DRAWINGS}
    return {name: some(name, count) for name, count in wanted.items()}


def drawn(seed: int) -> dict[str, list[bytes]]:
    """The sample pictures, of every class in turn."""
    first = 10_000 * seed

    def some(count: int, *how: Any) -> list[bytes]:
        names = [CLASSES[number % len(CLASSES)] for number in range(count)]
        return [encode(draw(name, first + n, *how)) for n, name in enumerate(names)]

    return {"photo": some(ORDINARY + CHANGED), "sketch": some(DRAWINGS, "drawn")}


def main() -> None:
    """A table, then the same as JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, default=PACS if PACS.is_dir() else None)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    world = read(given.pictures, given.seed) if given.pictures else drawn(given.seed)
    same: Change = (lambda one: one, QUALITY, set())
    plain = looked_at(world["photo"][:ORDINARY], same)
    changed = world["photo"][ORDINARY:]
    if len(plain) < ORDINARY or not changed:
        parser.error(f"{ORDINARY + CHANGED} photographs are needed below {given.pictures}/photo")
    print(f"{len(plain)} ordinary pictures, {len(changed)} changed ones in turn")
    figures = {}
    for name, change in CHANGES.items():
        figures[name] = judge(plain, looked_at(changed, change), change[2], given.seed)
    for name in ("sketch", "cartoon"):
        if drawings := world.get(name):
            figures[name] = judge(plain, looked_at(drawings, same), DRAWN, given.seed)
    for name, one in figures.items():
        print(
            f"{name:11} {one['precision']:.3f} {one['property']:.2f} {one['segment']:.2f} {one['seconds']:.3f} s"
        )
    worst = {key: min(one[key] for one in figures.values()) for key in ("precision", "property", "segment")}  # fmt: skip
    print(json.dumps({"bench": "why", "worst": worst, **figures}))


if __name__ == "__main__":
    main()
