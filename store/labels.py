"""What people said, and what is true after they said it.

Labels are append-only; taking one back is a row too. The truth of a review is settled here and nowhere else, by
the plain majority of its opinions (`store.truth`). When a consumer waits for the answer, settling gives it. What is
said of an audited answer and differs from it is read a second time by somebody else, and a split a third time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from store import predictions, reviews, truth, webhooks
from store.errors import Conflict, Invalid, NotFound
from store.ids import new_id
from store.reviews import Lease
from store.tables import Label, Person, Prediction, Review
from store.tables.reviews import LABEL_KINDS
from store.truth import MOST_OPINIONS

SECOND_READ = "second_read"
UNDO_HOURS = 12  # as long as a sign-in: what is undone was said today


@dataclass(frozen=True)
class Answer:
    """One person's answer. `submission` is the page's own id of it: the same one twice is one label."""

    review_id: str
    person_id: str
    token: str
    kind: str
    label: str | None
    submission: str
    shown_at: datetime | None = None
    note: str | None = None


@dataclass(frozen=True)
class Given:
    """What became of an answer: `counted` is false for an extra opinion, which changes nothing."""

    label_id: str
    review_id: str
    counted: bool
    settled: bool


def give(session: Session, answer: Answer, classes: Sequence[str], now: datetime) -> Given:
    """Keep an answer and settle the review when it has opinions enough.

    An answer whose lease has lapsed is kept in any case: as the first opinion where nobody has answered the review, also
    where somebody else holds it by now; else as an extra one that changes nothing, and who gave it may be asked again. So
    is a second answer of the same person, whichever token they show, and one of who skipped it.
    It is not blind when the person saw the answer. Raises Invalid for a class that does not exist.
    """
    _check(answer, classes)
    review = reviews.get(session, answer.review_id, lock=True)
    # under the lock, so that of two posts of one answer the second finds the first
    before = session.scalar(select(Label).where(Label.submission == answer.submission))
    if before is not None:
        if before.person_id != answer.person_id or before.review_id != answer.review_id:
            raise Conflict("This answer's number was used for another one.", "submission_reused")
        return Given(before.id, before.review_id, not before.late, review.status == "settled")
    counted = review.status == "open" and _is_opinion(session, review, answer, now)
    person = session.get(Person, answer.person_id)
    if person is None:
        raise NotFound("There is no such person.")
    shown = reviews.has_seen_answer(session, review.picture_digest, person.id)
    label = Label(
        id=new_id(now),
        review_id=review.id,
        person_id=person.id,
        kind=answer.kind,
        label=answer.label,
        source="human_shown" if shown else "human_blind",
        late=not counted,
        simulated=person.simulated,
        note=answer.note,
        lease_token=answer.token,
        submission=answer.submission,
        shown_at=answer.shown_at,
        created_at=now,
    )
    session.add(label)
    session.flush()
    if counted:
        _settle(session, review, now)
    # whoever else holds it while it is open gives an opinion of their own
    if review.leased_by == person.id or review.status == "settled":
        review.leased_by = review.lease_token = review.lease_until = None
    return Given(label.id, review.id, counted, review.status == "settled")


def undo(
    session: Session, label_id: str, person_id: str, now: datetime, seconds: float = 120.0
) -> Lease:
    """Take one's own answer back; its review is open again and in the same hands.

    Raises NotFound for another person's label, Conflict when it is older than 12 hours, was taken back before, never
    counted, or when somebody else holds the review now.
    """
    label = session.get(Label, label_id)
    if label is None or label.person_id != person_id or label.kind == "undo":
        raise NotFound("There is no such answer of yours.")
    if label.created_at < now - timedelta(hours=UNDO_HOURS):
        raise Conflict("This answer is too old to be taken back.", "too_late")
    # what others settled must not be opened again by an opinion that changed nothing
    if label.late:
        raise Conflict("This answer did not count; there is nothing to take back.", "not_counted")
    review = reviews.get(session, label.review_id, lock=True)
    if session.scalar(select(Label.id).where(Label.undoes_id == label_id)) is not None:
        raise Conflict("This answer was taken back already.", "undone_already")
    if (
        review.leased_by not in (None, person_id)
        and review.lease_until
        and review.lease_until > now
    ):
        raise Conflict("Somebody else has this picture in hand now.", "lease_lost")
    session.add(
        Label(
            id=new_id(now),
            review_id=review.id,
            person_id=person_id,
            kind="undo",
            source=label.source,
            simulated=label.simulated,
            undoes_id=label_id,
            submission=f"undo-{label_id}",
            created_at=now,
        )
    )
    session.flush()
    _reopen(session, review, now)
    return reviews.lease_again(session, review, person_id, now, seconds)


def opinions(session: Session, review_id: str) -> Sequence[Label]:
    """The answers of a review that stand, of each person the first: counted and not taken back, oldest first."""
    taken_back = select(Label.undoes_id).where(
        Label.review_id == review_id, Label.undoes_id.is_not(None)
    )
    rows = session.scalars(
        select(Label)
        .where(
            Label.review_id == review_id,
            Label.kind != "undo",
            Label.late.is_(False),
            Label.id.not_in(taken_back),
        )
        .order_by(Label.created_at, Label.id)
    )
    first: dict[str, Label] = {}
    for one in rows:
        first.setdefault(one.person_id, one)
    return list(first.values())


@dataclass(frozen=True)
class SettledLabel:
    """A picture whose truth is known from people: what retraining and backtests are made of."""

    picture_digest: str
    label: str
    label_id: str
    source: str
    lane: str
    reasons: tuple[str, ...]
    segment: str | None
    audited: bool
    settled_at: datetime


def settled(session: Session, after: datetime | None = None) -> list[SettledLabel]:
    """Settled truths that are classes, one for each picture (the newest), oldest first."""
    query = (
        select(Review, Prediction.segment, Prediction.audited)
        .join(Prediction, Prediction.id == Review.prediction_id)
        .where(Review.status == "settled", Review.truth_kind != "cannot_tell")
        .order_by(Review.settled_at, Review.id)
    )
    if after is not None:
        query = query.where(Review.settled_at > after)
    rows = session.execute(query).all()
    agreeing = _agreeing_labels(session, after)
    newest: dict[str, SettledLabel] = {}
    for review, segment, audited in rows:
        newest.pop(review.picture_digest, None)
        if review.truth_kind != "class":
            continue  # "none of these" or "not usable" overrules the class that was said before
        label_id, source = agreeing[review.id, review.truth_label]
        newest[review.picture_digest] = SettledLabel(
            review.picture_digest, review.truth_label, label_id, source, review.lane,
            tuple(review.reasons), segment, audited, review.settled_at,
        )  # fmt: skip
    return list(newest.values())


def count_settled(session: Session, after: datetime | None = None) -> int:
    """How many reviews settled on a class since `after`."""
    query = select(func.count()).select_from(Review).where(Review.truth_kind == "class")
    if after is not None:
        query = query.where(Review.settled_at > after)
    return session.scalar(query) or 0


def _check(answer: Answer, classes: Sequence[str]) -> None:
    if answer.kind not in LABEL_KINDS[:-1]:
        raise Invalid(f"There is no such kind of answer: {answer.kind!r}.", "unknown_kind")
    if (answer.kind == "class") != (answer.label is not None):
        raise Invalid("An answer is a class, or one of the other kinds.", "label_and_kind")
    if answer.label is not None and answer.label not in classes:
        raise Invalid(f"There is no class {answer.label!r}.", "unknown_class")


def _is_opinion(session: Session, review: Review, answer: Answer, now: datetime) -> bool:
    standing = opinions(session, review.id)
    # before anything else: whoever holds two tokens, in two tabs, say, is one reader
    if any(one.person_id == answer.person_id for one in standing):
        return False
    is_theirs = review.leased_by == answer.person_id
    if is_theirs and review.lease_until is not None and review.lease_until > now:
        return True
    passed = reviews.has_passed(session, review.id, answer.person_id)
    # nobody answers with the token of another, nor with one that they gave back
    if passed or (answer.token == review.lease_token and not is_theirs):
        return False
    # the first opinion is whose it is, though they were slow
    return not standing


def _settle(session: Session, review: Review, now: datetime) -> None:
    standing: list[truth.Opinion] = [(one.kind, one.label) for one in opinions(session, review.id)]
    prediction = predictions.lock(session, review.prediction_id)
    needed = review.opinions_needed
    if review.doubled:
        needed = min(needed, _who_can_be_asked(session))  # one person alone cannot read twice
    read_again = (
        prediction is not None
        and (review.lane, prediction.audited, prediction.answered_by) == ("audit", True, "model")
        and truth.wants_second_read(standing, prediction.answer)
    )
    if read_again:
        # it waits for other readers however few there are: an audit that takes one person's word is biased
        review.reasons = [*(one for one in review.reasons if one != SECOND_READ), SECOND_READ]
        needed, most = max(needed, 2), MOST_OPINIONS
    else:
        most = min(MOST_OPINIONS, _who_can_be_asked(session))
    settled = truth.settle(standing, needed, most)
    if settled is None:
        return  # `opinions_needed` is left as it was, so that an undo finds it so
    review.status, review.settled_at = "settled", now
    review.truth_kind, review.truth_label = settled
    if prediction is not None and prediction.status == "pending":
        prediction.status, prediction.answer = "answered", review.truth_label
        prediction.answered_by, prediction.answered_at = "person", now
        webhooks.prediction_changed(session, prediction, "answered", now)
    session.flush()


def _who_can_be_asked(session: Session) -> int:
    return session.scalar(select(func.count()).where(Person.active.is_(True))) or 0


def _reopen(session: Session, review: Review, now: datetime) -> None:
    prediction = predictions.lock(session, review.prediction_id)
    # a prediction may have several reviews: only the one that gave the answer takes it back
    gave_it = prediction is not None and prediction.answered_at == review.settled_at
    review.status = "open"
    review.truth_kind = review.truth_label = review.settled_at = None
    # whether a second reader is wanted is found anew when the next answer comes
    review.reasons = [one for one in review.reasons if one != SECOND_READ]
    if prediction is not None and gave_it and prediction.answered_by == "person":
        prediction.status, prediction.answer = "pending", None
        prediction.answered_by = prediction.answered_at = None
        webhooks.prediction_changed(session, prediction, "reopened", now)
    session.flush()


def _agreeing_labels(
    session: Session, after: datetime | None
) -> dict[tuple[str, str], tuple[str, str]]:
    undo = aliased(Label)
    query = (
        select(Label.review_id, Label.label, Label.id, Label.source)
        .join(Review, Review.id == Label.review_id)
        .where(
            Review.status == "settled",
            Label.kind == "class",
            Label.label == Review.truth_label,
            Label.late.is_(False),
            ~exists().where(undo.undoes_id == Label.id),
        )
        .order_by(Label.created_at.desc(), Label.id.desc())
    )
    if after is not None:
        query = query.where(Review.settled_at > after)
    rows = session.execute(query)
    return {(review, label or ""): (identity, source) for review, label, identity, source in rows}
