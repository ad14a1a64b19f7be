"""Questions to people, and what they said.

A review is leased by one person at a time, with a token that every write must show. Labels are append-only:
an undo is a row too. The settled truth stands on the review and is moved by `store.labels` alone.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Id, Name, RowNumber, one_of

# In the order in which people are asked: a consumer waits for `held`, an experiment for `evidence`.
LANES = ("held", "evidence", "audit", "feedback", "rule")
REASONS = ("held", "disagreement", "audit", "feedback", "low_confidence", "domain", "second_read")
REVIEW_STATUSES = ("open", "settled", "withdrawn")
LABEL_KINDS = ("class", "none_of_these", "not_usable", "cannot_tell", "undo")
LABEL_SOURCES = ("human_blind", "human_shown", "folder")


class Review(Base):
    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("prediction_id", "lane"),
        Index("ix_reviews_queue", "status", "lane_order", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id"))
    picture_digest: Mapped[str] = mapped_column(ForeignKey("pictures.digest"), index=True)
    lane: Mapped[str] = mapped_column(one_of("lane", *LANES))
    lane_order: Mapped[int]  # the lane's place in LANES, so that the queue is read from one index
    reasons: Mapped[list[str]]
    opinions_needed: Mapped[int] = mapped_column(default=1)
    # drawn at random to be read twice, so that the readers' error is known
    doubled: Mapped[bool] = mapped_column(default=False, server_default=false())
    deadline: Mapped[datetime | None] = mapped_column(index=True)
    created_at: Mapped[datetime]

    status: Mapped[str] = mapped_column(one_of("status", *REVIEW_STATUSES))
    truth_kind: Mapped[str | None] = mapped_column(one_of("truth_kind", *LABEL_KINDS[:-1]))
    truth_label: Mapped[str | None] = mapped_column(Name)
    settled_at: Mapped[datetime | None] = mapped_column(index=True)

    leased_by: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    lease_token: Mapped[str | None] = mapped_column(Id)
    lease_until: Mapped[datetime | None] = mapped_column(index=True)


class Label(Base):
    __tablename__ = "labels"
    __table_args__ = (
        CheckConstraint("(kind = 'class') = (label IS NOT NULL)", name="class_has_label"),
        CheckConstraint("(kind = 'undo') = (undoes_id IS NOT NULL)", name="undo_names_label"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    kind: Mapped[str] = mapped_column(one_of("kind", *LABEL_KINDS))
    label: Mapped[str | None] = mapped_column(Name)
    source: Mapped[str] = mapped_column(one_of("source", *LABEL_SOURCES))
    # an extra opinion that changes nothing: it came when others had said enough, or had the picture and an answer to it
    late: Mapped[bool] = mapped_column(default=False)
    simulated: Mapped[bool] = mapped_column(default=False)
    undoes_id: Mapped[str | None] = mapped_column(ForeignKey("labels.id"), unique=True)
    note: Mapped[str | None] = mapped_column(Text)
    lease_token: Mapped[str | None] = mapped_column(Id)
    # the browser's own number for this answer: posting it twice keeps one row
    submission: Mapped[str] = mapped_column(Name, unique=True)
    shown_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


class ClassGuide(Base):
    """What a class means, for reviewers; append-only, the newest row of a class is in force."""

    __tablename__ = "class_guides"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    class_name: Mapped[str] = mapped_column(Name, index=True)
    definition: Mapped[str] = mapped_column(Text)
    examples: Mapped[list[str]]  # digests of pictures
    written_by: Mapped[str] = mapped_column(Name)
    created_at: Mapped[datetime]


class ReviewPass(Base):
    """A reviewer gave a review back unanswered; the queue does not offer it to them again."""

    __tablename__ = "review_passes"

    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    created_at: Mapped[datetime]


class SeenAnswer(Base):
    """Somebody saw what was answered to a picture: what they say of it later is not blind."""

    __tablename__ = "seen_answers"

    picture_digest: Mapped[str] = mapped_column(ForeignKey("pictures.digest"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    created_at: Mapped[datetime]
