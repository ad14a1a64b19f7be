"""What tests of the store begin with: a consumer, people, pictures, predictions, reviews, model versions."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from store import models, people
from store.database import Database, Session
from store.ids import new_id
from store.pictures import NewPicture
from store.prediction_log import Entry, NewPrediction, PredictionLog
from store.reviews import NewReview
from store.tables import ModelVersion, Person

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CLASSES = ["black", "grizzly", "teddy"]


def later(**time: float) -> datetime:
    """A moment after NOW, by the arguments of timedelta."""
    return NOW + timedelta(**time)


def digest(name: object) -> str:
    """The digest of the picture that a test calls `name`."""
    return hashlib.sha256(str(name).encode()).hexdigest()


def picture(name: object) -> NewPicture:
    """The row of the picture that a test calls `name`."""
    return NewPicture(digest(name), "jpeg", 1000, 64, 48)


def consumer(session: Session, name: str = "shop") -> str:
    """The id of a consumer."""
    return people.add_consumer(session, name, NOW).id


def person(session: Session, name: str = "rita") -> str:
    """The id of a reviewer who cannot sign in: a password's hash takes long to make."""
    row = Person(
        id=new_id(NOW), name=name, role="reviewer", password_hash="-", active=True, created_at=NOW
    )
    session.add(row)
    session.flush()
    return row.id


def version(session: Session, name: object = "bundle", now: datetime = NOW) -> ModelVersion:
    """A registered model version."""
    new = models.NewVersion(digest(name), 1000, CLASSES, {"made": "for a test"})
    return models.register(session, new, now)


def prediction(consumer_id: str, number: int = 0, **changes: Any) -> NewPrediction:
    """Prediction `number`, made `number` seconds after NOW."""
    made = later(seconds=number)
    row = NewPrediction(
        id=new_id(made), consumer_id=consumer_id, segment=None, subject=None, reference=None,
        idempotency_key=None, picture_digest=digest(number), captured_at=None, created_at=made,
        label="grizzly", confidence=0.9, probabilities={"grizzly": 0.9, "black": 0.1},
        model_version_id=None, engine=None, precision=None, decision="answer", reasons=[],
        policy_digest=None, stage="full", rollout_event_id=None, status="answered",
        answer="grizzly", answered_by="model", answered_at=made, properties={"brightness": 0.5},
        look_score=1.0, look_p=0.4, feature_score=2.0, feature_p=0.5, domain_score=1.5,
        domain_p=0.45, inside=True, domain_reasons=[], features=None, audited=False,
        audit_rate=0.05, milliseconds={},
    )  # fmt: skip
    return replace(row, **changes)


PENDING: dict[str, Any] = {"decision": "hold", "status": "pending", "answer": None, "answered_by": None, "answered_at": None}  # fmt: skip


def entry(consumer_id: str, number: int = 0, lane: str | None = None, **changes: Any) -> Entry:
    """The log entry of prediction `number`, with a review in `lane` if one is named."""
    row = prediction(consumer_id, number, **changes)
    review = lane and NewReview(row.id, row.picture_digest, lane, (_REASONS[lane],))
    return Entry(row, replace(picture(number), digest=row.picture_digest), review=review or None)


_REASONS = {
    "held": "held", "evidence": "disagreement", "audit": "audit", "feedback": "feedback", "rule": "domain"
}  # fmt: skip


def keep(database: Database, entries: Iterable[Entry]) -> None:
    """Write entries through the prediction log, as many threads of a service would."""
    log = PredictionLog(database, wait_seconds=60)
    log.start()
    try:
        with ThreadPoolExecutor(32) as requests:
            list(requests.map(log.keep, entries))
    finally:
        log.stop()
