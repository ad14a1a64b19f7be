"""What consumers were told, counted by segment: the two sides of `store.action_ratio` for a candidate.

`now` is what the candidate answered since it answers anybody, `before` what the incumbent answered in as long a time
as `BEFORE` ahead of that. Held answers are an action of their own: they cost people's time. Where a scope lets people look at
each answer first, that is nothing that the candidate has decided: what it said counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from store import rollout_events
from store.action_ratio import Cell, Counts, compare
from store.rollouts import LiveModel
from store.tables import Prediction

BEFORE = timedelta(days=28)
HELD = "held for people"
# counts by version and by when the candidate began to answer
Known = dict[tuple[str, datetime], Counts]


@dataclass(frozen=True)
class Report:
    """The cells by segment and action; `since` is when the candidate began to answer."""

    since: datetime
    cells: tuple[Cell, ...]

    @property
    def changed(self) -> tuple[Cell, ...]:
        """The cells that stop a rollout or are worth a look."""
        return tuple(one for one in self.cells if one.verdict is not None)

    @property
    def stops(self) -> tuple[Cell, ...]:
        """The cells that stop a rollout."""
        return tuple(one for one in self.cells if one.verdict == "stop")


def report(
    session: Session,
    candidate: LiveModel,
    incumbent: LiveModel | None,
    known: Known | None = None,
) -> Report | None:
    """None while the candidate answers nobody, or where no model answered before it.

    `known` keeps what was before, which does not change while one looks again and again; it is filled here.
    """
    began = rollout_events.exposed(session, candidate.rollout_id)
    if began is None or incumbent is None or candidate.stage not in ("limited", "expanding"):
        return None
    since, supervised = began.at, "hold_seconds" in (began.scope or {})
    key, known = (incumbent.version_id, since), {} if known is None else known
    if key not in known:
        known.clear()
        known[key] = counted(session, incumbent.version_id, since - BEFORE, since)
    before = known[key]
    now = counted(session, candidate.version_id, since, None, supervised=supervised)
    return Report(since, tuple(compare(before, now)))


def counted(
    session: Session,
    model_version_id: str,
    since: datetime,
    until: datetime | None,
    *,
    supervised: bool = False,
) -> dict[tuple[str, str], int]:
    """How often each action was taken in each segment by a version's own answers; `supervised`: all in `limited` are held."""
    held = Prediction.decision == "hold"
    if supervised:
        held = and_(held, Prediction.stage != "limited")
    query = (
        select(Prediction.segment, held, Prediction.label, func.count())
        .where(Prediction.model_version_id == model_version_id, Prediction.created_at >= since)
        .group_by(Prediction.segment, held, Prediction.label)
    )
    if until is not None:
        query = query.where(Prediction.created_at < until)
    counts: dict[tuple[str, str], int] = {}
    for segment, waits, label, count in session.execute(query):
        key = (segment or "", HELD if waits else label or "")
        counts[key] = counts.get(key, 0) + count
    return counts
