"""Audit labels that differ from the answer and wait for a second reader.

They are no truth yet (`store.labels`), but leaving them out would leave out what the answering model got wrong: a
comparison of models on the settled ones alone would be decided for the one that answers.
"""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from store import labels
from store.labels import SettledLabel
from store.tables import Label, Prediction, Review


def so_far(session: Session) -> list[SettledLabel]:
    """What is settled, and for pictures without a truth what readers agree on so far; one for each picture."""
    found = {one.picture_digest: one for one in provisional(session)}
    for one in labels.settled(session):
        found.pop(one.picture_digest, None)
        found[one.picture_digest] = one
    return list(found.values())


def provisional(session: Session) -> list[SettledLabel]:
    """The classes that readers agree on so far, one for each picture, oldest first."""
    undo = aliased(Label)
    rows = session.execute(
        select(Label, Review, Prediction.segment, Prediction.audited)
        .join(Review, Review.id == Label.review_id)
        .join(Prediction, Prediction.id == Review.prediction_id)
        .where(
            Review.status == "open",
            Review.lane == "audit",
            Label.kind != "undo",
            Label.late.is_(False),
            ~exists().where(undo.undoes_id == Label.id),
        )
        .order_by(Label.created_at, Label.id)
    ).all()
    said: dict[str, set[str | None]] = {}
    found: dict[str, SettledLabel] = {}
    for label, review, segment, audited in rows:
        said.setdefault(review.id, set()).add(label.label)
        found[review.id] = SettledLabel(
            review.picture_digest, label.label or "", label.id, label.source, review.lane,
            tuple(review.reasons), segment, audited, label.created_at,
        )  # fmt: skip
    agreed = [one for review, one in found.items() if len(said[review]) == 1 and one.label]
    return list({one.picture_digest: one for one in agreed}.values())
