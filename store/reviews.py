"""The queue of questions to people.

A review is leased to one person for some minutes, with a token. Every write shows the token; a lapsed lease can be
taken by someone else, and then the old token writes nothing over the new one's answer (`store.labels`).
Order: the lane first (a consumer who waits, an experiment, the audit, ...), then the oldest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Exists, Select, and_, exists, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from store.database import insert_new
from store.errors import Conflict, NotFound
from store.ids import new_id
from store.tables import Label, Review, ReviewPass, SeenAnswer
from store.tables.reviews import LANES
from store.truth import MOST_OPINIONS

# lanes whose readers must not have seen an answer
BLIND = ("audit", "evidence")


@dataclass(frozen=True)
class NewReview:
    """A question to people about one prediction's picture, and why it is asked."""

    prediction_id: str
    picture_digest: str
    lane: str
    reasons: tuple[str, ...]
    opinions_needed: int = 1
    deadline: datetime | None = None
    doubled: bool = False


@dataclass(frozen=True)
class Lease:
    """A review in one person's hands until `until`; `token` must be shown with the answer."""

    review_id: str
    picture_digest: str
    lane: str
    token: str
    until: datetime


def open_review(session: Session, new: NewReview, now: datetime) -> Review:
    """Ask people. The same question in the same lane stays one review and gathers its reasons.

    One that was settled and is asked again (feedback, say) needs one opinion more and is open again, until as many
    as ever are needed have been asked: whoever repeats a question cannot fill the queue with it.
    """
    # two who ask at once ask one question, and what is asked of a question that is being settled finds it settled
    is_first = insert_new(session, Review, [_row(new, now)])
    review = session.scalars(
        select(Review)
        .where(Review.prediction_id == new.prediction_id, Review.lane == new.lane)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if not is_first:
        review.reasons = sorted({*review.reasons, *new.reasons})
        if review.status == "settled" and review.opinions_needed < MOST_OPINIONS:
            review.opinions_needed += 1
            review.status, review.truth_kind, review.truth_label, review.settled_at = (
                "open",
                None,
                None,
                None,
            )
    session.flush()
    return review


def open_first(session: Session, asked: Sequence[tuple[NewReview, datetime]]) -> None:
    """Ask people about predictions that nobody has asked about, being as new as the question."""
    if asked:
        session.execute(insert(Review), [_row(new, now) for new, now in asked])


def _row(new: NewReview, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(now),
        "prediction_id": new.prediction_id,
        "picture_digest": new.picture_digest,
        "lane": new.lane,
        "lane_order": LANES.index(new.lane),
        "reasons": list(new.reasons),
        "opinions_needed": new.opinions_needed,
        "doubled": new.doubled,
        "deadline": new.deadline,
        "created_at": now,
        "status": "open",
    }


def lease_next(
    session: Session,
    person_id: str,
    now: datetime,
    *,
    seconds: float = 120.0,
    holding: Sequence[str] = (),
) -> Lease | None:
    """Lease the next review to a person; None when nothing waits for them.

    `holding`: ids of reviews that the person's page has in hand already. A lease of theirs that the page does not
    know (it was reloaded) is handed out again first, with a new token. Nobody is asked twice about one review, nor
    for the audit or an experiment about a picture whose answer they saw.
    """
    own = _open().where(
        Review.leased_by == person_id, Review.lease_until > now, Review.id.not_in(holding)
    )
    free = _open().where(
        or_(Review.lease_until.is_(None), Review.lease_until <= now),
        Review.id.not_in(holding),
        ~_answered_by(person_id),
        ~exists().where(ReviewPass.review_id == Review.id, ReviewPass.person_id == person_id),
        ~and_(Review.lane.in_(BLIND), _seen(Review.picture_digest, person_id)),
    )
    for query in (own, free):
        review = session.scalar(
            query.order_by(Review.lane_order, Review.created_at, Review.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if review is not None:
            return _lease(session, review, person_id, now, seconds)
    return None


def renew(
    session: Session, review_id: str, token: str, now: datetime, seconds: float = 120.0
) -> datetime:
    """Hold a review longer. Raises Conflict with code `lease_lost` when it is in other hands, or settled."""
    until = now + timedelta(seconds=seconds)
    held = session.execute(
        update(Review)
        .where(Review.id == review_id, Review.lease_token == token, Review.lease_until > now)
        .values(lease_until=until)
    )
    if held.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result has it
        raise Conflict("This review is no longer yours.", "lease_lost")
    return until


def give_back(session: Session, review_id: str, token: str, person_id: str, now: datetime) -> None:
    """Skip: the lease ends, and the review is not offered to this person again."""
    review = get(session, review_id, lock=True)
    if review.lease_token == token:
        _end_lease(review)
    if not has_passed(session, review_id, person_id):
        session.add(ReviewPass(review_id=review_id, person_id=person_id, created_at=now))
    session.flush()


def has_passed(session: Session, review_id: str, person_id: str) -> bool:
    """Whether somebody gave a review back unanswered."""
    return session.get(ReviewPass, (review_id, person_id)) is not None


def saw_answer(session: Session, picture_digest: str, person_id: str, now: datetime) -> None:
    """Note that somebody saw what was answered to a picture; once is enough."""
    insert_new(
        session,
        SeenAnswer,
        [{"picture_digest": picture_digest, "person_id": person_id, "created_at": now}],
    )


def has_seen_answer(session: Session, picture_digest: str, person_id: str) -> bool:
    """Whether somebody saw what was answered to a picture."""
    return session.get(SeenAnswer, (picture_digest, person_id)) is not None


def get(session: Session, review_id: str, *, lock: bool = False) -> Review:
    """Raises NotFound."""
    # what this session read before the lock may have changed since
    review = session.get(Review, review_id, with_for_update=lock or None, populate_existing=lock)
    if review is None:
        raise NotFound("There is no such review.")
    return review


def of_prediction(session: Session, prediction_id: str) -> Sequence[Review]:
    """Every question that was asked about a prediction."""
    return session.scalars(
        select(Review).where(Review.prediction_id == prediction_id).order_by(Review.created_at)
    ).all()


def settled_as(session: Session, label: str, limit: int) -> Sequence[str]:
    """Digests of the pictures that people settled on a class, newest first, each once."""
    newest = func.max(Review.settled_at)
    return session.scalars(
        select(Review.picture_digest)
        .where(Review.status == "settled", Review.truth_kind == "class")
        .where(Review.truth_label == label)
        .group_by(Review.picture_digest)
        .order_by(newest.desc(), Review.picture_digest)
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Queue:
    """How many reviews wait, by lane, how long the oldest has waited, and how many were settled since."""

    open_by_lane: dict[str, int]
    oldest: datetime | None
    settled: int

    @property
    def open(self) -> int:
        """Reviews that wait, in all lanes."""
        return sum(self.open_by_lane.values())


def queue(session: Session, since: datetime) -> Queue:
    """The state of the queue; `settled` counts since `since`."""
    rows = session.execute(
        select(Review.lane, func.count(), func.min(Review.created_at))
        .where(Review.status == "open")
        .group_by(Review.lane)
    ).all()
    settled = session.scalar(
        select(func.count()).select_from(Review).where(Review.settled_at >= since)
    )
    return Queue(
        open_by_lane={lane: number for lane, number, _ in rows},
        oldest=min((oldest for _, _, oldest in rows), default=None),
        settled=settled or 0,
    )


def _open() -> Select[tuple[Review]]:
    return select(Review).where(Review.status == "open")


def _seen(picture_digest: InstrumentedAttribute[str], person_id: str) -> Exists:
    return exists().where(
        SeenAnswer.picture_digest == picture_digest, SeenAnswer.person_id == person_id
    )


def _answered_by(person_id: str) -> Exists:
    undo = Label.__table__.alias("undo")
    undone = exists().where(undo.c.undoes_id == Label.id)
    return exists().where(
        and_(
            Label.review_id == Review.id,
            Label.person_id == person_id,
            Label.kind != "undo",
            # an extra opinion answers nothing: where nobody else can be asked, its author can
            Label.late.is_(False),
            ~undone,
        )
    )


def _lease(
    session: Session, review: Review, person_id: str, now: datetime, seconds: float
) -> Lease:
    until = now + timedelta(seconds=seconds)
    review.leased_by, review.lease_token, review.lease_until = person_id, new_id(now), until
    session.flush()
    return Lease(review.id, review.picture_digest, review.lane, review.lease_token, until)


def lease_again(
    session: Session, review: Review, person_id: str, now: datetime, seconds: float = 120.0
) -> Lease:
    """Put an open review into a person's hands again (after an undo)."""
    return _lease(session, review, person_id, now, seconds)


def _end_lease(review: Review) -> None:
    review.leased_by = review.lease_token = review.lease_until = None
