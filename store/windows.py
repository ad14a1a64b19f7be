"""What monitoring saw of a stretch of predictions: the verdict in rows, the report beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from store import privileged_acts
from store.database import insert_new
from store.errors import Conflict, NotFound
from store.ids import new_id
from store.rollout_events import Actor
from store.tables import Prediction, Report, ReportScript, Window


@dataclass(frozen=True)
class NewWindow:
    """One check. `segment` is "" for all; `values` by test; `config` says with what, seed and reference included.

    `kind`: "count" is so many pictures, "time" what came within a period. `pages`: worth waking somebody up for.
    """

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
    kind: str = "count"
    pages: bool = False


@dataclass(frozen=True)
class NewReport:
    """A report: its own dump and its page, both compressed by zlib; the page lacks the script all reports share."""

    made_by: str
    body: bytes
    html: bytes
    script_sha256: str


def add(session: Session, new: NewWindow, report: NewReport | None, now: datetime) -> Window:
    """Keep a check and its report. The same stretch twice is a Conflict (the second monitor's)."""
    middle = new.starts_at + (new.ends_at - new.starts_at) / 2
    window = Window(id=new_id(now), created_at=now, hour=middle.astimezone(UTC).hour, **vars(new))
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


def latest_of(
    session: Session,
    model_version_id: str,
    at_least: int,
    segment: str = "",
    kind: str | None = None,
) -> Window | None:
    """The check of a slice's latest stretch that held `at_least` so many pictures; of one kind if it is named."""
    query = _stream(model_version_id, segment, kind).where(Window.pictures >= at_least)
    return session.scalar(query.order_by(Window.last_prediction_id.desc()).limit(1))


def before(
    session: Session, stream: tuple[str, str, str], first_prediction_id: str, limit: int
) -> Sequence[Window]:
    """The verdicts of a stream (version, segment, kind) on what came before a prediction, the newest first."""
    return session.scalars(
        _stream(*stream)
        .where(Window.last_prediction_id < first_prediction_id, Window.verdict != "too_few")
        .order_by(Window.last_prediction_id.desc())
        .limit(limit)
    ).all()


def checked_since(session: Session, since: datetime, until: datetime) -> int:
    """How many verdicts were given after `since` and by `until`."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Window)
            .where(
                Window.created_at > since, Window.created_at <= until, Window.verdict != "too_few"
            )
        )
        or 0
    )


def of_hours(
    session: Session,
    model_version_id: str,
    segment: str,
    hours: Sequence[int],
    limit: int,
    with_features: bool,
) -> Sequence[Window]:
    """The first windows by time of a slice at these hours (UTC) that were quiet or accepted, the oldest first.

    Only those whose first prediction, which goes first, is still there; `with_features`: and its features too.
    """
    ordinary = or_(Window.verdict == "quiet", Window.accepted_at.is_not(None))
    there = exists().where(Prediction.id == Window.first_prediction_id)
    if with_features:
        there = there.where(Prediction.features.is_not(None))
    return session.scalars(
        _stream(model_version_id, segment, "time")
        .where(Window.hour.in_(hours), ordinary, there)
        .order_by(Window.last_prediction_id)
        .limit(limit)
    ).all()


def accept(session: Session, window_id: str, actor: Actor, reason: str, now: datetime) -> Window:
    """Somebody says that this window was as it should be, and why; it is written down.

    Raises NotFound, Invalid without a reason, Conflict `accepted_already`.
    """
    window = session.get(Window, window_id, with_for_update=True)
    if window is None:
        raise NotFound("There is no such window.")
    if window.accepted_at is not None:
        raise Conflict(
            f"{window.accepted_by} has accepted this window already.", "accepted_already"
        )
    privileged_acts.record(session, actor, "accept window", window.id, reason, {}, now)
    window.accepted_by, window.accepted_at = actor.name, now
    return window


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


def _stream(model_version_id: str, segment: str, kind: str | None) -> Select[tuple[Window]]:
    query = select(Window).where(
        Window.model_version_id == model_version_id, Window.segment == segment
    )
    return query if kind is None else query.where(Window.kind == kind)
