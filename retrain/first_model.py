"""The first model version, from a folder that holds a folder of pictures for each class.

Order: verify, refuse what cannot become a model before anything is written, keep pictures, group duplicates, set
golden pictures apart, freeze the set, train, bundle, register. The version and its rollout are one transaction:
what was interrupted leaves pictures and labels behind, which the next run finds, and never half a version.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from retrain.duplicates import same_pictures
from retrain.folder import Folder, read_folder
from retrain.grouping import keep_fingerprints
from retrain.making import Request, make_version, squished
from retrain.program import Program
from retrain.progress import Watch
from retrain.samples import DEFINITIONS
from retrain.splitting import place
from store import command_line, guides, models, pictures, privileged_acts, rollouts, training_sets
from store.database import Session
from store.errors import Conflict, Invalid
from store.rollouts import Actor
from store.tables import ModelVersion, TrainingSet
from store.training_sets import Row

if TYPE_CHECKING:
    from retrain.train import Plan

LEAST_PER_CLASS = 15
EXAMPLES = 6
_AT_ONCE = 500
_SAMPLE_ACTOR = Actor("system", "first-model")
SAMPLE_REASON = "sample model, for trying out"
REASON = "the first model version"


@dataclass(frozen=True)
class Options:
    """What the command's flags say; the defaults suit some hundred photographs of each class on two cores.

    `weights`: a folder with pretrained weights; `sample`: let it answer at once, for trying out.
    """

    size: int = 96
    epochs: int = 30
    architecture: str = "resnet18"
    seed: int = 1
    batch_size: int = 32
    device: str = "auto"
    weights: Path | None = None
    scratch: bool = False
    sample: bool = False


# drawn pictures ask for less, and the sample model is the same whether or not weights can be downloaded
SAMPLE = Options(size=72, architecture="resnet10t", batch_size=16, scratch=True, sample=True)


@dataclass(frozen=True)
class FirstModel:
    """The registered version, its stage (None: another candidate is on its way) and what was left out."""

    version: ModelVersion
    stage: str | None
    folder: Folder


def first_model(program: Program, root: Path, options: Options, watch: Watch) -> FirstModel:
    """Raises Invalid or Conflict with one sentence when there is no way to a model."""
    plan = _plan(program, options)
    _check_alone(program, options)
    folder = read_folder(root, LEAST_PER_CLASS, watch)
    _check_splits(folder)
    keep_pictures(program, folder, watch)
    trained_on = freeze(program, folder)
    new = make_version(program, Request(plan, trained_on, len(folder.left_out)), watch)
    with program.database.write() as session:
        actor, now = command_line.actor(), program.clock()
        version, stage = _register(session, new, options.sample, actor, now)
        subject, reason = f"version {version.number}", SAMPLE_REASON if options.sample else REASON
        detail = {"training_set": trained_on.id, "stage": stage}
        privileged_acts.record(session, actor, "first model", subject, reason, detail, now)
        definitions = DEFINITIONS if options.sample else {}
        _begin_guide(session, trained_on, definitions, program.clock())
    return FirstModel(version, stage, folder)


def _plan(program: Program, options: Options) -> "Plan":
    """What the options mean, checked before anything is read."""
    # fastai takes seconds to import, which only those who train should wait for
    from retrain.train import Plan, check

    plan = Plan(
        architecture=options.architecture,
        preprocessing=squished(options.size),
        epochs=options.epochs,
        seed=options.seed,
        batch_size=options.batch_size,
        device=options.device,
        threads=program.settings.threads,
        weights=options.weights,
        scratch=options.scratch,
    )
    check(plan)
    return plan


def keep_pictures(program: Program, folder: Folder, watch: Watch) -> None:
    """Bytes, rows and groups of all usable pictures. Safe to do again."""
    found = folder.pictures
    for number, one in enumerate(found):
        watch("keep", number / len(found), f"{number} of {len(found)} pictures")
        data = (folder.root / one.path).read_bytes()
        if program.pictures.keep(data) != one.picture.digest:
            raise Invalid(f"{one.path} was changed while it was read.", "changed_picture")
    watch("keep", 1.0, f"{len(found)} pictures")
    for start in range(0, len(found), _AT_ONCE):
        part = [one.picture for one in found[start : start + _AT_ONCE]]
        with program.database.write() as session:
            pictures.record(session, part, "training", program.clock())
    keep_fingerprints(program, {one.picture.digest: one.fingerprint for one in found})


def freeze(program: Program, folder: Folder) -> TrainingSet:
    """Set the golden share apart, with its labels, and freeze the rest."""
    labels = {one.picture.digest: one.label for one in folder.pictures}
    now = program.clock()
    with program.database.write() as session:
        for group, purpose in sorted(set(pictures.purposes(session, list(labels)).values())):
            if purpose == "training" and place(group) == "golden":
                pictures.raise_purpose(session, group, "golden", now)
        grouped = pictures.purposes(session, list(labels))
        golden = {one: labels[one] for one, (_, purpose) in grouped.items() if purpose == "golden"}
        training_sets.keep_golden(session, golden, now)
        rows = [
            Row(digest, labels[digest], place(group), "folder")
            for digest, (group, purpose) in sorted(grouped.items())
            if purpose == "training"
        ]
        return training_sets.freeze(session, folder.classes, rows, now)


def _check_alone(program: Program, options: Options) -> None:
    with program.database.read() as session:
        live = rollouts.live(session)
    if options.sample and (live.incumbent or live.candidate):
        raise Conflict("There is a model already: a sample model is for an empty Ursa only.")


def _check_splits(folder: Folder) -> None:
    """Every class must be learned, and something held back, by the groups as they will most likely be."""
    founder = {one.picture.digest: one.picture.digest for one in folder.pictures}
    for same in same_pictures({one.picture.digest: one.fingerprint for one in folder.pictures}):
        founder.update(dict.fromkeys(same, same[0]))
    splits: dict[str, Counter[str]] = defaultdict(Counter)
    for one in folder.pictures:
        splits[place(founder[one.picture.digest])][one.label] += 1
    lacking = [name for name in folder.classes if splits["train"][name] < 2]
    for share in ("valid", "calibration"):
        lacking += [] if splits[share] else [share]
    if lacking:
        raise Invalid(
            f"There are too few different pictures: nothing would be left for {', '.join(lacking)}.",
            "too_few_pictures",
        )


def _register(
    session: Session, new: models.NewVersion, sample: bool, actor: Actor, now: datetime
) -> tuple[ModelVersion, str | None]:
    version = models.register(session, new, now)
    if rollouts.live(session).candidate is not None:
        return version, None
    if not sample:
        return version, rollouts.open_rollout(session, version.id, actor, REASON, now).stage
    rollout = rollouts.open_rollout(session, version.id, _SAMPLE_ACTOR, SAMPLE_REASON, now)
    rollouts.move(session, rollout.id, "promote", _SAMPLE_ACTOR, SAMPLE_REASON, now)
    return version, rollout.stage


def _begin_guide(
    session: Session, trained_on: TrainingSet, definitions: Mapping[str, str], now: datetime
) -> None:
    """A first page of the class guide for every class that has none: examples, and words, else some to be replaced."""
    there = guides.in_force(session)
    rows = training_sets.rows(session, trained_on.id)
    for name in trained_on.classes:
        if name not in there:
            examples = [row.picture_digest for row in rows if row.label == name][:EXAMPLES]
            unknown = f"What lay in the folder {name!r}. Replace this by what makes it one."
            definition = definitions.get(name, unknown)
            guides.write(session, name, definition, examples, "first-model", now)
