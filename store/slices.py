"""Slices of what a model version has answered: all of it, one segment, or what comes from the many small segments.

Every query reads as many rows as it is asked for and no more, however long the log and however many the segments.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from store.tables import Prediction

ALL = ""
# all segments that are not watched one by one; a segment that is really called so is among them
OTHER = "other"
_ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Slice:
    """`segment`: one of them, `ALL`, or `OTHER`: every segment but those `without`, and but none at all."""

    model_version_id: str
    segment: str = ALL
    without: tuple[str, ...] = ()

    def condition(self) -> list[ColumnElement[bool]]:
        """What a prediction of this slice fulfils."""
        of_version = [Prediction.model_version_id == self.model_version_id]
        if self.segment == ALL:
            return of_version
        if self.segment == OTHER:
            return [*of_version, Prediction.segment.not_in(self.without)]
        return [*of_version, Prediction.segment == self.segment]


def latest(
    session: Session, slice_: Slice, limit: int, after_id: str, until: datetime
) -> list[tuple[str, datetime]]:
    """Ids and times of the newest answers after `after_id` made by `until`, in the order of time."""
    newest = session.execute(
        select(Prediction.id, Prediction.created_at)
        .where(*slice_.condition(), Prediction.id > after_id, Prediction.created_at <= until)
        .order_by(Prediction.id.desc())
        .limit(limit)
    )
    return [(identity, made) for identity, made in newest][::-1]


def first(
    session: Session, slice_: Slice, limit: int, after_id: str, until: datetime
) -> list[tuple[str, datetime]]:
    """Ids and times of the first answers after `after_id` made by `until`, in the order of time."""
    found = session.execute(
        select(Prediction.id, Prediction.created_at)
        .where(*slice_.condition(), Prediction.id > after_id, Prediction.created_at <= until)
        .order_by(Prediction.id)
        .limit(limit)
    )
    return list(found.tuples())


def oldest(session: Session, slice_: Slice, after_id: str) -> datetime | None:
    """When the first answer after `after_id` was made."""
    return session.scalar(
        select(Prediction.created_at)
        .where(*slice_.condition(), Prediction.id > after_id)
        .order_by(Prediction.id)
        .limit(1)
    )


def ids_between(session: Session, slice_: Slice, first_id: str, last_id: str) -> list[str]:
    """The answers from `first_id` to `last_id`, both included, in the order of time."""
    return list(
        session.scalars(
            select(Prediction.id)
            .where(*slice_.condition(), Prediction.id >= first_id, Prediction.id <= last_id)
            .order_by(Prediction.id)
        )
    )


def rows(session: Session, ids: Sequence[str]) -> list[Prediction]:
    """Predictions by their ids, in the order of time; what is gone is left out."""
    found: list[Prediction] = []
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        some = ids[start : start + _ROWS_AT_ONCE]
        found.extend(session.scalars(select(Prediction).where(Prediction.id.in_(some))))
    return sorted(found, key=lambda row: row.id)


@dataclass(frozen=True)
class Busiest:
    """The busiest `segments` by name, among the answers since `since_id`."""

    segments: tuple[str, ...]
    since_id: str


def busiest(session: Session, model_version_id: str, among: int, most: int) -> Busiest:
    """The segments with the most of a version's latest `among` answers, at most `most` of them."""
    newest = session.execute(
        select(Prediction.id, Prediction.segment)
        .where(Prediction.model_version_id == model_version_id)
        .order_by(Prediction.id.desc())
        .limit(among)
    ).all()
    counted = Counter(one for _, one in newest if one and one != OTHER)
    ranked = sorted(counted, key=lambda name: (-counted[name], name))
    return Busiest(tuple(sorted(ranked[:most])), newest[-1][0] if newest else "")
