"""The log of answers: predictions, what other models said, what consumers said back.

A prediction's `label`, `confidence` and `probabilities` are the answering model's own opinion and never change.
What the consumer was told is `answer`, with who gave it; it is filled later when people answer.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Digest, Id, Name, RowNumber, one_of

STAGES = ("manual", "limited", "expanding", "full")
STATUSES = ("answered", "pending")
ANSWERERS = ("model", "person")
DECISIONS = ("answer", "answer_and_review", "hold")


class Prediction(Base):
    __tablename__ = "predictions"
    __table_args__ = (
        Index("ix_predictions_model_version_id_created_at", "model_version_id", "created_at"),
        # the latest answers of a version, and of one segment of it, whatever else the log holds
        Index("ix_predictions_model_version_id_id", "model_version_id", "id"),
        Index("ix_predictions_model_version_id_segment_id", "model_version_id", "segment", "id"),
        Index("ix_predictions_segment_created_at", "segment", "created_at"),
    )

    id: Mapped[str] = mapped_column(
        Id, primary_key=True
    )  # UUIDv7: the order of ids is the order of time
    consumer_id: Mapped[str] = mapped_column(ForeignKey("consumers.id"), index=True)
    segment: Mapped[str | None] = mapped_column(Name)
    subject: Mapped[str | None] = mapped_column(Name)
    reference: Mapped[str | None] = mapped_column(Name)
    idempotency_key: Mapped[str | None] = mapped_column(Name)
    picture_digest: Mapped[str] = mapped_column(ForeignKey("pictures.digest"), index=True)
    captured_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(index=True)

    label: Mapped[str | None] = mapped_column(Name)
    confidence: Mapped[float | None]
    probabilities: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    model_version_id: Mapped[str | None] = mapped_column(ForeignKey("model_versions.id"))
    engine: Mapped[str | None] = mapped_column(Name)
    precision: Mapped[str | None] = mapped_column(Name)

    decision: Mapped[str] = mapped_column(one_of("decision", *DECISIONS))
    reasons: Mapped[list[str]]  # why it was decided so, and why people are asked
    policy_digest: Mapped[str | None] = mapped_column(ForeignKey("policies.digest"))
    stage: Mapped[str] = mapped_column(one_of("stage", *STAGES))
    rollout_event_id: Mapped[int | None] = mapped_column(ForeignKey("rollout_events.id"))

    status: Mapped[str] = mapped_column(one_of("status", *STATUSES), index=True)
    answer: Mapped[str | None] = mapped_column(Name)
    answered_by: Mapped[str | None] = mapped_column(one_of("answered_by", *ANSWERERS))
    answered_at: Mapped[datetime | None]

    properties: Mapped[dict[str, Any]]
    look_score: Mapped[float | None]
    look_p: Mapped[float | None]
    feature_score: Mapped[float | None]
    feature_p: Mapped[float | None]
    domain_score: Mapped[float | None]  # of both together; what is flagged is flagged by it
    domain_p: Mapped[float | None]
    inside: Mapped[
        bool | None
    ]  # like the pictures the model was trained on; empty when no model looked
    domain_reasons: Mapped[list[str]]
    features: Mapped[bytes | None] = mapped_column(
        LargeBinary
    )  # PCA-32 float16, the projection is the bundle's

    audited: Mapped[bool]
    audit_rate: Mapped[
        float
    ]  # what it was drawn with, at the commit: without it no estimate is unbiased
    milliseconds: Mapped[dict[str, Any]]  # by phase


class ShadowAnswer(Base):
    """What another model version said to the same picture; never shown to the consumer."""

    __tablename__ = "shadow_answers"
    __table_args__ = (UniqueConstraint("prediction_id", "model_version_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id"))
    model_version_id: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), index=True)
    label: Mapped[str | None] = mapped_column(Name)
    confidence: Mapped[float | None]
    probabilities: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str | None] = mapped_column(Text)
    milliseconds: Mapped[float]
    created_at: Mapped[datetime]


class AwaitedShadow(Base):
    """A version that was asked about a picture and has not answered: its answer, when it comes, takes the row away.

    It is one commit with the prediction, so that what the end of a process has cut off is missed, and counted.
    """

    __tablename__ = "awaited_shadows"

    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id"), primary_key=True)
    model_version_id: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)


class IdempotencyKey(Base):
    """The first answer to a key, byte for byte, for 24 hours."""

    __tablename__ = "idempotency_keys"

    consumer_id: Mapped[str] = mapped_column(ForeignKey("consumers.id"), primary_key=True)
    key: Mapped[str] = mapped_column(Name, primary_key=True)
    request_sha256: Mapped[str] = mapped_column(Digest)
    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id"), index=True)
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)


class Feedback(Base):
    """What a consumer said back about an answer; append-only, opens a review, is no label."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id"), index=True)
    label: Mapped[str | None] = mapped_column(Name)
    correct: Mapped[bool | None]
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class StoredPolicy(Base):
    """The text of a policy that decided something; kept so that any decision can be explained."""

    __tablename__ = "policies"

    digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
