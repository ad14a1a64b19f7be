"""What monitoring saw: windows, reports, online detectors, alarms, accuracy."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Digest, Id, Name, one_of

WINDOW_VERDICTS = ("quiet", "drift", "too_few")
WINDOW_KINDS = ("count", "time")


class Window(Base):
    """One check of a stretch of predictions against their model version's own reference.

    `hour` (UTC) is that of its middle; a window that somebody has accepted was as it should be, whatever its verdict,
    and may be a reference of its hours. `pages`: worth waking somebody up for, within the day's budget.
    """

    __tablename__ = "windows"
    __table_args__ = (
        # two monitors that check the same stretch write one row; "" stands for all segments
        UniqueConstraint("model_version_id", "segment", "kind", "last_prediction_id"),
        Index("ix_windows_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    model_version_id: Mapped[str] = mapped_column(ForeignKey("model_versions.id"))
    segment: Mapped[str] = mapped_column(Name, default="")
    kind: Mapped[str] = mapped_column(one_of("window_kind", *WINDOW_KINDS), server_default="count")
    first_prediction_id: Mapped[str] = mapped_column(Id)
    last_prediction_id: Mapped[str] = mapped_column(Id)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    hour: Mapped[int | None]
    pictures: Mapped[int]
    verdict: Mapped[str] = mapped_column(one_of("verdict", *WINDOW_VERDICTS))
    pages: Mapped[bool] = mapped_column(server_default=false())
    accepted_by: Mapped[str | None] = mapped_column(Name)
    accepted_at: Mapped[datetime | None]
    values: Mapped[dict[str, Any]]  # statistic, p-value, effect and threshold by test
    config: Mapped[dict[str, Any]]  # with the digest of the reference and the seed
    created_at: Mapped[datetime]


class NullReplay(Base):
    """How often the rule called windows without drift drift, for one model version's own reference."""

    __tablename__ = "null_replays"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    model_version_id: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), unique=True)
    windows: Mapped[int]  # 0: the reference is too small to tell
    false_alarms: Mapped[int]
    rate: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    detail: Mapped[dict[str, Any]]  # by reference that was drawn, and with what
    created_at: Mapped[datetime]


class Report(Base):
    """A report of Evidently as it dumps itself (JSON, compressed by zlib); HTML is made on demand."""

    __tablename__ = "reports"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    window_id: Mapped[str] = mapped_column(ForeignKey("windows.id"), unique=True)
    made_by: Mapped[str] = mapped_column(Name)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    html: Mapped[bytes] = mapped_column(LargeBinary)  # compressed, without the shared script
    script_sha256: Mapped[str] = mapped_column(Digest)
    created_at: Mapped[datetime]


class ReportScript(Base):
    """The script that Evidently's reports share, kept once by digest."""

    __tablename__ = "report_scripts"

    sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class Detector(Base):
    """The state of an online detector, so that it survives its process and is one for all of them."""

    __tablename__ = "detectors"

    stream: Mapped[str] = mapped_column(Name, primary_key=True)
    model_version_id: Mapped[str] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    seen: Mapped[int]
    last_prediction_id: Mapped[str | None] = mapped_column(Id)
    state: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class Alarm(Base):
    """Something that people should know; open until it is cleared, and raised again it is still the same one."""

    __tablename__ = "alarms"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Name)
    stream: Mapped[str] = mapped_column(Name)  # a segment; "" stands for all of them
    model_version_id: Mapped[str | None] = mapped_column(ForeignKey("model_versions.id"))
    window_id: Mapped[str | None] = mapped_column(ForeignKey("windows.id"))
    detail: Mapped[dict[str, Any]]
    pages: Mapped[bool] = mapped_column(server_default=false())  # worth waking somebody up for
    raised_at: Mapped[datetime] = mapped_column(index=True)
    times: Mapped[int] = mapped_column(server_default="1")
    last_raised_at: Mapped[datetime | None]
    explained_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(Name)
    acknowledged_at: Mapped[datetime | None]
    acknowledged_why: Mapped[str | None] = mapped_column(Text)
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None] = mapped_column(Name)
    # digest of kind, stream and version while it is open, then empty: one open alarm for each of them
    open_as: Mapped[str | None] = mapped_column(Digest, unique=True)


class Accuracy(Base):
    """How right the answers are, from the audit, with its interval."""

    __tablename__ = "accuracies"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    model_version_id: Mapped[str | None] = mapped_column(ForeignKey("model_versions.id"))
    slice_kind: Mapped[str] = mapped_column(one_of("slice_kind", "all", "class", "segment"))
    slice_name: Mapped[str] = mapped_column(Name, default="")
    method: Mapped[str] = mapped_column(Name)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    labels: Mapped[int]
    effective_labels: Mapped[float]
    estimate: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    detail: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
