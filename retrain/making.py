"""From a frozen set to a version that can be registered: train, bundle, prove, keep. No transaction is open here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from classifier.preprocessing import Preprocessing
from retrain.bundling import Material, make_bundle
from retrain.card import About, write_card
from retrain.program import Program
from retrain.progress import Watch
from retrain.unseen import unseen_labels
from store import room, training_sets
from store.errors import Invalid
from store.models import NewVersion
from store.tables import TrainingSet

if TYPE_CHECKING:
    from retrain.train import Plan

# what the libraries' pretrained weights were normalised by
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Request:
    """What to make: how to train on which frozen set, and what the card says besides.

    `left_out`: pictures that could not be used; `learned`: what a retraining gathered; `parent_id` and `job_id` as
    the version's row has them.
    """

    plan: "Plan"
    trained_on: TrainingSet
    left_out: int = 0
    learned: Mapping[str, Any] | None = None
    parent_id: str | None = None
    job_id: str | None = None


def squished(size: int) -> Preprocessing:
    """How a new kind of network gets its pictures: all of the picture, whatever its proportions."""
    return Preprocessing(size, "squish", MEAN, STD)


def make_version(program: Program, asked: Request, watch: Watch) -> NewVersion:
    """A version whose bundle is kept, ready to be registered. What `watch` raises ends it and leaves nothing.

    Raises Unavailable with code `disk_full` where the temporary folder has no room.
    """
    # fastai takes seconds to import, which only those who train should wait for
    from retrain.train import train

    classes = tuple(asked.trained_on.classes)
    with program.database.read() as session:
        rows = training_sets.rows(session, asked.trained_on.id)
        unseen = unseen_labels(session, [asked.trained_on.id]).labels
    if not any(row.split == "calibration" for row in rows):
        raise Invalid("There are too few pictures to calibrate on.", "too_few_pictures")
    started = program.clock()
    trained = train(asked.plan, classes, rows, program.pictures.read, watch)
    about = About(
        architecture=asked.plan.architecture,
        size=asked.plan.preprocessing.size,
        epochs=trained.epochs,
        seed=asked.plan.seed,
        device=trained.device,
        began_from=trained.began_from,
        seconds=(program.clock() - started).total_seconds(),
        training_set=asked.trained_on.digest,
    )
    material = Material(
        exported=trained.exported,
        architecture=asked.plan.architecture,
        classes=classes,
        preprocessing=asked.plan.preprocessing,
        rows=rows,
        unseen={one.picture_digest: one.label for one in unseen},
        golden=frozenset(one.picture_digest for one in unseen if one.source == "folder"),
        seed=asked.plan.seed,
        threads=asked.plan.threads,
    )
    card = partial(write_card, about, rows, left_out=asked.left_out, learned=asked.learned)
    return replace(
        _kept(program, material, card, watch),
        training_set_id=asked.trained_on.id,
        parent_id=asked.parent_id,
        job_id=asked.job_id,
    )


def _kept(program: Program, material: Material, card: Any, watch: Watch) -> NewVersion:
    with room.temporary("ursa-bundle-") as folder:
        proved = make_bundle(
            folder / "bundle", material, program.pictures.read, card, program.clock(), watch
        )
        watch("export", 1.0, "keeping the bundle")
        return NewVersion(
            bundle_digest=program.bundles.keep(proved.bundle.folder),
            bundle_bytes=proved.bundle.size_bytes,
            classes=list(proved.classes),
            card=dict(proved.bundle.card),
        )
