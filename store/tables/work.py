"""Work to be done and who is alive to do it: jobs and heartbeats."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Id, Name, one_of

JOB_STATUSES = ("todo", "doing", "done", "failed")


class Job(Base):
    """A piece of work. A row in a table, so that it commits together with its cause.

    `turn` holds the database to one run at a time: while a job of a kind that must run alone is being done, it
    carries the kind's name there, and the column is unique.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_queue", "status", "kind", "due_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Name)
    payload: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(one_of("status", *JOB_STATUSES))
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    # how often a worker died of it or beside it, or the database was away: no try
    cut_off: Mapped[int] = mapped_column(default=0, server_default="0")
    turn: Mapped[str | None] = mapped_column(Name, unique=True)
    lock_token: Mapped[str | None] = mapped_column(Id)
    lock_until: Mapped[datetime | None]
    locked_by: Mapped[str | None] = mapped_column(Name)
    progress: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str | None] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(Name)
    after_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Heartbeat(Base):
    __tablename__ = "heartbeats"

    program: Mapped[str] = mapped_column(Name, primary_key=True)
    instance: Mapped[str] = mapped_column(Name, primary_key=True)
    at: Mapped[datetime]
    detail: Mapped[dict[str, Any]]
