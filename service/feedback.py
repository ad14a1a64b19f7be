"""What a consumer says back about an answer: it is kept, and people are asked where it says the answer is wrong.

It is no label: nothing is trained on it before people have looked.
"""

from dataclasses import dataclass
from datetime import datetime

from service import metrics
from store import models, predictions, reviews
from store.database import Session
from store.errors import Conflict, Invalid
from store.reviews import NewReview
from store.rollouts import Live
from store.tables import Prediction, Review


@dataclass(frozen=True)
class Said:
    """A class, or whether the answer was right, and a note in words."""

    label: str | None
    correct: bool | None
    note: str | None


def give(
    session: Session, prediction_id: str, consumer_id: str, said: Said, live: Live, now: datetime
) -> Review | None:
    """The review that it led to; None when it says that the answer was right.

    Raises NotFound (also for another consumer's prediction), Invalid with code `unknown_class`, Conflict with code
    `no_answer_yet` when there is nothing yet that could be right or wrong.
    """
    prediction = predictions.get(session, prediction_id, consumer_id)
    if said.label is not None:
        _check_class(session, said.label, prediction, live)
    elif prediction.answered_by is None:
        raise Conflict(
            "There is no answer yet that could be right or wrong: say the class instead.",
            "no_answer_yet",
        )
    right = said.label == prediction.answer if said.label is not None else said.correct
    predictions.add_feedback(
        session, prediction, label=said.label, correct=right, note=said.note, now=now
    )
    metrics.FEEDBACK.labels("right" if right else "wrong").inc()
    if right:
        return None
    # while a consumer waits the same question is open already, in the first of all lanes
    lane = "held" if prediction.status == "pending" else "feedback"
    new = NewReview(prediction.id, prediction.picture_digest, lane, ("feedback",))
    review = reviews.open_review(session, new, now)
    metrics.REVIEWS_OPENED.labels(lane).inc()
    return review


def _check_class(session: Session, label: str, prediction: Prediction, live: Live) -> None:
    """The classes of the model that answered then and of those that run now; of the newest where there are none."""
    running = [one.version_id for one in (live.incumbent, live.candidate) if one is not None]
    versions = [*running, *([prediction.model_version_id] if prediction.model_version_id else [])]
    if versions:
        known = {name for one in versions for name in models.get(session, one).classes}
    else:
        known = {name for one in models.newest_first(session, 1) for name in one.classes}
    if label not in known:
        raise Invalid(
            f"There is no class {label!r}: the classes are {', '.join(sorted(known)) or 'not known yet'}.",
            "unknown_class",
        )
