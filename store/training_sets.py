"""Frozen training sets: which picture, which label, where the label came from, which split.

The digest covers every row, so two sets with the same digest are the same set. What may be in one is held by the
database (see `store.tables.models.TrainingRow`): a golden or audit picture is refused, whoever asks.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from store.errors import Conflict, Invalid, NotFound
from store.ids import new_id
from store.tables import DuplicateGroup, GoldenLabel, StoredPicture, TrainingRow, TrainingSet


@dataclass(frozen=True)
class Row:
    """One picture of a set. `source`: human_blind, human_shown or folder; `split`: train, valid or calibration."""

    picture_digest: str
    label: str
    split: str
    source: str
    label_id: str | None = None


def digest_of(classes: Sequence[str], rows: Sequence[Row]) -> str:
    """SHA-256 over the classes and all rows, in an order that does not depend on how they were gathered."""
    text = "\n".join(
        [
            "ursa training set 1",
            "\t".join(classes),
            *sorted(f"{r.picture_digest}\t{r.label}\t{r.split}\t{r.source}" for r in rows),
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def freeze(
    session: Session,
    classes: Sequence[str],
    rows: Sequence[Row],
    now: datetime,
    parent_id: str | None = None,
) -> TrainingSet:
    """Keep a set; the one that is there when the same rows were frozen before.

    Raises Invalid when a label is no class or a picture stands twice, Conflict when the audit or the golden set
    holds one of the pictures.
    """
    digest = digest_of(classes, rows)
    before = session.scalar(select(TrainingSet).where(TrainingSet.digest == digest))
    if before is not None:
        return before
    _check(classes, rows)
    groups = _groups(session, [row.picture_digest for row in rows])
    barred = [one for one, (_, purpose) in groups.items() if purpose != "training"]
    if barred:
        raise Conflict(
            f"{len(barred)} pictures belong to the audit or the golden set.", "not_for_training"
        )
    made = TrainingSet(
        id=new_id(now),
        digest=digest,
        parent_id=parent_id,
        classes=list(classes),
        counts=_counts(rows),
        created_at=now,
    )
    session.add(made)
    session.flush()
    session.execute(
        insert(TrainingRow),
        [
            {
                "training_set_id": made.id,
                "picture_digest": row.picture_digest,
                "group_id": groups[row.picture_digest][0],
                "purpose": "training",
                "label": row.label,
                "split": row.split,
                "source": row.source,
                "label_id": row.label_id,
            }
            for row in rows
        ],
    )
    return made


def get(session: Session, training_set_id: str) -> TrainingSet:
    """Raises NotFound."""
    found = session.get(TrainingSet, training_set_id)
    if found is None:
        raise NotFound("There is no such training set.")
    return found


def examples(session: Session, training_set_id: str, label: str, limit: int) -> Sequence[str]:
    """Digests of some pictures of a class in a set, always the same ones."""
    return session.scalars(
        select(TrainingRow.picture_digest)
        .where(TrainingRow.training_set_id == training_set_id, TrainingRow.label == label)
        .where(TrainingRow.withdrawn_at.is_(None))
        .order_by(TrainingRow.picture_digest)
        .limit(limit)
    ).all()


def rows(session: Session, training_set_id: str, *, withdrawn: bool = False) -> list[Row]:
    """The rows of a set by picture digest; those that were withdrawn since are left out unless asked for."""
    query = select(TrainingRow).where(TrainingRow.training_set_id == training_set_id)
    if not withdrawn:
        query = query.where(TrainingRow.withdrawn_at.is_(None))
    return [
        Row(row.picture_digest, row.label, row.split, row.source, row.label_id)
        for row in session.scalars(query.order_by(TrainingRow.picture_digest))
    ]


def seen_groups(session: Session, training_set_ids: Sequence[str]) -> set[str]:
    """Groups of pictures that any of these sets, or one that it grew from, holds or held.

    It is what a model trained on them has seen: its weights began with those of the model before.
    """
    training_set_ids = _with_ancestors(session, training_set_ids)
    return set(
        session.scalars(
            select(TrainingRow.group_id)
            .where(TrainingRow.training_set_id.in_(training_set_ids))
            .distinct()
        )
    )


def keep_golden(session: Session, labels: dict[str, str], now: datetime) -> None:
    """The right answers of golden pictures that came in a folder, by digest; the first one said stays."""
    digests = list(labels)
    known: set[str] = set()
    for start in range(0, len(digests), 500):
        part = digests[start : start + 500]
        known.update(
            session.scalars(
                select(GoldenLabel.picture_digest).where(GoldenLabel.picture_digest.in_(part))
            )
        )
    new = [
        {"picture_digest": digest, "label": label, "created_at": now}
        for digest, label in labels.items()
        if digest not in known
    ]
    if new:
        session.execute(insert(GoldenLabel), new)


def golden(session: Session) -> dict[str, str]:
    """Label by digest of the golden pictures that came in a folder."""
    rows = session.execute(select(GoldenLabel.picture_digest, GoldenLabel.label)).tuples().all()
    return dict(rows)


def _with_ancestors(session: Session, training_set_ids: Sequence[str]) -> list[str]:
    sets = session.execute(select(TrainingSet.id, TrainingSet.parent_id)).tuples().all()
    known = dict(sets)
    found: set[str] = set()
    waiting = list(training_set_ids)
    while waiting:
        one = waiting.pop()
        parent = known.get(one)
        if one not in found and parent is not None:
            waiting.append(parent)
        found.add(one)
    return sorted(found)


def _check(classes: Sequence[str], rows: Sequence[Row]) -> None:
    if not rows:
        raise Invalid("A training set needs pictures.", "empty_set")
    if len({row.picture_digest for row in rows}) != len(rows):
        raise Invalid("A picture stands twice in the training set.", "picture_twice")
    unknown = {row.label for row in rows} - set(classes)
    if unknown:
        raise Invalid(f"No such class: {', '.join(sorted(unknown))}.", "unknown_class")


def _groups(session: Session, digests: Sequence[str]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(digests), 500):
        found.update(
            {
                digest: (group, purpose)
                for digest, group, purpose in session.execute(
                    select(StoredPicture.digest, DuplicateGroup.id, DuplicateGroup.purpose)
                    .join(DuplicateGroup, DuplicateGroup.id == StoredPicture.group_id)
                    .where(StoredPicture.digest.in_(digests[start : start + 500]))
                )
            }
        )
    if len(found) != len(digests):
        raise NotFound("A picture of the training set is not stored.")
    return found


def _counts(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    return {
        "class": dict(Counter(row.label for row in rows)),
        "split": dict(Counter(row.split for row in rows)),
        "source": dict(Counter(row.source for row in rows)),
    }
