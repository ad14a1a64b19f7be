"""Who wants to be told what, and the outbox: an event is a row, written in the transaction of its cause.

Each event for each webhook is one delivery and one job. A delivery that is recorded as done is never sent again; one
that was sent and not recorded (its sender died in between) is sent again with the same id and the same bytes, by
which the receiver knows it. Nothing is sent from here.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from store import jobs
from store.database import insert_new
from store.errors import NotFound
from store.ids import new_id
from store.jobs import Claimed
from store.tables import Alarm, Delivery, Job, Prediction, Webhook

JOB = "webhooks"
# 20 s, 40 s, ... and all together a day
ATTEMPTS = 12


@dataclass(frozen=True)
class Parcel:
    """What is to be sent where, and the secret that signs it."""

    delivery_id: str
    url: str
    secret: str
    body: str


def add(session: Session, url: str, consumer_id: str | None, now: datetime) -> Webhook:
    """A webhook of a consumer, or without one of the operators, with a secret of its own."""
    secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    hook = Webhook(
        id=new_id(now), consumer_id=consumer_id, url=url, secret=secret, active=True, created_at=now
    )
    session.add(hook)
    session.flush()
    return hook


def remove(session: Session, webhook_id: str, now: datetime) -> int:
    """Tell it nothing any more; how many deliveries are given up. Raises NotFound."""
    # whoever announces something holds it: what is still being written is given up too
    hook = session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    if hook is None or not hook.active:
        raise NotFound("There is no such webhook.")
    hook.active = False
    waiting = select(Delivery.id).where(*_waiting(), Delivery.webhook_id == webhook_id)
    given_up = session.execute(
        update(Delivery)
        .where(Delivery.id.in_(waiting))
        .values(given_up_at=now, said="the webhook was removed")
    )
    return int(given_up.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has it


@dataclass(frozen=True)
class Listed:
    """A webhook and how it stands: what waits, and what was last said to a delivery."""

    webhook: Webhook
    waiting: int
    said: str | None


def listed(session: Session) -> list[Listed]:
    """Every webhook that is told something, oldest first."""
    hooks = session.scalars(select(Webhook).where(Webhook.active.is_(True)).order_by(Webhook.id))
    return [Listed(hook, _count(session, hook.id), _said(session, hook.id)) for hook in hooks]


def announce(
    session: Session,
    kind: str,
    cause: str,
    data: dict[str, Any],
    now: datetime,
    consumer_id: str | None = None,
) -> int:
    """Tell a consumer's webhooks, or the operators', in the transaction of `cause`; how many are told.

    The same cause is told once, however often it is announced.
    """
    whose = (
        Webhook.consumer_id.is_(None) if consumer_id is None else Webhook.consumer_id == consumer_id
    )
    told = 0
    # held, together with others: nobody removes it before the deliveries are there to be given up
    hooks = select(Webhook.id).where(whose, Webhook.active.is_(True)).order_by(Webhook.id)
    for hook_id in session.scalars(hooks.with_for_update(read=True)).all():
        delivery_id = new_id(now)
        message = {"id": delivery_id, "type": kind, "timestamp": now.isoformat(), "data": data}
        row = {
            "id": delivery_id,
            "webhook_id": hook_id,
            "kind": kind,
            "cause": cause,
            "body": json.dumps(message, separators=(",", ":")),
            "created_at": now,
        }
        if insert_new(session, Delivery, [row]):
            payload = {"delivery_id": delivery_id}
            jobs.add(session, JOB, payload, now, asked_by=kind, max_attempts=ATTEMPTS)
            told += 1
    return told


def alarm_changed(session: Session, alarm: Alarm, what: str, now: datetime) -> None:
    """Tell the operators that an alarm was raised or cleared (`what`)."""
    data = {
        "alarm": alarm.id,
        "kind": alarm.kind,
        "segment": alarm.stream,
        "pages": alarm.pages,
        "raised_at": alarm.raised_at.isoformat(),
        "page": f"/drift?alarm={alarm.id}",
    }
    announce(session, f"alarm.{what}", f"alarm {alarm.id} {what}", data, now)


def prediction_changed(session: Session, prediction: Prediction, what: str, now: datetime) -> None:
    """Tell a consumer that people answered a prediction, or took their answer back (`what`)."""
    data = {
        "prediction": prediction.id,
        "reference": prediction.reference,
        "status": prediction.status,
        "label": prediction.answer,
        "answered_by": prediction.answered_by,
    }
    cause = f"prediction {prediction.id} {what} {now.isoformat()}"
    announce(session, f"prediction.{what}", cause, data, now, prediction.consumer_id)


def is_due(session: Session, now: datetime) -> bool:
    """Whether there is something to send: a look that takes no lock."""
    waits = or_(
        (Job.status == "todo") & (Job.due_at <= now),
        (Job.status == "doing") & (Job.lock_until <= now),
    )
    return session.scalar(select(Job.id).where(Job.kind == JOB, waits).limit(1)) is not None


def parcel(session: Session, delivery_id: str) -> Parcel | None:
    """What to send; None when it is done, given up, or its webhook was removed."""
    found = session.execute(
        select(Delivery, Webhook)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(*_waiting(), Delivery.id == delivery_id, Webhook.active.is_(True))
    ).one_or_none()
    if found is None:
        return None
    delivery, hook = found
    return Parcel(delivery.id, hook.url, hook.secret, delivery.body)


def accepted(session: Session, job: Claimed, said: str, now: datetime) -> None:
    """Record a delivery as done, together with its job. Raises Lost, and then another has it in hand."""
    jobs.finish(session, job, {"said": said}, now)
    session.execute(
        update(Delivery)
        .where(Delivery.id == job.payload["delivery_id"])
        .values(delivered_at=now, said=said)
    )


def refused(session: Session, job: Claimed, said: str, now: datetime) -> None:
    """Keep what was said to a delivery that was not accepted; after its last attempt it is given up."""
    values: dict[str, Any] = {"said": said[:500]}
    if job.attempt >= ATTEMPTS:
        values["given_up_at"] = now
    session.execute(
        update(Delivery)
        .where(Delivery.id == job.payload["delivery_id"], Delivery.delivered_at.is_(None))
        .values(**values)
    )


def let_others_first(session: Session, delivery_id: str, now: datetime) -> None:
    """What the webhook of this delivery is still to be told comes behind whatever others are to be told now: in its own
    order, and before what is announced later. Where nobody else waits it stays as it is.
    """
    hook = select(Delivery.webhook_id).where(Delivery.id == delivery_id).scalar_subquery()
    theirs = (
        Job.payload["delivery_id"]
        .as_string()
        .in_(select(Delivery.id).where(*_waiting(), Delivery.webhook_id == hook))
    )
    due = (Job.kind == JOB, Job.status == "todo", Job.due_at <= now)
    last = session.scalar(select(func.max(Job.due_at)).where(*due, ~theirs))
    if last is None:
        return
    behind = last + timedelta(microseconds=1)
    # those that somebody claims or moves in this moment are in better hands, and are not waited for
    moved = (
        select(Job.id).where(*due, Job.due_at < behind, theirs).with_for_update(skip_locked=True)
    )
    session.execute(update(Job).where(Job.id.in_(moved)).values(due_at=behind))


@dataclass(frozen=True)
class Outbox:
    """How many deliveries wait, since when the oldest does, and how many were given up since a moment."""

    waiting: int
    oldest: datetime | None
    given_up: int


def outbox(session: Session, since: datetime) -> Outbox:
    """How the outbox stands."""
    waiting, oldest = session.execute(
        select(func.count(), func.min(Delivery.created_at)).where(*_waiting())
    ).one()
    given_up = session.scalar(select(func.count()).where(Delivery.given_up_at >= since))
    return Outbox(waiting, oldest, given_up or 0)


def deliveries(session: Session, webhook_id: str) -> Sequence[Delivery]:
    """What a webhook was or is to be told, oldest first."""
    return session.scalars(
        select(Delivery).where(Delivery.webhook_id == webhook_id).order_by(Delivery.id)
    ).all()


def _waiting() -> tuple[Any, Any]:
    return Delivery.delivered_at.is_(None), Delivery.given_up_at.is_(None)


def _count(session: Session, webhook_id: str) -> int:
    counted = select(func.count()).where(*_waiting(), Delivery.webhook_id == webhook_id)
    return session.scalar(counted) or 0


def _said(session: Session, webhook_id: str) -> str | None:
    return session.scalar(
        select(Delivery.said)
        .where(Delivery.webhook_id == webhook_id, Delivery.said.is_not(None))
        .order_by(Delivery.id.desc())
        .limit(1)
    )
