"""What monitoring saw of a stretch of predictions: the verdict in rows, the report beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database import insert_new
from store.errors import NotFound
from store.ids import new_id
from store.tables import Report, ReportScript, Window


@dataclass(frozen=True)
class NewWindow:
    """One check. `segment` is "" for all; `values` by test; `config` says with what, seed and reference included."""

    model_version_id: str
    segment: str
    first_prediction_id: str
    last_prediction_id: str
    starts_at: datetime
    ends_at: datetime
    pictures: int
    verdict: str
    values: dict[str, Any]
    config: dict[str, Any]


@dataclass(frozen=True)
class NewReport:
    """A report: its own dump and its page, both compressed by zlib; the page lacks the script all reports share."""

    made_by: str
    body: bytes
    html: bytes
    script_sha256: str


def add(session: Session, new: NewWindow, report: NewReport | None, now: datetime) -> Window:
    """Keep a check and its report. The same stretch twice is a Conflict (the second monitor's)."""
    window = Window(id=new_id(now), created_at=now, **vars(new))
    session.add(window)
    session.flush()
    if report is not None:
        session.add(Report(id=new_id(now), window_id=window.id, created_at=now, **vars(report)))
        session.flush()
    return window


def keep_script(session: Session, sha256: str, body: bytes, now: datetime) -> None:
    """Keep the script that reports share (compressed by zlib), once."""
    insert_new(session, ReportScript, [{"sha256": sha256, "body": body, "created_at": now}])


def has_script(session: Session, sha256: str) -> bool:
    """Whether this script is kept; it is large, so it is handed over only once."""
    return (
        session.scalar(select(ReportScript.sha256).where(ReportScript.sha256 == sha256)) is not None
    )


def script(session: Session, sha256: str) -> bytes:
    """Raises NotFound."""
    found = session.get(ReportScript, sha256)
    if found is None:
        raise NotFound("There is no such script.")
    return found.body


def newest(
    session: Session, limit: int = 50, model_version_id: str | None = None
) -> Sequence[Window]:
    """Checks, newest first."""
    query = select(Window).order_by(Window.created_at.desc(), Window.id.desc()).limit(limit)
    if model_version_id is not None:
        query = query.where(Window.model_version_id == model_version_id)
    return session.scalars(query).all()


def latest_of(session: Session, model_version_id: str, at_least: int) -> Window | None:
    """The check of a model version's latest stretch that held `at_least` so many pictures."""
    return session.scalar(
        select(Window)
        .where(Window.model_version_id == model_version_id, Window.pictures >= at_least)
        .order_by(Window.last_prediction_id.desc())
        .limit(1)
    )


def get(session: Session, window_id: str) -> Window:
    """Raises NotFound."""
    window = session.get(Window, window_id)
    if window is None:
        raise NotFound("There is no such window.")
    return window


def with_report(session: Session, window_ids: Sequence[str]) -> set[str]:
    """Which of these windows have a report."""
    return set(session.scalars(select(Report.window_id).where(Report.window_id.in_(window_ids))))


def report_of(session: Session, window_id: str) -> Report | None:
    """The report of a window, if one was made."""
    return session.scalar(select(Report).where(Report.window_id == window_id))
