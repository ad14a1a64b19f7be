"""People who sign in, consumers and their keys.

Passwords are kept by argon2, keys and sign-in tokens by SHA-256: whoever reads the database can use none of them.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from store.errors import Conflict, Invalid, NotFound
from store.ids import new_id
from store.rollout_events import Actor
from store.tables import ApiKey, Consumer, Person, SignIn
from store.tables.people import KEY_ROLES, PERSON_ROLES

KEY_PREFIX = "ursa_"
SIGN_IN_HOURS = 12
FAILURES_BEFORE_LOCK = 5
LOCK_MINUTES = 15

_hasher = PasswordHasher()
# spent on names that do not exist, so that the time of an answer tells nothing about names
_NOBODY = _hasher.hash(secrets.token_hex(16))


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
    if session.scalar(select(Person.id).where(Person.name == name)) is not None:
        raise Conflict(f"There is a person {name!r} already.", "name_taken")
    person = Person(
        id=new_id(now),
        name=name,
        role=role,
        password_hash=_hasher.hash(password),
        simulated=simulated,
        active=True,
        failed_sign_ins=0,
        created_at=now,
    )
    session.add(person)
    session.flush()
    return person


def set_password(session: Session, name: str, password: str, now: datetime) -> Person:
    """Give somebody a new password: what was locked is free again, and every sign-in ends.

    Raises NotFound for an unknown name, Invalid for a password under 10 characters.
    """
    _check_password(password)
    person = _named(session, name)
    person.password_hash = _hasher.hash(password)
    person.failed_sign_ins, person.locked_until = 0, None
    _end_sign_ins(session, person, now)
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
    _end_sign_ins(session, person, now)
    return person


def people(session: Session) -> Sequence[Person]:
    """Everybody, by name."""
    return session.scalars(select(Person).order_by(Person.name)).all()


def has_password(session: Session, name: str, password: str) -> bool:
    """Whether the password is this person's. It takes as long for names that do not exist.

    Slow by design (about 100 ms), so it is asked where no write waits for its end.
    """
    person = session.scalar(select(Person).where(Person.name == name))
    try:
        _hasher.verify(person.password_hash if person else _NOBODY, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return person is not None


def sign_in(
    session: Session, name: str, password_is_right: bool, now: datetime
) -> tuple[Person, str] | None:
    """The person and a new sign-in token, or None. Five failures in a row lock the name for 15 minutes.

    `password_is_right` is what `has_password` said. A failure changes the row, so the session must commit in
    either case.
    """
    person = session.scalar(select(Person).where(Person.name == name).with_for_update())
    if person is None or not person.active:
        return None
    if person.locked_until is not None and person.locked_until > now:
        return None
    if not password_is_right:
        person.failed_sign_ins += 1
        if person.failed_sign_ins >= FAILURES_BEFORE_LOCK:
            person.locked_until = now + timedelta(minutes=LOCK_MINUTES)
            person.failed_sign_ins = 0
        session.flush()
        return None
    person.failed_sign_ins, person.locked_until = 0, None
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_sha256=_sha256(token),
            person_id=person.id,
            created_at=now,
            expires_at=now + timedelta(hours=SIGN_IN_HOURS),
        )
    )
    session.flush()
    return person, token


def signed_in(session: Session, token: str, now: datetime) -> Person | None:
    """Who holds this sign-in token, if it is still good."""
    return session.scalar(
        select(Person)
        .join(SignIn, SignIn.person_id == Person.id)
        .where(
            SignIn.token_sha256 == _sha256(token),
            SignIn.expires_at > now,
            SignIn.ended_at.is_(None),
            Person.active.is_(True),
        )
    )


def sign_out(session: Session, token: str, now: datetime) -> None:
    """End a sign-in; the token is good for nothing afterwards."""
    session.execute(
        update(SignIn).where(SignIn.token_sha256 == _sha256(token)).values(ended_at=now)
    )


def add_consumer(session: Session, name: str, now: datetime) -> Consumer:
    """The consumer of this name, made if there is none."""
    consumer = session.scalar(select(Consumer).where(Consumer.name == name))
    if consumer is None:
        consumer = Consumer(id=new_id(now), name=name, active=True, created_at=now)
        session.add(consumer)
        session.flush()
    return consumer


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
        select(ApiKey).where(ApiKey.prefix == prefix, ApiKey.revoked_at.is_(None))
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


def _end_sign_ins(session: Session, person: Person, now: datetime) -> None:
    session.execute(
        update(SignIn)
        .where(SignIn.person_id == person.id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )
    session.flush()


def _named(session: Session, name: str) -> Person:
    person = session.scalar(select(Person).where(Person.name == name).with_for_update())
    if person is None:
        raise NotFound(f"There is no person {name!r}.")
    return person


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
