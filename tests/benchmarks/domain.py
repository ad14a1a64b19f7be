"""Do the domain scores see what confidence does not? Trained from scratch on ordinary pictures, asked about shifts.

Each seed leaves out one class (it is the shift "held-out classes"), keeps 15 % of the other pictures to test on and
600 (40 % at least) to calibrate on, trains on the rest by the project's own training, and bundles. Every set goes
through one encoder. Whether flags keep their promise is judged on simulated scores.

    make bench-domain
    .venv/bin/python -m tests.benchmarks.domain --pictures DIR --seeds 5

DIR holds `photo` (three or more class folders) and, where there are any, `sketch` and `cartoon` (folders of
pictures); or it holds the class folders themselves. Without a folder the project draws its sample pictures.
"""

import argparse
import hashlib
import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.calibration import softmax
from classifier.classifier import Classifier
from classifier.engine import Engine
from classifier.look import JUDGED
from classifier.pictures import open_picture
from classifier.properties import measure
from retrain.bundling import Material, make_bundle
from retrain.looking import Seen, look
from retrain.making import squished
from retrain.progress import nobody
from retrain.samples import CLASSES, draw
from store.training_sets import Row
from tests.benchmarks.separating import allowance, auroc, best, flag_rates, fpr95, splits_over
from tests.benchmarks.shifted import SHIFTS, encode, unit

PACS = Path("../shared/data/pacs")
DRAWN_PER_CLASS = 300
TEST, HELD_OUT, ENOUGH = 0.15, 0.40, 600
MOST_SHIFTED, UNITS = 400, 300
# of the calibration pictures; training looks at them after every epoch
VALIDATION = 60
SPLITS = 1000
MADE = datetime(2026, 1, 1, tzinfo=UTC)
SINGLE = ("look", "feature", "knn", "gen", "rmds")

Floats = NDArray[np.float64]
Scores = Mapping[str, Floats]


@dataclass(frozen=True)
class World:
    """Ordinary pictures (encoded) by class; other styles of them by name."""

    ordinary: Mapping[str, Sequence[bytes]]
    styles: Mapping[str, Sequence[bytes]]


@dataclass(frozen=True)
class Found:
    """One seed: scores of the ordinary test pictures and of each set, and what was counted and timed."""

    left_out: str
    right: float
    training: int
    calibration: int
    ordinary: Scores
    shifted: Mapping[str, Scores]
    flag_rate: float
    properties_ms: float
    scores_ms: float


def read_world(root: Path | None) -> World:
    """Of a folder, or drawn."""
    if root is None:
        ordinary = {
            name: [encode(draw(name, seed)) for seed in range(DRAWN_PER_CLASS)] for name in CLASSES
        }
        many = MOST_SHIFTED // len(CLASSES)
        drawn = [encode(draw(name, seed, "drawn")) for name in CLASSES for seed in range(many)]
        return World(ordinary, {"sketch": drawn})
    photos = root / "photo" if (root / "photo").is_dir() else root
    folders = sorted(one for one in photos.iterdir() if one.is_dir())
    styles = {name: _some(root / name) for name in ("sketch", "cartoon") if (root / name).is_dir()}
    return World({one.name: _read(sorted(one.rglob("*"))) for one in folders}, styles)


def _some(folder: Path) -> list[bytes]:
    paths = sorted(one for one in folder.rglob("*") if one.is_file())
    chosen = np.random.default_rng(0).permutation(len(paths))[:MOST_SHIFTED]
    return _read([paths[place] for place in np.sort(chosen)])


def _read(paths: Sequence[Path]) -> list[bytes]:
    files = [one for one in paths if one.is_file()]
    return [encode(Image.fromarray(open_picture(one.read_bytes()).pixels)) for one in files]


