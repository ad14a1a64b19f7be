"""The card of a model version: what it was made from, how right it is, and what is missing, in plain numbers.

What stands at the top level in single words and numbers is what pages show; the rest is for whoever asks further.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from retrain.scoring import in_words
from store.training_sets import Row

# whose releases change what a network learns or says
LIBRARIES = ("torch", "torchvision", "timm", "fastai", "onnx", "onnxruntime", "numpy", "pillow")
# under this many held-out pictures of a class its share right is hardly known (+- 15 points)
FEW = 30
# flags need this many held-out pictures (classifier.domain)
FEW_HELD_OUT = 59


@dataclass(frozen=True)
class About:
    """What the writer of a card knows about a training. `began_from`: scratch, incumbent, or whose weights."""

    architecture: str
    size: int
    epochs: Sequence[Mapping[str, float]]
    seed: int
    device: str
    began_from: str
    seconds: float
    training_set: str


def write_card(
    about: About,
    rows: Sequence[Row],
    report: Mapping[str, Any],
    left_out: int = 0,
    learned: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`report` as `bundling.make_bundle` gives it; `learned`: what a retraining gathered."""
    return {
        "accuracy": in_words(dict(report)),
        "calibration_error": report["calibration_error"],
        "architecture": about.architecture,
        "picture_size": about.size,
        "began_from": about.began_from,
        "epochs": len(about.epochs),
        "seed": about.seed,
        "device": about.device,
        "training_seconds": round(about.seconds, 1),
        "training_set": about.training_set,
        **({"new_labels": learned["new"], "parent": learned["parent"]} if learned else {}),
        "unseen": dict(report),
        "data": {
            "class": dict(Counter(row.label for row in rows)),
            "split": dict(Counter(row.split for row in rows)),
            "source": dict(Counter(row.source for row in rows)),
            "left_out": left_out,
        },
        "history": [dict(one) for one in about.epochs],
        "learned": dict(learned or {}),
        "versions": {name: version(name) for name in LIBRARIES},
        "missing": _missing(about, report, left_out, learned),
    }


def _missing(
    about: About,
    report: Mapping[str, Any],
    left_out: int,
    learned: Mapping[str, Any] | None,
) -> list[str]:
    """What this version lacks, a sentence each."""
    held_out = report["domain_pictures"]
    few = [name for name, one in report["by_class"].items() if one["pictures"] < FEW]
    missing = []
    if about.began_from == "scratch":
        missing.append("It began from scratch, without pretrained weights.")
    if few:
        missing.append(
            f"Fewer than {FEW} unseen pictures, so its share right is hardly known: {', '.join(few)}."
        )
    if held_out < FEW_HELD_OUT:
        missing.append(
            f"With {held_out} held-out pictures no picture can be flagged as unlike them."
        )
    if left_out:
        missing.append(f"{left_out} pictures could not be used.")
    if learned and learned["uniform_share"] < learned["uniform_wanted"]:
        missing.append(
            f"{learned['uniform_share']:.0%} of the new labels come from pictures drawn at random;"
            f" {learned['uniform_wanted']:.0%} are wanted, since the others were chosen for being hard."
        )
    return missing
