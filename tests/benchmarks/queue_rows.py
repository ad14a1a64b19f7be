"""What the rows of the queue say, read apart from the code that wrote them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from store.database import Session
from store.tables import Label, Review


@dataclass(frozen=True)
class Kept:
    """One label as it lies there."""

    review_id: str
    person_id: str
    label: str | None
    late: bool


def labels(session: Session) -> dict[str, Kept]:
    """Every label by its submission."""
    rows = session.execute(
        select(Label.submission, Label.review_id, Label.person_id, Label.label, Label.late)
    )
    return {
        number: Kept(review, person, label, late) for number, review, person, label, late in rows
    }


def reviews(session: Session) -> dict[str, int]:
    """How many opinions each review needs."""
    rows = session.execute(select(Review.id, Review.opinions_needed))
    return dict(rows.tuples().all())


def lapsed(session: Session, now: datetime) -> dict[str, datetime]:
    """Open reviews whose lease has ended, which nobody has been given since; when it ended."""
    query = select(Review.id, Review.lease_until).where(
        Review.status == "open", Review.lease_until <= now
    )
    return {review: until for review, until in session.execute(query) if until is not None}


def open_reviews(session: Session) -> int:
    """How many still wait."""
    query = select(func.count()).select_from(Review).where(Review.status == "open")
    return session.scalar(query) or 0