def sets_of(world: World, left_out: str, test: Sequence[bytes], seed: int) -> dict[str, Any]:
    """Every shifted set by name, as encoded pictures."""
    rng = np.random.default_rng(seed)
    images = [Image.fromarray(open_picture(one).pixels) for one in test]
    return {
        **world.styles,
        **{name: [encode(shift(one, rng)) for one in images] for name, shift in SHIFTS.items()},
        "held-out classes": world.ordinary[left_out],
        "unit": [encode(unit(number, seed)) for number in range(UNITS)],
    }


def run(world: World, seed: int, options: argparse.Namespace) -> Found:
    """Split, train, bundle and ask, for one seed."""
    names = sorted(world.ordinary)
    left_out = names[seed % len(names)]
    classes = tuple(one for one in names if one != left_out)
    content = {_digest(one): one for name in classes for one in world.ordinary[name]}
    labels = {_digest(one): name for name in classes for one in world.ordinary[name]}
    order = np.random.default_rng(seed).permutation(sorted(content)).tolist()
    tested = round(TEST * len(order))
    held = max(round(HELD_OUT * len(order)), min(ENOUGH, len(order) // 2))
    test, held_out, train = order[:tested], order[tested:][:held], order[tested + held :]
    splits = dict.fromkeys(train, "train") | dict.fromkeys(held_out, "calibration")
    splits |= dict.fromkeys(held_out[:VALIDATION], "valid")
    rows = [Row(one, labels[one], split, "folder") for one, split in splits.items()]
    sets = sets_of(world, left_out, [content[one] for one in test], seed)
    content |= {_digest(one): one for pictures in sets.values() for one in pictures}
    with tempfile.TemporaryDirectory() as folder:
        served = _train(Path(folder) / "bundle", rows, classes, content, seed, options)

        engine = Engine(served.bundle.network)

        def seen(digests: Sequence[str]) -> Seen:
            how = served.bundle.preprocessing
            return look(engine, how, digests, content.__getitem__, nobody)

        asked, known = seen(test), seen(held_out)
        shifted = {name: seen([_digest(one) for one in them]) for name, them in sets.items()}
    properties_ms, scores_ms = _timed(served, [content[one] for one in test[:200]], asked)
    right = [
        classes[int(one.argmax())] == labels[d] for one, d in zip(asked.logits, test, strict=True)
    ]
    return Found(
        left_out=left_out,
        right=float(np.mean(right)),
        training=len(train),
        calibration=len(served.bundle.reference.calibration),
        ordinary=_scores(served, asked),
        shifted={name: _scores(served, one) for name, one in shifted.items()},
        flag_rate=_flag_rate(served, known, asked, seed),
        properties_ms=properties_ms,
        scores_ms=scores_ms,
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _train(
    folder: Path,
    rows: Sequence[Row],
    classes: tuple[str, ...],
    content: Mapping[str, bytes],
    seed: int,
    options: argparse.Namespace,
) -> Classifier:
    # fastai takes seconds to import, which reading the help should not
    from retrain.train import Plan, train

    preprocessing = squished(options.size)
    plan = Plan(
        options.architecture, preprocessing, options.epochs, seed, device="cpu", scratch=True
    )
    trained = train(plan, classes, rows, content.__getitem__, nobody)
    made = Material(
        trained.exported, options.architecture, classes, preprocessing, rows, {}, seed, threads=2
    )
    return make_bundle(folder, made, content.__getitem__, dict, MADE, nobody)


def _scores(served: Classifier, seen: Seen) -> dict[str, Floats]:
    reference = served.bundle.reference
    sure = softmax(seen.logits, served.bundle.temperature).max(axis=1)
    sides = reference.look.scores(seen.properties)[0]
    properties = np.maximum(*np.split(sides, 2, axis=1))
    return {
        **reference.scores(seen.properties, seen.features, seen.logits),
        "confidence": -sure,
        **{f"tail of {name}": one for name, one in zip(JUDGED, properties.T, strict=True)},
    }


def _flag_rate(served: Classifier, known: Seen, new: Seen, seed: int) -> float:
    """Over 20 ways to choose which of the pictures the network has not seen calibrate."""
    ask = served.bundle.reference.singles
    singles = [ask(one.properties, one.features, one.logits) for one in (known, new)]
    return float(flag_rates(np.concatenate(singles), len(known.digests), 20, seed).mean())


def _timed(served: Classifier, files: Sequence[bytes], seen: Seen) -> tuple[float, float]:
    """Medians over pictures taken one by one, in milliseconds: properties; all scores with the projection."""
    pictures, reference = [open_picture(one) for one in files], served.bundle.reference
    measured, scored = [], []
    for place, picture in enumerate(pictures):
        started = perf_counter()
        properties = measure(picture)
        between = perf_counter()
        reference.score(properties, seen.features[place], seen.logits[place])
        reference.project(seen.features[place])
        measured.append(between - started)
        scored.append(perf_counter() - between)
    return 1000 * float(np.median(measured)), 1000 * float(np.median(scored))


def summary(found: Sequence[Found]) -> dict[str, Any]:
    """Means of seeds, and the largest gap to a best single score beyond what is allowed."""
    figures: dict[str, Any] = {}
    gaps = []
    for name in found[0].shifted:

        def mean(score: str, how: Any = auroc, name: str = name) -> float:
            pairs = [(one.ordinary[score], one.shifted[name][score]) for one in found]
            return float(np.mean([how(*pair) for pair in pairs]))

        single, highest = best({one: mean(one) for one in SINGLE if one in found[0].ordinary})
        tail, of_tail = best({one: mean(one) for one in found[0].ordinary if "tail" in one})
        gaps.append(highest - mean("domain") - allowance(highest))
        figures[name] = {
            "auroc": mean("domain"),
            "fpr95": mean("domain", fpr95),
            "best_single": highest,
            "confidence": mean("confidence"),
            "best_single_is": single,
            "look": mean("look"),
            "feature": mean("feature"),
            "best_property": of_tail,
            "best_property_is": tail.removeprefix("tail of "),
        }
    return {
        **figures,
        "flag_rate_in_domain": float(np.mean([one.flag_rate for one in found])),
        "splits_over_share": splits_over(found[0].calibration, SPLITS, 0),
        "calibration_n": min(one.calibration for one in found),
        "worst_excess_gap": max(gaps),
        "properties_ms": min(one.properties_ms for one in found),
        "scores_ms": min(one.scores_ms for one in found),
        "seeds": len(found),
    }


COLUMNS = ("auroc", "fpr95", "look", "feature", "best_single", "best_property", "confidence")


def tell(found: Sequence[Found], figures: Mapping[str, Any]) -> None:
    """The table for people."""
    for seed, one in enumerate(found):
        print(
            f"seed {seed}: without {one.left_out}, {one.training} trained on, {one.calibration} calibrate,"
            f" {len(one.ordinary['domain'])} tested ({one.right:.0%} right)"
        )
    print(f"\n{'AUROC':<18}" + "".join(f"{name:>15}" for name in COLUMNS))
    for name in found[0].shifted:
        row = figures[name]
        print(f"{name:<18}" + "".join(f"{row[one]:>15.3f}" for one in COLUMNS), end="")
        print(f"  {row['best_single_is']}, {row['best_property_is']}")
    print("\nfpr95: of the fusion. best_property: one tail alone, as if one knew the shift.\n")
    for name in list(figures)[len(found[0].shifted) :]:
        print(f"{name:<22}{figures[name]:>10.4g}")


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and end with one line of JSON."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, default=PACS if PACS.is_dir() else None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--architecture", default="resnet10t")
    options = parser.parse_args(arguments)
    world = read_world(options.pictures)
    found = []
    for seed in range(options.seeds):
        started = perf_counter()
        found.append(run(world, seed, options))
        print(f"seed {seed} of {options.seeds}: {perf_counter() - started:.0f} s", flush=True)
    figures = summary(found)
    tell(found, figures)
    print(json.dumps({"bench": "domain", **figures}))


if __name__ == "__main__":
    main()
