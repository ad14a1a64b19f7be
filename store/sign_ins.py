"""Signing in and out: passwords, what wrong ones lead to, and the tokens of browsers.

Passwords are kept by argon2, tokens by SHA-256. A refusal costs the same whatever the name is: an argon2 check, and a
row that is written.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from store.tables import Person, SignIn

SIGN_IN_HOURS = 12
FAILURES_BEFORE_LOCK = 5
LOCK_MINUTES = 15

_hasher = PasswordHasher()
# spent on names that do not exist, so that the time of an answer tells nothing about names
_NOBODY = _hasher.hash(secrets.token_hex(16))


@dataclass(frozen=True)
class Refused:
    """A sign-in that was refused: `name` where there is such a person, and whether it is locked from now on."""

    name: str | None
    locked: bool


def hashed(password: str) -> str:
    """A password as it is kept."""
    return _hasher.hash(password)


def verified(session: Session, name: str, password: str) -> str | None:
    """The hash by which the password is this person's now; None when it is not. As slow for names that do not exist.

    Slow by design (about 100 ms), so it is asked where no write waits for its end.
    """
    person = session.scalar(select(Person).where(Person.name == name))
    try:
        _hasher.verify(person.password_hash if person else _NOBODY, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return person.password_hash if person else None


def sign_in(
    session: Session, name: str, verified_by: str | None, now: datetime
) -> tuple[Person, str] | Refused:
    """The person and a new sign-in token, or the refusal. Five failures in a row lock the name for 15 minutes.

    `verified_by` is what `verified` said: a password that was changed since then is wrong. A refusal writes one row
    whatever the name is, so the session must commit in either case: else how long it takes would tell which names there are.
    """
    person = session.scalar(select(Person).where(Person.name == name).with_for_update())
    if person is None:
        _write_all_the_same(session, select(func.min(Person.id)).scalar_subquery())
        return Refused(None, locked=False)
    locked = person.locked_until is not None and person.locked_until > now
    if locked or not person.active:
        _write_all_the_same(session, person.id)
        return Refused(person.name, locked)
    if verified_by != person.password_hash:
        person.failed_sign_ins += 1
        locked = person.failed_sign_ins >= FAILURES_BEFORE_LOCK
        if locked:
            person.locked_until = now + timedelta(minutes=LOCK_MINUTES)
            person.failed_sign_ins = 0
        session.flush()
        return Refused(person.name, locked)
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


def end(session: Session, person: Person, now: datetime) -> None:
    """End every sign-in of a person."""
    session.execute(
        update(SignIn)
        .where(SignIn.person_id == person.id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )
    session.flush()


def _write_all_the_same(session: Session, person_id: object) -> None:
    # back and forth: a page of which nothing has changed is not written by SQLite
    for change in (1, -1):
        session.execute(
            update(Person)
            .where(Person.id == person_id)
            .values(failed_sign_ins=Person.failed_sign_ins + change)
            .execution_options(synchronize_session=False)
        )


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
