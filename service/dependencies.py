"""What an endpoint may ask for, as typed aliases; and the request's door, through which it commits.

A session is open for one endpoint and is committed before the answer leaves (`scope="function"`: by FastAPI's
default the answer would be first). Waiting for a session takes no thread of those that must end the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from service import csrf, heads
from service.errors import Problem, not_signed_in
from service.program import Program
from store import sign_ins
from store.database import Session
from store.people import Caller
from store.rollouts import Actor
from store.tables import Person

# what one role may do, the next may do as well
ROLES = ("reviewer", "operator", "admin")

_in_openapi = HTTPBearer(auto_error=False, scheme_name="API key", description="`ursa_...`")


async def running(request: Request) -> Program:
    """The program that this process runs."""
    program: Program = request.app.state.program
    return program


async def moment(program: Annotated[Program, Depends(running)]) -> datetime:
    """When the request is worked on; one moment for all of it."""
    return program.clock()


def read_session(program: Annotated[Program, Depends(running)]) -> Iterator[Session]:
    """A session that only reads."""
    with program.database.read() as session:
        yield session


def write_session(program: Annotated[Program, Depends(running)]) -> Iterator[Session]:
    """A session that commits when the endpoint has returned, and rolls back when it raised."""
    with program.database.write() as session:
        yield session


Running = Annotated[Program, Depends(running)]
Moment = Annotated[datetime, Depends(moment)]
Reading = Annotated[Session, Depends(read_session, scope="function", max_concurrency=8)]
Writing = Annotated[Session, Depends(write_session, scope="function", max_concurrency=4)]


async def caller(request: Request, _: Annotated[object, Depends(_in_openapi)]) -> Caller:
    """Who calls, as the door found out."""
    found: Caller = request.state.caller
    return found


async def operator(found: Annotated[Caller, Depends(caller)]) -> Caller:
    """A caller whose key may operate. Refuses others with 403."""
    if found.role != "operator":
        raise Problem(403, "wrong_role", "This needs a key with the role operator.")
    return found


CalledBy = Annotated[Caller, Depends(caller)]
Operator = Annotated[Caller, Depends(operator)]


@dataclass(frozen=True)
class SignedIn:
    """A person at a browser, and what their pages need."""

    person: Person
    token: str
    csrf: str

    @property
    def actor(self) -> Actor:
        """Who acts, as events keep it."""
        return Actor("person", self.person.name)

    def may(self, role: str) -> bool:
        """Whether the person's role is this one or above it."""
        return ROLES.index(self.person.role) >= ROLES.index(role)


# whoever sits at a browser is found though all the threads are taken that requests share: a stop waits for none
_looking_up = anyio.CapacityLimiter(4)


async def maybe_signed_in(request: Request, program: Running, now: Moment) -> SignedIn | None:
    """Who sits at the browser, or None."""
    token = heads.sign_in_token(request.scope)
    if not token:
        return None
    person = await anyio.to_thread.run_sync(_look_up, program, token, now, limiter=_looking_up)
    if person is None:
        return None
    # for the line that the door writes
    request.state.person = person.id
    return SignedIn(person, token, csrf.token(program.settings.store.secret_key, token))


async def signed_in(found: Annotated[SignedIn | None, Depends(maybe_signed_in)]) -> SignedIn:
    """Who sits at the browser. Refuses with 401 (`not_signed_in`), which pages turn into the way to sign in."""
    if found is None:
        raise not_signed_in()
    return found


MaybeSignedIn = Annotated[SignedIn | None, Depends(maybe_signed_in)]
Reviewer = Annotated[SignedIn, Depends(signed_in)]


async def operating(found: Reviewer) -> SignedIn:
    """A signed-in operator or administrator."""
    return _at_least(found, "operator")


async def administering(found: Reviewer) -> SignedIn:
    """A signed-in administrator."""
    return _at_least(found, "admin")


OperatorPerson = Annotated[SignedIn, Depends(operating)]
AdminPerson = Annotated[SignedIn, Depends(administering)]


async def from_our_page(request: Request, found: Reviewer, program: Running) -> None:
    """Refuses a change with 403 unless it shows the page's token, in the header or in the form."""
    shown = request.headers.get(csrf.HEADER)
    if shown is None:
        field = (await request.form()).get(csrf.FIELD)
        shown = field if isinstance(field, str) else None
    if not csrf.is_right(program.settings.store.secret_key, found.token, shown):
        raise Problem(403, "not_from_page", "This did not come from our page: load it again.")


async def from_our_origin(request: Request) -> None:
    """Refuses what a browser sends from another site, where there is no token yet (the sign-in form)."""
    if not csrf.is_ours(request.headers):
        raise Problem(403, "not_from_page", "This came from another site.")


# on every page route that changes something: dependencies=[FromOurPage]
FromOurPage = Depends(from_our_page)
FromOurOrigin = Depends(from_our_origin)


def _look_up(program: Program, token: str, now: datetime) -> Person | None:
    with program.database.read() as session:
        return sign_ins.signed_in(session, token, now)


def _at_least(found: SignedIn, role: str) -> SignedIn:
    if not found.may(role):
        raise Problem(403, "wrong_role", f"This needs the role {role}.")
    return found
