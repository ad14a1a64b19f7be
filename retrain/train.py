"""Train a network on a frozen set: the one place that imports fastai.

Order: pictures opened by the one decoder and resized by the one arithmetic, augmentation for training only, one
cycle, export. Three ways to begin: from scratch, from pretrained weights, from the incumbent's weights.
Touches no database; knows pictures by digest, and says at every batch how far it is, so that it can be stopped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastai.callback import progress, schedule  # noqa: F401  # they give Learner no_bar and fit_one_cycle
from fastai.callback.core import Callback, CancelFitException
from fastai.data.block import CategoryBlock, DataBlock, TransformBlock
from fastai.data.core import DataLoaders
from fastai.data.transforms import IndexSplitter, IntToFloatTensor, Normalize
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.metrics import accuracy
from fastai.torch_basics import Transform
from fastai.torch_core import params, set_seed
from fastai.vision.augment import aug_transforms
from fastai.vision.core import PILImage
from numpy.typing import NDArray

from classifier.pictures import open_picture
from classifier.preprocessing import Preprocessing, resize
from retrain.exporting import Exported, export
from retrain.networks import Network, build, load_state, pretrain
from retrain.progress import Watch
from store import room
from store.errors import Invalid
from store.training_sets import Row

# training pictures are kept this much larger, so that cutting a part out of one costs no sharpness
LARGER = 1.25
SMALLEST_PART = 0.55
_WEIGHTS = {
    "scratch": "none: the network starts from scratch",
    "download": "pretrained, as the library has them",
}
Read = Callable[[str], bytes]


@dataclass(frozen=True)
class Plan:
    """What to train and how. Learning rates are the largest of the cycle.

    `weights`: a folder with pretrained weights; `incumbent`: the weights file of the bundle to go on from;
    with neither, pretrained weights are looked for unless `scratch`. `rate`: of going on from an incumbent;
    `repeats`: how often an epoch shows a picture that people labelled, where a folder's is shown once.
    """

    architecture: str
    preprocessing: Preprocessing
    epochs: int
    seed: int
    batch_size: int = 32
    device: str = "auto"
    threads: int = 2
    weights: Path | None = None
    incumbent: Path | None = None
    scratch: bool = False
    rate: float = 1e-3
    repeats: int = 1


@dataclass(frozen=True)
class Trained:
    """A trained network, and how it went: losses and share right on the validation pictures, by epoch."""

    exported: Exported
    began_from: str
    device: str
    epochs: list[dict[str, float]] = field(default_factory=list)


def train(
    plan: Plan, classes: Sequence[str], rows: Sequence[Row], read: Read, watch: Watch
) -> Trained:
    """Train on the rows of the splits train and valid. Whatever `watch` raises ends it.

    Raises Unavailable with code `disk_full` where the temporary folder has no room for the opened pictures.
    """
    with room.temporary("ursa-train-") as folder:
        learner, began_from = fit(plan, classes, rows, Opened(read, folder), watch)
    watch("export", 0.0, "writing the network")
    exported = export(learner.model, plan.preprocessing.size)
    epochs = [
        dict(zip(("train_loss", "valid_loss", "valid_right"), map(float, values), strict=False))
        for values in learner.recorder.values
    ]
    return Trained(exported, began_from, str(learner.dls.device), epochs)


def fit(
    plan: Plan, classes: Sequence[str], rows: Sequence[Row], opened: "Opened", watch: Watch
) -> tuple[Any, str]:
    """A fitted fastai Learner, and what its network began from."""
    device = choose_device(plan.device)
    torch.set_num_threads(plan.threads)
    set_seed(plan.seed, reproducible=True)
    network = build(plan.architecture, len(classes), plan.preprocessing.size)
    began_from = _begin(network, plan)
    if plan.incumbent is None:
        watch("weights", 1.0, _WEIGHTS.get(began_from, f"pretrained, from {began_from}"))
    dls = _loaders(plan, classes, rows, opened, device)
    watched = _Watched(watch)
    learner = Learner(
        dls,
        network,
        loss_func=CrossEntropyLossFlat(),
        metrics=accuracy,
        splitter=_body_and_head,
        cbs=watched,
    )
    with learner.no_bar(), learner.no_logging():
        _fit(learner, plan, began_from)
    if watched.ended_by is not None:
        raise watched.ended_by
    return learner, began_from


def check(plan: Plan) -> None:
    """Raises Invalid when the plan names what this machine or the libraries do not have."""
    choose_device(plan.device)
    network = build(plan.architecture, 2, plan.preprocessing.size)
    if plan.weights is not None:
        pretrain(network, plan.architecture, plan.weights)


def choose_device(wanted: str) -> str:
    """The device's name: the one that was asked for, or a GPU when there is one. Raises Invalid."""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if wanted == "auto":
        return next(one for one in ("cuda", "mps", "cpu") if there[one])
    if not there.get(wanted, False):
        raise Invalid(f"This machine has no device {wanted!r}.", "no_device")
    return wanted


def _begin(network: Network, plan: Plan) -> str:
    if plan.incumbent is not None:
        load_state(network, plan.incumbent)
        return "incumbent"
    if plan.scratch and plan.weights is None:
        return "scratch"
    return pretrain(network, plan.architecture, plan.weights) or "scratch"


