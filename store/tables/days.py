"""What stays when rows go by their age: a day's counts, and the pictures whose bytes are on their way out."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Digest, Id, Name


class Day(Base):
    """The predictions of one day (UTC), one model version and one segment, counted.

    "" stands for no model, and for no segment. What is counted never changes later: the decision and not the answer.
    """

    __tablename__ = "days"

    day: Mapped[str] = mapped_column(String(10), primary_key=True)  # 2026-03-01
    model_version_id: Mapped[str] = mapped_column(Id, primary_key=True)
    segment: Mapped[str] = mapped_column(Name, primary_key=True)
    predictions: Mapped[int]
    flagged: Mapped[int]
    audited: Mapped[int]
    by_class: Mapped[dict[str, Any]]
    by_decision: Mapped[dict[str, Any]]
    confidence_sum: Mapped[float]
    confidence_count: Mapped[int]
    created_at: Mapped[datetime]


class RetiredPicture(Base):
    """A picture whose row is gone; `moved_at`: since when its bytes lie aside, a day before they go too."""

    __tablename__ = "retired_pictures"
    __table_args__ = (Index("ix_retired_pictures_moved_at", "moved_at"),)

    digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    retired_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]
