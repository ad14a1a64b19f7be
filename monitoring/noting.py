"""Note the pairs that have come: in one order, each once, with who votes settled before any label is read."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from monitoring.deciding import Candidacy
from monitoring.rollout_settings import RolloutSettings
from monitoring.votes import Bursts, Shot
from store import pairs, rollout_events
from store.database import Database, Session
from store.pairs import Fresh
from store.tables import Pair

MOST = 500  # at a time, so that the lock is short


def note(database: Database, candidacy: Candidacy, settings: RolloutSettings) -> int:
    """How many pairs were noted; fewer than MOST means that there are no more for now."""
    if candidacy.incumbent_id is None:
        return 0
    with database.write() as session:
        rollout = pairs.lock(session, candidacy.rollout_id)
        fresh = pairs.fresh(session, rollout, candidacy.candidate_id, candidacy.incumbent_id, MOST)
        if not fresh:
            return 0
        rows = _rows(session, candidacy, fresh, settings)
        pairs.note(session, rows)
        spared = [one.prediction_id for one in rows if one.kind == "differ" and not one.votes]
        if spared:
            pairs.withdraw_reviews(session, spared)
    return len(fresh)


def _rows(
    session: Session, candidacy: Candidacy, fresh: Sequence[Fresh], settings: RolloutSettings
) -> list[Pair]:
    rollout_id = candidacy.rollout_id
    steps = rollout_events.steps(session, rollout_id)
    sources = {source for one in fresh if (source := _source(one)) is not None}
    bursts = Bursts.after(
        settings.burst_seconds,
        pairs.seen_before(session, rollout_id, [one.group for one in fresh]),
        pairs.last_of_sources(session, rollout_id, sorted(sources)),
    )
    number = pairs.last_number(session, rollout_id)
    rows = []
    for one in fresh:
        began = [step for step in steps if step.event_id <= one.event_id]
        number += 1
        kind, source = _kind(one), _source(one)
        rows.append(
            Pair(
                rollout_id=rollout_id,
                number=number,
                prediction_id=one.prediction_id,
                step=began[-1].event_id,
                inside=began[-1].stage != "limited" or one.candidate_answered,
                kind=kind,
                votes=bursts.votes(Shot(one.group, source, one.at)),
                candidate_label=one.candidate_label,
                incumbent_label=one.incumbent_label,
                milliseconds=one.milliseconds,
                picture=one.group,
                source=source,
                deadline=one.at + timedelta(hours=settings.label_hours)
                if kind == "differ"
                else None,
                at=one.at,
            )
        )
    return rows


def _kind(one: Fresh) -> str:
    if one.candidate_label is None:
        return "lost"
    if one.incumbent_label is None:
        return "void"
    return "alike" if one.candidate_label == one.incumbent_label else "differ"


def _source(one: Fresh) -> str | None:
    if one.subject is None:
        return None
    whose = f"{one.consumer_id}\n{one.segment or ''}\n{one.subject}"
    return hashlib.sha256(whose.encode()).hexdigest()
