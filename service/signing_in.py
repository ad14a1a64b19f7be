"""Sign a person in and out.

Order: slow down whoever guesses, refuse what is more than can be checked at once (a check takes 64 MiB and all cores
for a tenth of a second, and it is asked for by those who have shown nothing yet), check the password while nobody waits
for a write, then write the outcome down: a password that was changed between the two is wrong. The sentence never says whether it was the name or the password.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog
from starlette.responses import Response
from starlette.types import Scope

from service import metrics
from service.errors import BUSY_SECONDS, Problem
from service.heads import COOKIE
from service.program import Program
from store import sign_ins
from store.database import Session
from store.sign_ins import SIGN_IN_HOURS, Refused

_log = structlog.get_logger()

# passwords that are checked at once, and people who sign in, those included: each takes one of the threads that all
# requests share until the outcome is written
CHECKS, CHECKED = 2, 6
_checks, _places = threading.Semaphore(CHECKS), threading.Semaphore(CHECKED)


@dataclass(frozen=True)
class NewSignIn:
    """A person who has just signed in; the token belongs into the cookie and nowhere else."""

    person_id: str
    name: str
    role: str
    token: str


def sign_in(
    program: Program, name: str, password: str, address: str, now: datetime
) -> NewSignIn | None:
    """None when it was refused; five failures in a row lock the name for 15 minutes.

    Raises Problem 429 when `address` tries too often, or too many sign in at once. It opens sessions of its own: checking
    a password takes a tenth of a second, in which no transaction may be open.
    """
    wait = program.sign_in_rates.take(address, now.timestamp())
    if wait > 0:
        metrics.SIGN_INS.labels("slowed").inc()
        raise Problem(
            429,
            "too_fast",
            "Too many attempts to sign in: wait a minute.",
            headers={"Retry-After": str(math.ceil(wait))},
        )
    with _place():
        with _checks, program.database.read() as session:
            verified_by = sign_ins.verified(session, name, password)
        with program.database.write() as session:
            signed_in = sign_ins.sign_in(session, name, verified_by, now)
    if isinstance(signed_in, Refused):
        metrics.SIGN_INS.labels("refused").inc()
        # what was typed for a name is often a password: only a name that exists is written down
        _log.warning(
            "sign_in_refused", address=address, name=signed_in.name, locked=signed_in.locked
        )
        return None
    metrics.SIGN_INS.labels("signed_in").inc()
    person, token = signed_in
    return NewSignIn(person.id, person.name, person.role, token)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        metrics.SIGN_INS.labels("slowed").inc()
        raise Problem(
            429,
            "busy",
            "Too many people sign in at this moment: try again in a second.",
            headers={"Retry-After": str(BUSY_SECONDS)},
        )
    try:
        yield
    finally:
        _places.release()


def sign_out(session: Session, token: str, now: datetime) -> None:
    """End the sign-in; its cookie is worth nothing afterwards."""
    sign_ins.sign_out(session, token, now)


def set_cookie(response: Response, token: str, scope: Scope) -> None:
    """Hand the token to the browser: no script can read it and no other site can send it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=SIGN_IN_HOURS * 3600,
        httponly=True,
        samesite="strict",
        secure=scope["scheme"] == "https",
    )


def clear_cookie(response: Response, scope: Scope) -> None:
    """Take the token back from the browser."""
    response.delete_cookie(
        COOKIE, httponly=True, samesite="strict", secure=scope["scheme"] == "https"
    )
