"""The way of a candidate through the stages: rollouts, their append-only events, pairs, decisions and switches."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Digest, Id, Name, RowNumber, one_of
from store.tables.predictions import STAGES

ACTORS = ("person", "key", "command", "monitoring", "system")
OUTCOMES = ("replaced", "reverted", "withdrawn")
# the two said the same, they differ, the candidate failed, the incumbent failed
PAIR_KINDS = ("alike", "differ", "lost", "void")
SWITCHES = ("frozen", "killed")


class Rollout(Base):
    """One candidate's way. `ended_at` is empty while it is on its way, or answers at `full`."""

    __tablename__ = "rollouts"
    __table_args__ = (
        # one candidate at a time, held by the database
        Index(
            "uq_rollouts_one_on_its_way",
            "on_its_way",
            unique=True,
            sqlite_where=text("on_its_way"),
            postgresql_where=text("on_its_way"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    model_version_id: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), index=True)
    # the rollout whose model answered before, and answers again after a revert
    previous_id: Mapped[str | None] = mapped_column(ForeignKey("rollouts.id"))
    stage: Mapped[str] = mapped_column(one_of("stage", *STAGES))
    on_its_way: Mapped[bool]  # true until it is at `full` or ended
    share: Mapped[float] = mapped_column(default=0.0)
    scope: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    outcome: Mapped[str | None] = mapped_column(one_of("outcome", *OUTCOMES))
    preflight: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    risks: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class RolloutEvent(Base):
    """Append-only. Every process that answers polls the newest id."""

    __tablename__ = "rollout_events"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    rollout_id: Mapped[str] = mapped_column(ForeignKey("rollouts.id"), index=True)
    at: Mapped[datetime]
    move: Mapped[str] = mapped_column(
        Name
    )  # "open", "promote", "revert", ... as in store.rollouts.MOVES
    from_stage: Mapped[str | None] = mapped_column(one_of("from_stage", *STAGES))
    to_stage: Mapped[str | None] = mapped_column(one_of("to_stage", *STAGES))
    share: Mapped[float]
    scope: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    actor_kind: Mapped[str] = mapped_column(one_of("actor_kind", *ACTORS))
    actor: Mapped[str] = mapped_column(Name)
    reason: Mapped[str] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]]
    decision_id: Mapped[str | None] = mapped_column(ForeignKey("decisions.id"))


class Decision(Base):
    """What monitoring concluded about a candidate, with all it takes to conclude it again."""

    __tablename__ = "decisions"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    rollout_id: Mapped[str] = mapped_column(ForeignKey("rollouts.id"), index=True)
    at: Mapped[datetime]
    stage: Mapped[str] = mapped_column(one_of("stage", *STAGES))
    verdict: Mapped[str] = mapped_column(one_of("verdict", "advance", "hold", "revert"))
    rule_version: Mapped[str] = mapped_column(Name)
    versions: Mapped[dict[str, Any]]
    ids: Mapped[dict[str, Any]]
    values: Mapped[dict[str, Any]]
    thresholds: Mapped[dict[str, Any]]
    actor: Mapped[str] = mapped_column(Name)


class Pair(Base):
    """Two versions' answers to one picture, in the order in which they were noted; append-only.

    The evidence of a rollout is counted from these rows, so that a decision can be made again when the predictions
    themselves are gone: there is no foreign key to them.
    """

    __tablename__ = "pairs"
    __table_args__ = (
        UniqueConstraint("rollout_id", "prediction_id"),
        Index("ix_pairs_picture", "rollout_id", "picture"),
        Index("ix_pairs_source", "rollout_id", "source", "at"),
    )

    rollout_id: Mapped[str] = mapped_column(ForeignKey("rollouts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    prediction_id: Mapped[str] = mapped_column(Id)
    step: Mapped[int]  # the event that began the step of the way in which it was answered
    inside: Mapped[bool]  # counts for its step: in `limited` only what the candidate answered
    kind: Mapped[str] = mapped_column(one_of("kind", *PAIR_KINDS))
    votes: Mapped[bool]  # of a burst, or of the same picture again, one does
    candidate_label: Mapped[str | None] = mapped_column(Name)
    incumbent_label: Mapped[str | None] = mapped_column(Name)
    milliseconds: Mapped[float | None]  # the candidate's
    picture: Mapped[str] = mapped_column(Digest)  # its group of pictures that are the same
    source: Mapped[str | None] = mapped_column(Digest)  # whose it is, where that was said
    deadline: Mapped[datetime | None]  # of the label that it waits for
    at: Mapped[datetime]


class Switch(Base):
    """What people can throw at once: freeze every rollout, or stop models from answering."""

    __tablename__ = "switches"

    name: Mapped[str] = mapped_column(one_of("name", *SWITCHES), primary_key=True)
    thrown: Mapped[bool]
    actor: Mapped[str] = mapped_column(Name)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
