"""The jobs of this program: train a new version from labels and compare it; compare a version again.

A job may run twice: what the first try registered is found by the job's id and not made again. Training holds no
transaction. The last one keeps the backtest, opens the rollout and finishes the job together, with its lock token.
"""

from datetime import datetime
from functools import partial
from typing import Any

from classifier.bundle import read_bundle
from classifier.classifier import Classifier
from retrain import gathering, metrics
from retrain.backtesting import backtest
from retrain.gathering import Gathered
from retrain.making import Request, make_version
from retrain.program import Program
from retrain.progress import Watch
from retrain.unseen import unseen_labels
from store import jobs, models, rollouts
from store.database import Session
from store.jobs import Claimed
from store.models import NewBacktest
from store.rollouts import Actor
from store.tables import ModelVersion, TrainingSet

_ACTOR = Actor("system", "retrain")
SEED = 1


def train(program: Program, job: Claimed, watch: Watch) -> str:
    """How the job ended: done, or nothing_new. Finishes it."""
    with program.database.read() as session:
        version = models.of_job(session, job.id)
    if version is None:
        gathered = gathering.gather(program, watch)
        if not gathered.learned.new:
            return _nothing_new(program, job, gathered, "People have said nothing new since.")
        trained_on = gathering.freeze(program, gathered)
        with program.database.read() as session:
            before = models.of_training_set(session, trained_on.id)
        if before is not None:
            return _nothing_new(
                program, job, gathered, f"Version {before.number} has learned all of it already."
            )
        metrics.LABELS.set(gathered.learned.new)
        version = _make(program, job, gathered, trained_on, watch)
    new = compare(program, version, watch)
    with program.database.write() as session:
        kept = models.add_backtest(session, new, program.clock())
        result = {"version": version.number, "verdict": kept.verdict, "pictures": kept.pictures}
        note = send_on_its_way(session, version, new.verdict, program.clock())
        jobs.finish(session, job, {"outcome": "done", **result, "note": note}, program.clock())
    return "done"


def compare_again(program: Program, job: Claimed, watch: Watch) -> str:
    """A backtest of a version against the one that answers now. Finishes the job."""
    with program.database.read() as session:
        version = models.get(session, str(job.payload.get("model_version_id")))
    new = compare(program, version, watch)
    with program.database.write() as session:
        kept = models.add_backtest(session, new, program.clock())
        result = {"version": version.number, "verdict": kept.verdict, "pictures": kept.pictures}
        jobs.finish(session, job, {"outcome": "done", **result}, program.clock())
    return "done"


def compare(program: Program, version: ModelVersion, watch: Watch) -> NewBacktest:
    """The version against the one that answers, else against its parent, on what neither has seen."""
    with program.database.read() as session:
        against = _other(session, version)
        sets = [one.training_set_id for one in (version, against) if one is not None]
        unseen = unseen_labels(session, [one for one in sets if one is not None])
    load = partial(_load, program)
    return backtest(
        version,
        load(version),
        against,
        load(against) if against is not None else None,
        unseen,
        program.pictures.read,
        watch,
    )


def send_on_its_way(session: Session, version: ModelVersion, verdict: str, now: datetime) -> str:
    """Open the version's rollout in `manual`; what became of it, in a sentence.

    A candidate that still waits in `manual`, where it changes nothing, makes way for a newer one that is not
    worse. One that answers anybody stays, and the new version waits registered.
    """
    before = rollouts.of_version(session, version.id)
    if before is not None:
        return f"Version {version.number} is in {before.stage}."
    candidate = rollouts.live(session).candidate
    if candidate is not None:
        if candidate.stage != "manual" or verdict == "worse":
            return f"Version {candidate.number} is on its way, so version {version.number} waits."
        reason = f"version {version.number} has learned from newer labels"
        rollouts.move(session, candidate.rollout_id, "withdraw", _ACTOR, reason, now)
    reason = f"retrained from version {_parent_number(session, version)}"
    rollouts.open_rollout(session, version.id, _ACTOR, reason, now)
    return f"Version {version.number} is a candidate in manual: it runs along and changes nothing."


def _make(
    program: Program, job: Claimed, gathered: Gathered, trained_on: TrainingSet, watch: Watch
) -> ModelVersion:
    # fastai takes seconds to import, which only those who train should wait for
    from retrain.train import Plan

    digest = gathered.parent.bundle_digest
    bundle = read_bundle(program.bundles.fetch(digest), digest)
    settings = program.settings
    plan = Plan(
        architecture=bundle.architecture,
        preprocessing=bundle.preprocessing,
        epochs=settings.epochs,
        seed=SEED,
        batch_size=settings.batch_size,
        device=settings.device,
        threads=settings.threads,
        incumbent=bundle.weights,
        rate=settings.rate,
        repeats=settings.repeats,
    )
    asked = Request(
        plan=plan,
        trained_on=trained_on,
        learned=gathered.learned.to_json() | {"rate": plan.rate, "repeats": plan.repeats},
        left_out=gathered.learned.unreadable,
        parent_id=gathered.parent.id,
        job_id=job.id,
    )
    new = make_version(program, asked, watch)
    watch("export", 1.0, "registering the version")
    with program.database.write() as session:
        return models.register(session, new, program.clock())


def _load(program: Program, version: ModelVersion) -> Classifier:
    digest = version.bundle_digest
    return Classifier.of(
        read_bundle(program.bundles.fetch(digest), digest), program.settings.threads
    )


def _other(session: Session, version: ModelVersion) -> ModelVersion | None:
    incumbent = rollouts.live(session).incumbent
    other = incumbent.version_id if incumbent is not None else version.parent_id
    return models.get(session, other) if other not in (None, version.id) else None


def _nothing_new(program: Program, job: Claimed, gathered: Gathered, note: str) -> str:
    result = {"outcome": "nothing_new", "note": note, "learned": gathered.learned.to_json()}
    with program.database.write() as session:
        jobs.finish(session, job, result, program.clock())
    return "nothing_new"


def _parent_number(session: Session, version: ModelVersion) -> Any:
    return models.get(session, version.parent_id).number if version.parent_id else "nothing"
