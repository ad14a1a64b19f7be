"""Training sets, model versions, backtests: where a model comes from and how it did against another."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Digest, Id, Name, one_of

SPLITS = ("train", "valid", "calibration")
VERDICTS = ("better", "worse", "cannot_tell")


class TrainingSet(Base):
    """A frozen list of pictures with labels; its digest covers every row."""

    __tablename__ = "training_sets"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[str] = mapped_column(Digest, unique=True)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("training_sets.id"))
    classes: Mapped[list[str]]
    counts: Mapped[dict[str, Any]]  # by class, split and source
    created_at: Mapped[datetime]


class TrainingRow(Base):
    """One picture of a training set.

    `purpose` repeats the purpose of the picture's group and may only be "training". It is empty only on a row
    that was withdrawn: its group turned out, after the set was frozen, to belong to the audit or the golden set.
    """

    __tablename__ = "training_rows"
    __table_args__ = (
        ForeignKeyConstraint(
            ["picture_digest", "group_id"],
            ["pictures.digest", "pictures.group_id"],
            onupdate="CASCADE",
        ),
        ForeignKeyConstraint(
            ["group_id", "purpose"], ["duplicate_groups.id", "duplicate_groups.purpose"]
        ),
        CheckConstraint(
            "(purpose IS NOT NULL AND purpose = 'training' AND withdrawn_at IS NULL)"
            " OR (purpose IS NULL AND withdrawn_at IS NOT NULL)",
            name="only_training",
        ),
        Index("ix_training_rows_group_id_purpose", "group_id", "purpose"),
        Index("ix_training_rows_picture_digest", "picture_digest"),
    )

    training_set_id: Mapped[str] = mapped_column(ForeignKey("training_sets.id"), primary_key=True)
    picture_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    group_id: Mapped[str] = mapped_column(Digest)
    purpose: Mapped[str | None] = mapped_column(Name, default="training")
    withdrawn_at: Mapped[datetime | None]
    label: Mapped[str] = mapped_column(Name)
    split: Mapped[str] = mapped_column(one_of("split", *SPLITS))
    source: Mapped[str] = mapped_column(one_of("source", "human_blind", "human_shown", "folder"))
    label_id: Mapped[str | None] = mapped_column(ForeignKey("labels.id"))


class GoldenLabel(Base):
    """The right answer to a golden picture that came in a folder and has no review."""

    __tablename__ = "golden_labels"

    picture_digest: Mapped[str] = mapped_column(ForeignKey("pictures.digest"), primary_key=True)
    label: Mapped[str] = mapped_column(Name)
    created_at: Mapped[datetime]


class ModelVersion(Base):
    __tablename__ = "model_versions"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)  # "version 3" on pages and in metrics
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("bundles.digest"))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("model_versions.id"))
    training_set_id: Mapped[str | None] = mapped_column(ForeignKey("training_sets.id"))
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"))
    classes: Mapped[list[str]]
    card: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Backtest(Base):
    __tablename__ = "backtests"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    model_version_id: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), index=True)
    against_id: Mapped[str | None] = mapped_column(ForeignKey("model_versions.id"))
    verdict: Mapped[str] = mapped_column(one_of("verdict", *VERDICTS))
    pictures: Mapped[int]  # how many labels neither had seen
    accuracy: Mapped[float | None]
    against_accuracy: Mapped[float | None]
    difference: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    detail: Mapped[dict[str, Any]]  # per class and per source of picture
    created_at: Mapped[datetime]
