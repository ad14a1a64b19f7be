"""People, consumers and their keys.

Keys are kept by their SHA-256, as passwords are by argon2 (`store.sign_ins`): whoever reads the database can use none.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from store import sign_ins
from store.database import insert_new
from store.errors import Conflict, Invalid, NotFound
from store.ids import new_id
from store.rollout_events import Actor
from store.tables import ApiKey, Consumer, Person
from store.tables.people import KEY_ROLES, PERSON_ROLES

KEY_PREFIX = "ursa_"


@dataclass(frozen=True)
class Caller:
    """Who an API key belongs to."""

    consumer_id: str
    consumer: str
    role: str
    key_prefix: str

    @property
    def actor(self) -> Actor:
        """Who acts, as events keep it."""
        return Actor("key", f"{self.consumer} ({self.key_prefix})")


def add_person(
    session: Session, name: str, password: str, role: str, now: datetime, *, simulated: bool = False
) -> Person:
    """Raises Conflict for a name that is taken, Invalid for an unknown role or a password under 10 characters."""
    if role not in PERSON_ROLES:
        raise Invalid(f"There is no role {role!r}: it is one of {', '.join(PERSON_ROLES)}.")
    _check_password(password)
    if not name.strip():
        raise Invalid("A person needs a name.", "no_name")
    row = {
        "id": new_id(now),
        "name": name,
        "role": role,
        "password_hash": sign_ins.hashed(password),
        "simulated": simulated,
        "active": True,
        "failed_sign_ins": 0,
        "created_at": now,
    }
    if not insert_new(session, Person, [row]):
        raise Conflict(f"There is a person {name!r} already.", "name_taken")
    return session.get_one(Person, row["id"])


def set_password(session: Session, name: str, password: str, now: datetime) -> Person:
    """Give somebody a new password: what was locked is free again, and every sign-in ends.

    Raises NotFound for an unknown name, Invalid for a password under 10 characters.
    """
    _check_password(password)
    person = _named(session, name)
    person.password_hash = sign_ins.hashed(password)
    person.failed_sign_ins, person.locked_until = 0, None
    sign_ins.end(session, person, now)
    return person


def unlock(session: Session, name: str) -> Person:
    """Let somebody try to sign in again before the lock is over. Raises NotFound."""
    person = _named(session, name)
    person.failed_sign_ins, person.locked_until = 0, None
    session.flush()
    return person


def remove_person(session: Session, name: str, now: datetime) -> Person:
    """Let somebody in no more: every sign-in ends, and none begins. The name stays with what was done under it.

    Raises NotFound, Conflict when that was done before.
    """
    person = _named(session, name)
    if not person.active:
        raise Conflict(f"{name!r} may not sign in already.", "removed_already")
    person.active = False
    sign_ins.end(session, person, now)
    return person


def people(session: Session) -> Sequence[Person]:
    """Everybody, by name."""
    return session.scalars(select(Person).order_by(Person.name)).all()


def consumer_of(session: Session, name: str) -> Consumer | None:
    """The consumer of this name."""
    return session.scalar(select(Consumer).where(Consumer.name == name))


def add_consumer(session: Session, name: str, now: datetime) -> Consumer:
    """The consumer of this name, made if there is none."""
    if (there := consumer_of(session, name)) is not None:
        return there
    row = {"id": new_id(now), "name": name, "active": True, "created_at": now}
    insert_new(session, Consumer, [row])
    return session.scalars(select(Consumer).where(Consumer.name == name)).one()


def new_key() -> str:
    """A key of 256 random bits, with a prefix that secret scanners recognise."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def add_key(session: Session, consumer: Consumer, key: str, role: str, now: datetime) -> ApiKey:
    """Register a key (see `new_key`); only its SHA-256 is kept."""
    if role not in KEY_ROLES:
        raise Invalid(f"There is no role {role!r} for a key: it is one of {', '.join(KEY_ROLES)}.")
    if not key.startswith(KEY_PREFIX) or len(key) < 40:
        raise Invalid("This is not a key that was made by `new_key`.", "weak_key")
    row = ApiKey(
        id=new_id(now),
        consumer_id=consumer.id,
        sha256=_sha256(key),
        prefix=key[: len(KEY_PREFIX) + 6],
        role=role,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def caller(session: Session, key: str) -> Caller | None:
    """Who calls with this key; None when it is unknown or revoked. The look-up is by digest, so its time tells nothing."""
    found = session.execute(
        select(ApiKey, Consumer)
        .join(Consumer, Consumer.id == ApiKey.consumer_id)
        .where(
            ApiKey.sha256 == _sha256(key),
            ApiKey.revoked_at.is_(None),
            Consumer.active.is_(True),
        )
    ).first()
    if found is None:
        return None
    row, consumer = found
    return Caller(consumer.id, consumer.name, row.role, row.prefix)


def revoke_key(session: Session, prefix: str, now: datetime) -> int:
    """Revoke the keys with this prefix; how many there were. Raises NotFound when none."""
    keys = session.scalars(
        select(ApiKey).where(ApiKey.prefix == prefix, ApiKey.revoked_at.is_(None)).with_for_update()
    ).all()
    if not keys:
        raise NotFound(f"There is no key that begins with {prefix!r}.")
    for key in keys:
        key.revoked_at = now
    session.flush()
    return len(keys)


def _check_password(password: str) -> None:
    if len(password) < 10:
        raise Invalid("A password needs at least 10 characters.", "weak_password")


def _named(session: Session, name: str) -> Person:
    person = session.scalar(select(Person).where(Person.name == name).with_for_update())
    if person is None:
        raise NotFound(f"There is no person {name!r}.")
    return person


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