def _fit(learner: Any, plan: Plan, began_from: str) -> None:
    if began_from == "scratch":
        learner.fit_one_cycle(plan.epochs, lr_max=3e-3, wd=0.05)
    elif began_from == "incumbent":
        # lower in the body: new pictures are learned and old ones not forgotten
        learner.fit_one_cycle(plan.epochs, lr_max=slice(0.3 * plan.rate, plan.rate), pct_start=0.3)
    else:
        learner.freeze()
        learner.fit_one_cycle(1, lr_max=2e-3)
        learner.unfreeze()
        learner.fit_one_cycle(max(1, plan.epochs - 1), lr_max=slice(1e-4, 1e-3), pct_start=0.3)


def _body_and_head(network: Network) -> list[Any]:
    return [params(network.body), params(network.head)]


def _loaders(
    plan: Plan, classes: Sequence[str], rows: Sequence[Row], opened: "Opened", device: str
) -> Any:
    rows = [one for row in rows for one in [row] * _times(plan, row)]
    valid = [place for place, row in enumerate(rows) if row.split == "valid"]
    training = len(rows) - len(valid)
    if training < 2 or not valid:
        raise Invalid("There are too few pictures to train on.", "too_few_pictures")
    served = plan.preprocessing
    larger = replace(served, size=round(served.size * LARGER))
    block = DataBlock(
        blocks=(
            TransformBlock(
                type_tfms=[_Open(opened, larger, 0), _Open(opened, served, 1)],
                item_tfms=[_CutOut(served, plan.seed)],
                batch_tfms=[IntToFloatTensor()],
            ),
            CategoryBlock(vocab=list(classes), sort=False),
        ),
        get_x=attrgetter("picture_digest"),
        get_y=attrgetter("label"),
        splitter=IndexSplitter(valid),
        batch_tfms=[
            *aug_transforms(max_zoom=1.0, max_warp=0.1),
            Normalize.from_stats(served.mean, served.std, cuda=False),
        ],
    )
    loaders: DataLoaders = block.dataloaders(
        rows, bs=min(plan.batch_size, training), num_workers=0, device=torch.device(device)
    )
    return loaders


def _times(plan: Plan, row: Row) -> int:
    if row.split == "train":
        return 1 if row.source == "folder" else plan.repeats
    return int(row.split == "valid")


class Opened:
    """Pictures by digest at the size that is asked for; each is decoded once and then lies in `folder`."""

    def __init__(self, read: Read, folder: Path) -> None:
        self._read, self._folder = read, folder

    def at(self, digest: str, preprocessing: Preprocessing) -> NDArray[np.uint8]:
        """uint8 (size, size, 3)."""
        file = self._folder / f"{digest}-{preprocessing.size}.npy"
        if file.exists():
            kept: NDArray[np.uint8] = np.load(file)
            return kept
        pixels = resize(open_picture(self._read(digest)).pixels, preprocessing)
        written = BytesIO()
        # not to the file itself: NumPy closes it without a look at whether the disk has taken the rest
        np.save(written, pixels)
        file.write_bytes(written.getbuffer())
        return pixels


class _Open(Transform):  # type: ignore[misc]  # fastai ships no types
    """Opens a picture as it will be served (validation, 1), or larger (training, 0)."""

    def __init__(self, opened: Opened, preprocessing: Preprocessing, split: int) -> None:
        super().__init__(split_idx=split)
        self._opened, self._preprocessing = opened, preprocessing

    def encodes(self, digest: str) -> PILImage:
        return PILImage.create(self._opened.at(digest, self._preprocessing))


class _CutOut(Transform):  # type: ignore[misc]  # fastai ships no types
    """Cuts a random part out of a training picture and brings it to the size that is served."""

    def __init__(self, preprocessing: Preprocessing, seed: int) -> None:
        super().__init__(split_idx=0)
        self._rng = np.random.default_rng(seed)
        self._preprocessing = replace(preprocessing, method="squish")

    def encodes(self, image: PILImage) -> PILImage:
        pixels = np.asarray(image)
        height, width = pixels.shape[:2]
        part = self._rng.uniform(SMALLEST_PART, 1.0) ** 0.5
        stretch = self._rng.uniform(0.85, 1.18) ** 0.5
        h, w = (
            min(height, round(height * part * stretch)),
            min(width, round(width * part / stretch)),
        )
        top, left = self._rng.integers(height - h + 1), self._rng.integers(width - w + 1)
        cut = pixels[top : top + h, left : left + w]
        return PILImage.create(resize(np.ascontiguousarray(cut), self._preprocessing))


class _Watched(Callback):  # type: ignore[misc]  # fastai ships no types
    """Says before every batch how far the training is, and lets whoever watches end it."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch
        self.ended_by: Exception | None = None

    def before_batch(self) -> None:
        if self.ended_by is None and self.training:
            done = (self.epoch + self.iter / self.n_iter) / self.n_epoch
            note = f"epoch {self.epoch + 1} of {self.n_epoch}{self._right()}"
            try:
                self._watch("train", done, note)
            except Exception as error:  # noqa: BLE001  # raised again: fastai would alter its words
                self.ended_by = error
        if self.ended_by is not None:
            raise CancelFitException

    def _right(self) -> str:
        values = self.learn.recorder.values
        return f", {float(values[-1][-1]):.0%} of the validation pictures right" if values else ""
