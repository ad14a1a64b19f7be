"""Make a bundle of an exported network: calibrated, with a reference, a card and answers that it must give.

All figures come from the engine that serves, on pictures that the network was not trained on; only what the
training pictures look like is taken from them. No torch here: what is measured is what will be served.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.bundle import BundleContents, Sample, write_bundle
from classifier.calibration import fit_temperature, softmax
from classifier.classifier import Classifier
from classifier.domain import fit_reference
from classifier.engine import Engine
from classifier.headers import format_of
from classifier.preprocessing import Preprocessing
from retrain.looking import Seen, look
from retrain.progress import Watch
from retrain.scoring import score
from store.training_sets import Row

if TYPE_CHECKING:
    from retrain.exporting import Exported

# training pictures that the reference looks at: neighbours need no more than 2,000, a covariance of some hundred
# features does (classifier.relative)
MOST_TRAINING = 5000
SAMPLES_PER_CLASS = 2
MOST_SAMPLES = 40


@dataclass(frozen=True)
class Material:
    """What a bundle is made from. `unseen`: label by digest of pictures that the model is judged on; `golden`: those
    of them that were set apart from the folder at the start, and therefore are as ordinary as the training pictures.
    """

    exported: "Exported"
    architecture: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    rows: Sequence[Row]
    unseen: Mapping[str, str]
    seed: int
    threads: int
    golden: frozenset[str] = frozenset()


WriteCard = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def make_bundle(
    folder: Path,
    made: Material,
    read: Callable[[str], bytes],
    write_card: WriteCard,
    now: datetime,
    watch: Watch,
) -> Classifier:
    """Write the bundle into `folder` (new) and load it as it will be loaded to answer.

    The domain reference is calibrated on golden pictures too: it learns nothing about labels from them, and the
    more pictures calibrate it, the more it may flag. `write_card` is given the report on the unseen pictures (see
    `scoring.score`) and how many pictures calibrate the reference, as "domain_pictures".
    """
    engine = Engine(made.exported.network, made.threads)
    splits = _by_split(made.rows)
    train = splits["train"][:MOST_TRAINING]
    held_out = [*splits["valid"], *splits["calibration"]]
    unseen = [one for one, label in made.unseen.items() if label in made.classes]
    seen = look(engine, made.preprocessing, [*train, *held_out, *unseen], read, watch)
    labels = {row.picture_digest: made.classes.index(row.label) for row in made.rows}
    calibrating = seen.of(splits["calibration"])
    temperature = fit_temperature(calibrating.logits, [labels[one] for one in calibrating.digests])
    learned, kept_back, judged = seen.of(train), seen.of(held_out), seen.of(unseen)
    ordinary = seen.of([*held_out, *(one for one in unseen if one in made.golden)])
    reference = fit_reference(
        ordinary.properties,
        ordinary.features,
        ordinary.logits,
        learned.features,
        train_properties=learned.properties,
        train_labels=[labels[one] for one in train],
        seed=made.seed,
        temperature=temperature,
    )
    report = score(
        softmax(judged.logits, temperature), [made.unseen[one] for one in unseen], made.classes
    )
    contents = BundleContents(
        created_at=now,
        architecture=made.architecture,
        classes=made.classes,
        network=made.exported.network,
        preprocessing=made.preprocessing,
        temperature=temperature,
        reference=reference,
        samples=_samples(kept_back, labels, made.classes, temperature, read),
        card=write_card({**report, "domain_pictures": len(ordinary.digests)}),
        calibration={"pictures": len(calibrating.digests)},
        weights=made.exported.weights,
    )
    write_bundle(folder, contents)
    return Classifier.load(folder, made.threads)


def _by_split(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Digests in their own order, which is no order of classes, folders or time."""
    splits: dict[str, list[str]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: one.picture_digest):
        splits[row.split].append(row.picture_digest)
    return splits


def _samples(
    seen: Seen,
    labels: Mapping[str, int],
    classes: Sequence[str],
    temperature: float,
    read: Callable[[str], bytes],
) -> list[Sample]:
    """A few held-out pictures of each class, and what the network says of them, right or wrong."""
    each = max(1, min(SAMPLES_PER_CLASS, MOST_SAMPLES // len(classes)))
    chosen: dict[int, list[int]] = defaultdict(list)
    for place, digest in enumerate(seen.digests):
        if len(chosen[labels[digest]]) < each:
            chosen[labels[digest]].append(place)
    shares = softmax(seen.logits, temperature)
    samples = []
    for place in [one for number in sorted(chosen) for one in chosen[number]][:MOST_SAMPLES]:
        digest, data = seen.digests[place], read(seen.digests[place])
        answer = dict(zip(classes, shares[place].tolist(), strict=True))
        samples.append(Sample(f"{digest[:16]}.{format_of(data)}", data, answer))
    return samples
