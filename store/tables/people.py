"""Who may do what: people who sign in, consumers with their keys, and what privileged hands did."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Digest, Id, Name, RowNumber, one_of

PERSON_ROLES = ("reviewer", "operator", "admin")
KEY_ROLES = ("consumer", "operator")


class Person(Base):
    __tablename__ = "people"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    role: Mapped[str] = mapped_column(one_of("role", *PERSON_ROLES))
    password_hash: Mapped[str] = mapped_column(Text)
    # a simulated reviewer's labels are marked as simulated wherever they are shown
    simulated: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    failed_sign_ins: Mapped[int] = mapped_column(default=0, server_default="0")
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class SignIn(Base):
    """One signed-in browser; the cookie's token is kept as its SHA-256 only."""

    __tablename__ = "sign_ins"

    token_sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class Consumer(Base):
    __tablename__ = "consumers"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A key that was shown once; looked up by its SHA-256, recognised in logs by its prefix."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    consumer_id: Mapped[str] = mapped_column(ForeignKey("consumers.id"), index=True)
    sha256: Mapped[str] = mapped_column(Digest, unique=True)
    prefix: Mapped[str] = mapped_column(Name)
    role: Mapped[str] = mapped_column(one_of("role", *KEY_ROLES))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Webhook(Base):
    """Who wants to be told: a consumer, of answers that people gave later; without one the operators, of alarms."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    consumer_id: Mapped[str | None] = mapped_column(ForeignKey("consumers.id"), index=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime]


class Delivery(Base):
    """One event for one webhook, written with its cause; its id is what a receiver knows a repetition by."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "cause"),
        Index("ix_deliveries_waiting", "delivered_at", "given_up_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id"))
    kind: Mapped[str] = mapped_column(Name)
    cause: Mapped[str] = mapped_column(Name)  # what happened, so that it is told once
    body: Mapped[str] = mapped_column(Text)  # the very bytes that are signed and sent, each time
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    said: Mapped[str | None] = mapped_column(Text)  # what the receiver said last


class PrivilegedAct(Base):
    """Append-only: what an operator or administrator did, and to what."""

    __tablename__ = "privileged_acts"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(Name)
    act: Mapped[str] = mapped_column(Name)
    subject: Mapped[str] = mapped_column(Name)
    detail: Mapped[dict[str, Any]]
