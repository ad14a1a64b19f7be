"""Rows for tests: people, predictions and reviews as the programs would have written them."""

import hashlib
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from service import stepping
from store import guides, jobs, models, people, predictions, reviews, rollout_events, windows
from store.database import Database, Session
from store.ids import new_id
from store.models import NewVersion
from store.pictures import NewPicture
from store.prediction_log import Entry, NewPrediction, PredictionLog
from store.reviews import NewReview
from store.rollouts import Actor
from store.tables import Heartbeat, Job, ModelVersion, Person, Window
from store.windows import NewReport, NewWindow
from tests.store.rolling import PLAN

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
CLASSES = ["black", "grizzly", "teddy"]


@dataclass(frozen=True)
class Asked:
    """A prediction and the review about it."""

    prediction_id: str
    review_id: str
    picture: str


def person(session: Session, name: str, role: str = "reviewer") -> Person:
    """Somebody who can sign in with PASSWORD."""
    return people.add_person(session, name, PASSWORD, role, NOON)


def version(
    session: Session, classes: list[str] | None = None, name: str = "first"
) -> ModelVersion:
    """A registered version; its bundle is a digest only."""
    digest = hashlib.sha256(f"bundle {name}".encode()).hexdigest()
    return models.register(session, NewVersion(digest, 1, classes or CLASSES, {}), NOON)


def guide(
    session: Session, class_name: str, definition: str = "", examples: tuple[str, ...] = ()
) -> None:
    """What a class means."""
    guides.write(session, class_name, definition, examples, "anna", NOON)


def prediction(
    consumer_id: str, picture: str, at: datetime, policy: str | None = None
) -> NewPrediction:
    """An answer that no model gave: people are asked."""
    return NewPrediction(
        id=new_id(at), consumer_id=consumer_id, segment=None, subject=None, reference=None,
        idempotency_key=None, picture_digest=picture, captured_at=None, created_at=at,
        label=None, confidence=None, probabilities=None, model_version_id=None, engine=None,
        precision=None, decision="hold", reasons=["no_model"], policy_digest=policy, stage="manual",
        rollout_event_id=None, status="pending", answer=None, answered_by=None, answered_at=None,
        properties={}, look_score=None, look_p=None, feature_score=None, feature_p=None,
        domain_score=None, domain_p=None, inside=None, domain_reasons=[], features=None,
        audited=False, audit_rate=0.0, milliseconds={},
    )  # fmt: skip


def ask(
    database: Database,
    count: int,
    *,
    lane: str = "held",
    at: datetime = NOON,
    opinions: int = 1,
    **columns: object,
) -> list[Asked]:
    """Predictions a second apart, each with a review, written by the prediction log's own writer."""
    with database.write() as session:
        consumer = people.add_consumer(session, "toy shop", at)
    log = PredictionLog(database)
    log.start()
    asked = []
    for number in range(count):
        when = at + timedelta(seconds=number)
        picture = hashlib.sha256(f"{lane} {number} {when}".encode()).hexdigest()
        row = replace(prediction(consumer.id, picture, when), **columns)  # type: ignore[arg-type]  # columns by name
        review = NewReview(row.id, picture, lane, (lane,), opinions)
        log.keep(Entry(row, NewPicture(picture, "png", 100, 64, 48), review=review))
        asked.append((row.id, picture))
    log.stop()
    with database.read() as session:
        return [
            Asked(row, reviews.of_prediction(session, row)[0].id, picture) for row, picture in asked
        ]


def window(session: Session, version_id: str, segment: str, **changes: Any) -> Window:
    """A checked window with a report, about the newest predictions."""
    ids = [one.id for one in predictions.recent(session, 10)]
    script = b"document.title = 'ran'"
    sha256 = hashlib.sha256(script).hexdigest()
    new = NewWindow(
        model_version_id=version_id,
        segment=segment,
        first_prediction_id=ids[-1],
        last_prediction_id=ids[0],
        starts_at=NOON,
        ends_at=NOON,
        pictures=len(ids),
        verdict="drift",
        values={segment or "brightness": {"p_value": 0.0001, "drift": True}},
        config={},
    )
    html = f"<!doctype html><title>report</title><script src='/drift/scripts/{sha256}.js'></script>"
    report = NewReport("evidently", zlib.compress(b"{}"), zlib.compress(html.encode()), sha256)
    windows.keep_script(session, sha256, zlib.compress(script), NOON)
    return windows.add(session, replace(new, **changes), report, NOON)


SECOND = Actor("person", "a second operator")


def heard(session: Session, now: datetime) -> None:
    """Monitoring says that it is alive."""
    session.merge(Heartbeat(program="monitoring", instance="test", at=now, detail={}))


def ready(session: Session, number: int, now: datetime, **plan: Any) -> None:
    """Answer a version's questions, let monitoring be alive, and let one operator confirm it."""
    heard(session, now)
    stepping.prepare(session, number, {**PLAN, **plan}, SECOND, now)
    rollout = stepping.on_its_way(session, number)
    rollout_events.confirm(session, rollout.id, SECOND, "it may", now, although_held=True)


def job(session: Session, asked_by: str, **changes: Any) -> Job:
    """A training in somebody's hands."""
    made = jobs.add(session, "train", {}, NOON, asked_by=asked_by)
    made.status, made.attempts = "doing", 1
    made.progress = {"phase": "train", "share": 0.4, "note": "epoch 2 of 4"}
    for name, value in changes.items():
        setattr(made, name, value)
    session.flush()
    return made
