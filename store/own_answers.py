"""The answers of one person that count and were not taken back: what a reviewer's page lists and can undo."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.tables import Label, Review


@dataclass(frozen=True)
class OwnAnswer:
    """An answer of one's own that counts and can still be taken back."""

    label_id: str
    review_id: str
    picture_digest: str
    kind: str
    label: str | None
    at: datetime


def standing(session: Session, person_id: str, since: datetime, limit: int) -> list[OwnAnswer]:
    """A person's answers since `since` that count and stand, newest first."""
    taken_back = select(Label.undoes_id).where(
        Label.person_id == person_id, Label.undoes_id.is_not(None)
    )
    rows = session.execute(
        select(Label, Review.picture_digest)
        .join(Review, Review.id == Label.review_id)
        .where(
            Label.person_id == person_id,
            Label.created_at >= since,
            Label.kind != "undo",
            Label.late.is_(False),
            Label.id.not_in(taken_back),
        )
        .order_by(Label.created_at.desc(), Label.id.desc())
        .limit(limit)
    )
    return [
        OwnAnswer(one.id, one.review_id, digest, one.kind, one.label, one.created_at)
        for one, digest in rows
    ]
