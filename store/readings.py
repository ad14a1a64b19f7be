"""What people said, blind, of pairs' pictures, as it stood at a moment: the first opinion on each, and those read twice.

Labels are append-only, and so is taking one back: who asks again for the same moment finds the same. Nothing here counts.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from store.pairs import voting
from store.tables import Label, Pair, Review


@dataclass(frozen=True)
class Reading:
    """What one person said of a pair's picture, blind; `label` is None where it was no class."""

    prediction_id: str
    label: str | None
    at: datetime


def first_readings(
    session: Session, rollout_id: str, until: int, as_of: datetime, since: int = 0
) -> list[Reading]:
    """The first blind opinion on each voting pair that differs, as it stood at `as_of`."""
    rows = session.execute(
        _standing(as_of, Review.prediction_id, Label.label, Label.created_at)
        .join(Pair, Pair.prediction_id == Review.prediction_id)
        .where(voting(rollout_id, until, since), Pair.kind == "differ")
        .order_by(Label.created_at, Label.id)
    )
    first: dict[str, Reading] = {}
    for prediction_id, label, at in rows:
        first.setdefault(prediction_id, Reading(prediction_id, label, at))
    return list(first.values())


def doubles(session: Session, as_of: datetime, limit: int) -> list[tuple[str | None, str | None]]:
    """What two people said, blind, of each of the `limit` newest pictures that were drawn for it, as of a moment.

    A class, or the kind of what was no class; at least one of the two said a class.
    """
    newest = (
        select(Review.id)
        .where(Review.doubled, Review.created_at <= as_of)
        .order_by(Review.created_at.desc(), Review.id.desc())
        .limit(limit)
    )
    rows = session.execute(
        _standing(as_of, Review.id, Label.person_id, Label.kind, Label.label)
        .where(Review.id.in_(newest))
        .order_by(Label.created_at, Label.id)
    )
    # by reader: two opinions of one person tell nothing of how often two people differ
    said: dict[str, dict[str, tuple[str, str | None]]] = {}
    for review_id, reader, kind, label in rows:
        said.setdefault(review_id, {}).setdefault(reader, (kind, label))
    pairs = [tuple(one.values())[:2] for one in said.values() if len(one) > 1]
    # two who cannot tell have agreed on no class: that says nothing about how often they take one for another
    told = [two for two in pairs if any(label is not None for _, label in two)]
    return [(first or why, second or reason) for (why, first), (reason, second) in told]


def _standing(as_of: datetime, *what: object) -> Select[tuple[str, str | None, datetime]]:
    undo = aliased(Label)
    undone = exists().where(undo.undoes_id == Label.id, undo.created_at <= as_of)
    query: Select[tuple[str, str | None, datetime]] = select(*what)  # type: ignore[call-overload]  # columns
    return query.join(Review, Review.id == Label.review_id).where(
        Label.kind != "undo",
        Label.source == "human_blind",
        Label.late.is_(False),
        Label.created_at <= as_of,
        ~undone,
    )
