"""Does the served bundle answer as the trained network did? fastai's own validation output beside Ursa's, per file.

`make bench-parity` trains a small network on drawn pictures and asks both about 500 files: every format, many modes,
sizes and EXIF rotations. `--pictures DIR` takes a folder of class folders instead. Prints a table and a line of JSON;
fails when a top class differs or a probability is further away than 1e-3.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.calibration import softmax
from classifier.classifier import Classifier
from classifier.orientation import ORIENTATION
from classifier.pictures import open_picture
from retrain.bundling import Material, make_bundle
from retrain.making import squished
from retrain.progress import nobody
from retrain.samples import CLASSES, draw
from store.training_sets import Row

MOST_APART = 1e-3
SIDES = (24, 60, 96, 131, 200, 333, 512)
# format, mode of the pixels, whether it can carry EXIF
KINDS = (
    ("jpeg", "RGB", True),
    ("jpeg", "L", True),
    ("jpeg", "CMYK", True),
    ("png", "RGB", True),
    ("png", "RGBA", True),
    ("png", "L", False),
    ("png", "LA", False),
    ("png", "P", False),
    ("png", "1", False),
    ("png", "I;16", False),
    ("webp", "RGB", True),
    ("webp", "RGBA", True),
    ("bmp", "RGB", False),
    ("bmp", "P", False),
    ("tiff", "RGB", True),
    ("tiff", "CMYK", False),
    ("tiff", "I;16", False),
    ("tiff", "1", False),
    ("gif", "P", False),
    ("gif", "L", False),
)


@dataclass(frozen=True)
class File:
    """A picture file of a class; `kind` says what is special about it."""

    data: bytes
    label: str
    kind: str

    @property
    def digest(self) -> str:
        """As the store would name it."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Figures:
    """Of one kind of file, or of all: how many, how many top classes differ, the largest gap of a probability."""

    files: int
    differ: int
    largest: float


def varied(scenes: Sequence[tuple[Image.Image, str]], many: int, seed: int) -> list[File]:
    """`many` files of the scenes (RGB): kinds in turn, sizes, qualities and rotations by chance."""
    rng = np.random.default_rng(seed)
    files = []
    for number in range(many):
        image, label = scenes[number % len(scenes)]
        format, mode, rotates = KINDS[number % len(KINDS)]
        sides = (int(rng.choice(SIDES)), int(rng.choice(SIDES)))
        turn = int(rng.integers(1, 9)) if rotates else 1
        data = _encode(image.resize(sides), format, mode, turn, int(rng.integers(40, 96)))
        files.append(File(data, label, f"{format} {mode}{' turned' if turn > 1 else ''}"))
    return files


def _encode(image: Image.Image, format: str, mode: str, turn: int, quality: int) -> bytes:
    if mode == "I;16":
        grey = np.asarray(image.convert("L")).astype(np.uint16)
        image = Image.fromarray(grey * 257)
    elif mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    else:
        image = image.convert(mode)
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    options: dict[str, Any] = {"exif": exif} if turn > 1 else {}
    if format in ("jpeg", "webp"):
        options["quality"] = quality
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def train_and_compare(
    files: Sequence[File], training: Sequence[File], size: int, epochs: int, architecture: str
) -> dict[str, Figures]:
    """Train on some files, bundle, and ask both about the others; figures by kind, and under "all"."""
    from fastai.torch_core import to_np
    from torch import nn

    from retrain.exporting import export
    from retrain.train import Opened, Plan, fit

    content = {one.digest: one.data for one in (*files, *training)}
    classes = tuple(sorted({one.label for one in training}))
    splits = ("train", "train", "valid", "train", "calibration")
    rows = [
        Row(one.digest, one.label, splits[place % len(splits)], "folder")
        for place, one in enumerate({one.digest: one for one in training}.values())
    ]
    plan = Plan(architecture, squished(size), epochs, seed=1, device="cpu", scratch=True)
    with tempfile.TemporaryDirectory() as folder:
        opened = Opened(content.__getitem__, Path(folder))
        learner, _ = fit(plan, classes, rows, opened, nobody)
        made = Material(
            export(learner.model, size), architecture, classes, squished(size), rows, {}, 1, 2
        )
        now = datetime(2026, 1, 1, tzinfo=UTC)
        served = make_bundle(Path(folder) / "bundle", made, content.__getitem__, dict, now, nobody)
        asked = [Row(one.digest, classes[0], "valid", "folder") for one in files]
        loader = learner.dls.test_dl(asked)
        with learner.no_bar():
            logits = to_np(learner.get_preds(dl=loader, act=nn.Identity())[0])
    return _compare(files, logits, served)


def _compare(
    files: Sequence[File], fastai: NDArray[np.float32], served: Classifier
) -> dict[str, Figures]:
    """Probabilities as they are served, and as fastai gives them, which is before the calibration."""
    temperature = served.bundle.temperature
    found: dict[str, list[tuple[bool, float]]] = {}
    for one, trained in zip(files, fastai, strict=True):
        opinion = served.opine(open_picture(one.data))
        answer = np.array([opinion.probabilities[name] for name in served.classes])
        apart = max(
            np.abs(answer - softmax(trained, temperature)).max(),
            np.abs(softmax(opinion.logits) - softmax(trained)).max(),
        )
        same = opinion.label == served.classes[int(trained.argmax())]
        for kind in (one.kind, "all"):
            found.setdefault(kind, []).append((same, float(apart)))
    return {
        kind: Figures(len(each), sum(not same for same, _ in each), max(gap for _, gap in each))
        for kind, each in found.items()
    }


def drawn(many: int, seed: int) -> list[tuple[Image.Image, str]]:
    """Scenes of the sample classes."""
    names = [CLASSES[number % len(CLASSES)] for number in range(many)]
    return [(draw(name, seed + number, size=200), name) for number, name in enumerate(names)]


def _in_folder(root: Path, many: int) -> list[tuple[Image.Image, str]]:
    paths = sorted(one for one in root.glob("*/*") if one.is_file())
    step = max(1, len(paths) // many)
    chosen = paths[::step][:many]
    return [
        (Image.fromarray(open_picture(one.read_bytes()).pixels), one.parent.name) for one in chosen
    ]


def main(arguments: list[str] | None = None) -> int:
    """0 when both say the same everywhere."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="a folder of class folders")
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--architecture", default="resnet18")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args(arguments)
    scenes = _in_folder(options.pictures, 240) if options.pictures else drawn(240, 1)
    figures = train_and_compare(
        varied(scenes[120:] + scenes[:120], options.files, 2),
        varied(scenes, 240, 3),
        options.size,
        options.epochs,
        options.architecture,
    )
    print(f"{'kind':<18}{'files':>6}{'top class differs':>20}{'largest gap':>14}")
    for kind, one in sorted(figures.items(), key=lambda each: (each[0] == "all", each[0])):
        print(f"{kind:<18}{one.files:>6}{one.differ:>20}{one.largest:>14.1e}")
    over_all = figures["all"]
    print(json.dumps({"bench": "parity", **vars(over_all), "allowed": MOST_APART}))
    return 0 if over_all.differ == 0 and over_all.largest <= MOST_APART else 1


if __name__ == "__main__":
    sys.exit(main())
