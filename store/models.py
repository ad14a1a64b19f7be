"""Registered model versions and their backtests. A version never changes; what it does is the rollout's business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store import bundles, locks
from store.errors import Invalid, NotFound
from store.ids import new_id
from store.tables import Backtest, ModelVersion
from store.tables.models import VERDICTS


@dataclass(frozen=True)
class NewVersion:
    """A bundle whose files are kept, and where it comes from."""

    bundle_digest: str
    bundle_bytes: int
    classes: list[str]
    card: dict[str, Any]
    training_set_id: str | None = None
    parent_id: str | None = None
    job_id: str | None = None


def register(session: Session, new: NewVersion, now: datetime) -> ModelVersion:
    """Give a bundle its number. A job that runs twice registers once."""
    if len(new.classes) < 2:
        raise Invalid("A model needs at least two classes.", "too_few_classes")
    locks.hold(session, "model number")
    if new.job_id is not None:
        before = of_job(session, new.job_id)
        if before is not None:
            return before
    bundles.record(session, new.bundle_digest, new.bundle_bytes, now)
    version = ModelVersion(
        id=new_id(now),
        number=(session.scalar(select(func.max(ModelVersion.number))) or 0) + 1,
        bundle_digest=new.bundle_digest,
        parent_id=new.parent_id,
        training_set_id=new.training_set_id,
        job_id=new.job_id,
        classes=list(new.classes),
        card=new.card,
        created_at=now,
    )
    session.add(version)
    session.flush()
    return version


def get(session: Session, version_id: str) -> ModelVersion:
    """Raises NotFound."""
    version = session.get(ModelVersion, version_id)
    if version is None:
        raise NotFound("There is no such model version.")
    return version


def by_number(session: Session, number: int) -> ModelVersion:
    """Raises NotFound."""
    version = session.scalar(select(ModelVersion).where(ModelVersion.number == number))
    if version is None:
        raise NotFound(f"There is no model version {number}.")
    return version


def of_job(session: Session, job_id: str) -> ModelVersion | None:
    """The version that a job has registered."""
    return session.scalar(select(ModelVersion).where(ModelVersion.job_id == job_id))


def of_training_set(session: Session, training_set_id: str) -> ModelVersion | None:
    """The newest version that was trained on a set."""
    return session.scalar(
        select(ModelVersion)
        .where(ModelVersion.training_set_id == training_set_id)
        .order_by(ModelVersion.number.desc())
        .limit(1)
    )


def newest_first(session: Session, limit: int = 50) -> Sequence[ModelVersion]:
    """Model versions, newest first."""
    return session.scalars(
        select(ModelVersion).order_by(ModelVersion.number.desc()).limit(limit)
    ).all()


@dataclass(frozen=True)
class NewBacktest:
    """How a version did against another on labels that neither had seen; shares in [0, 1]."""

    model_version_id: str
    against_id: str | None
    verdict: str
    pictures: int
    accuracy: float | None
    against_accuracy: float | None
    difference: float | None
    low: float | None
    high: float | None
    detail: dict[str, Any]


def add_backtest(session: Session, new: NewBacktest, now: datetime) -> Backtest:
    """Append a backtest."""
    if new.verdict not in VERDICTS:
        raise Invalid(f"A backtest cannot say {new.verdict!r}.")
    backtest = Backtest(id=new_id(now), created_at=now, **vars(new))
    session.add(backtest)
    session.flush()
    return backtest


def newest_backtest(session: Session, model_version_id: str) -> Backtest | None:
    """The newest backtest of a version."""
    return session.scalar(
        select(Backtest)
        .where(Backtest.model_version_id == model_version_id)
        .order_by(Backtest.created_at.desc(), Backtest.id.desc())
        .limit(1)
    )
