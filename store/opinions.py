"""What models said of logged pictures, as much of it as a policy decides by; read once, newest first, bounded."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.tables import Prediction

MOST = 100_000


@dataclass(frozen=True)
class Opinion:
    """One model's opinion of one picture, and what was decided then."""

    label: str
    confidence: float
    probabilities: dict[str, float]
    inside: bool
    decision: str


def since(session: Session, moment: datetime, limit: int = MOST) -> list[Opinion]:
    """The newest `limit` opinions from a moment on."""
    rows = session.execute(
        select(
            Prediction.label, Prediction.confidence, Prediction.probabilities, Prediction.inside,
            Prediction.decision,
        )
        .where(Prediction.created_at >= moment, Prediction.label.is_not(None))
        .order_by(Prediction.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [
        Opinion(label, confidence, dict(probabilities or {}), bool(inside), decision)
        for label, confidence, probabilities, inside, decision in rows
    ]


def begins(session: Session, moment: datetime, limit: int = MOST) -> datetime:
    """From when on `since` has read everything: later than `moment` where there was more, or the log is younger.

    What is counted a day is counted over this time, or a busy system would seem to ask for fewer reviews than it does.
    """
    said = Prediction.label.is_not(None)
    last = session.scalar(
        select(Prediction.created_at)
        .where(Prediction.created_at >= moment, said)
        .order_by(Prediction.id.desc())
        .offset(limit - 1)
        .limit(1)
    )
    first = session.scalar(select(func.min(Prediction.created_at)).where(said))
    return max([moment, *(one for one in (last, first) if one is not None)])
