"""Ask for a new model version to be trained from what people have labelled, or for one to be compared again.

The retrain program does both.
"""

from datetime import datetime

from store import jobs, locks, models, privileged_acts, rollouts
from store.database import Session
from store.errors import Conflict
from store.rollouts import Actor
from store.tables import Job

KIND = "train"
COMPARING = "backtest"


def ask(session: Session, actor: Actor, now: datetime) -> Job:
    """Add the job. Raises Conflict with code `training_already` while one waits or runs."""
    locks.hold(session, f"ask {KIND}")
    if jobs.unfinished(session, KIND):
        raise Conflict("A training waits or runs already.", "training_already")
    job = jobs.add(session, KIND, {}, now, asked_by=actor.name)
    privileged_acts.record(session, actor, "retrain", f"job {job.id}", None, {}, now)
    return job


def compare(session: Session, version_number: int, actor: Actor, now: datetime) -> Job:
    """Add the job of comparing a version with the one that answers now, on labels that neither has seen.

    Raises NotFound, Conflict with code `backtest_already` while one of it waits or runs, and `answers_already`.
    """
    version = models.by_number(session, version_number)
    incumbent = rollouts.live(session).incumbent
    if incumbent is not None and incumbent.version_id == version.id:
        raise Conflict(f"Version {version_number} answers already.", "answers_already")
    payload = {"model_version_id": version.id}
    locks.hold(session, f"ask {COMPARING}")
    if any(job.payload == payload for job in jobs.unfinished(session, COMPARING)):
        raise Conflict(f"Version {version_number} is being compared.", "backtest_already")
    job = jobs.add(session, COMPARING, payload, now, asked_by=actor.name)
    detail = {"job": job.id}
    privileged_acts.record(
        session, actor, "compare", f"version {version_number}", None, detail, now
    )
    return job
