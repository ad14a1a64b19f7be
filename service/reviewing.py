"""Bring pictures to people one after another, and take what they say.

Order: lease some pictures ahead, show one, take the answer with the lease's token, and lease the next. The first
pass is blind: nothing that leaves this module tells what a model said about a picture, why people are asked about
it or in which lane it waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from store import guides, labels, models, own_answers, pictures, reviews, rollouts
from store.database import Session
from store.draws import draw
from store.errors import Conflict, Invalid
from store.labels import Answer, Given
from store.own_answers import OwnAnswer
from store.reviews import Lease
from store.sign_ins import SIGN_IN_HOURS

MOST_HELD = 12  # a page looks a few pictures ahead; nobody keeps the queue from the others
MOST_REMEMBERED = 50
ANSWER_KINDS = ("class", "none_of_these", "not_usable", "cannot_tell")


@dataclass(frozen=True)
class Question:
    """A picture in one person's hands until `until`; sides in pixels."""

    review_id: str
    picture_digest: str
    width: int
    height: int
    token: str
    until: datetime


@dataclass(frozen=True)
class Turn:
    """What a person gets next, and how many reviews wait in all, those in other hands included."""

    questions: tuple[Question, ...]
    waiting: int


def classes(session: Session) -> list[str]:
    """The classes that people choose from, in the order of their keys.

    Those of the model that answers, then those that only the candidate knows; without either those of the newest
    version; before there is any model those that the class guide names.
    """
    live = rollouts.live(session)
    running = [one for one in (live.incumbent, live.candidate) if one is not None]
    if running:
        known = [models.get(session, one.version_id).classes for one in running]
    else:
        known = [version.classes for version in models.newest_first(session, limit=1)]
    if not known:
        return sorted(guides.in_force(session))
    return list(dict.fromkeys(name for names in known for name in names))


def from_the_end(secret_key: str, person_id: str, day: date) -> bool:
    """Whether a person sees the list of classes from its end on a day: half of all days, drawn.

    So of the two answers of a disagreement either stands above the other by chance, and nobody is told which they are.
    """
    return draw(secret_key, "order", f"{person_id} {day.isoformat()}") < 0.5


def take(
    session: Session,
    person_id: str,
    now: datetime,
    *,
    seconds: float,
    holding: Sequence[str] = (),
    count: int = 1,
) -> Turn:
    """Lease up to `count` reviews more than the person holds. Raises Invalid for more than 12 in one's hands."""
    if len(holding) + count > MOST_HELD:
        raise Invalid(f"One person holds at most {MOST_HELD} pictures at a time.", "too_many_held")
    known = list(holding)
    questions: list[Question] = []
    for _ in range(count):
        lease = reviews.lease_next(session, person_id, now, seconds=seconds, holding=known)
        if lease is None:
            break
        known.append(lease.review_id)
        questions.append(_question(session, lease))
    return Turn(tuple(questions), reviews.queue(session, now).open)


def in_hand(session: Session, review_id: str, person_id: str, now: datetime) -> Question:
    """The review that a person holds. Raises NotFound, and Conflict with code `lease_lost` when it is not theirs."""
    review = reviews.get(session, review_id)
    until = review.lease_until
    if review.leased_by != person_id or not review.lease_token or until is None or until <= now:
        raise Conflict("This picture is no longer in your hands.", "lease_lost")
    lease = Lease(review.id, review.picture_digest, review.lane, review.lease_token, until)
    return _question(session, lease)


def answer(session: Session, given: Answer, now: datetime) -> Given:
    """Keep an answer. `counted` is false where it came too late, or was the same person's second: an extra opinion.

    Raises Invalid for a class or a kind that does not exist, Conflict for a submission's number used twice.
    """
    return labels.give(session, given, classes(session), now)


def skip(session: Session, review_id: str, token: str, person_id: str, now: datetime) -> None:
    """Give a review back unanswered; it is offered to others, and to this person no more."""
    reviews.give_back(session, review_id, token, person_id, now)


def renew(session: Session, review_id: str, token: str, now: datetime, seconds: float) -> datetime:
    """Hold a review longer. Raises Conflict with code `lease_lost` when it is in other hands by now."""
    return reviews.renew(session, review_id, token, now, seconds)


def take_back(
    session: Session, label_id: str, person_id: str, now: datetime, seconds: float
) -> Question:
    """Take one's own answer back and hold its review again. Raises NotFound or Conflict as `store.labels.undo`."""
    return _question(session, labels.undo(session, label_id, person_id, now, seconds))


def given_today(session: Session, person_id: str, now: datetime) -> list[OwnAnswer]:
    """The answers that a person can still take back from the page, newest first: those of one sign-in."""
    since = now - timedelta(hours=SIGN_IN_HOURS)
    return own_answers.standing(session, person_id, since, MOST_REMEMBERED)


def _question(session: Session, lease: Lease) -> Question:
    picture = pictures.get(session, lease.picture_digest)
    return Question(
        lease.review_id,
        lease.picture_digest,
        picture.width,
        picture.height,
        lease.token,
        lease.until,
    )
