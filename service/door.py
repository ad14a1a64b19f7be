"""The door: what every request passes before anything else, and every answer on its way out.

Order on the way in: an id, what a head may not say, for pictures whether there is room at all, the key or the sign-in,
the rate, the announced size; only then is the body taken in, never more of it than allowed and never for longer, and
only a whole picture gets a place inside. On the way out: the id, security headers, one line in the log, metrics. A
request that is refused here has touched no picture and no thread of the workers'.
"""

import math
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import TypeVar

import anyio.to_thread
import structlog
from anyio import CapacityLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import counting, forms, headers, heads, metrics
from service.cores import Busy
from service.errors import Problem, busy, from_store, internal, not_signed_in, respond
from service.known import Known
from service.limits import TokenBuckets
from service.program import Program
from service.settings import MEBIBYTE, Settings
from service.uploads import SMALL, Gone, Uploads, too_large
from store import people, sign_ins
from store.errors import StoreError, Unavailable
from store.people import Caller

_log = structlog.get_logger()

T = TypeVar("T")

API = "/v1/"
# where pictures come in: for programs, and from people on the page
UPLOADS = frozenset({"/v1/predictions", "/try"})
SIGN_IN = "/sign-in"
# who sends something elsewhere must be signed in; health has nothing that would read it
OPEN = (SIGN_IN, *counting.HEALTH)
LARGEST_JSON = MEBIBYTE
# twice what a name and a password take, the longest that may be and in letters of four bytes; nine answers and fifty risks
LARGEST_SIGN_IN, LARGEST_PREFLIGHT = 32 * 1024, MEBIBYTE
FORMS = {SIGN_IN: LARGEST_SIGN_IN, "/rollout/preflight": LARGEST_PREFLIGHT}
# how many keys are looked up at once, and how long one waits for its turn
LOOK_UPS = 4
LOOK_UP_SECONDS = 5.0
# a storm of requests is refused rather than put in a queue of seconds
LOOK_UPS_WAITING = 64
# the other fields of an upload and the lines between them
AROUND_PICTURE = 64 * 1024
QUIET = ("/livez", "/readyz", "/metrics", "/static/")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Door:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._rates = TokenBuckets(settings.rate_per_second, settings.rate_burst)
        self._uploads = Uploads(settings.uploads_bytes, settings.upload_seconds)
        self._known = Known()
        self._inside = 0
        # look-ups of keys have threads of their own: a full house must still be able to say so
        self._look_ups = CapacityLimiter(LOOK_UPS)
        self._turns = anyio.Semaphore(LOOK_UPS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        with structlog.contextvars.bound_contextvars(request_id=answer.request_id):
            try:
                await self._let_in(scope, receive, answer.send)
            except Problem as problem:
                await answer.refuse(problem)
            except Gone:
                pass  # there is nobody to answer
            except Exception:  # noqa: BLE001  # the last place where an answer can be given
                _log.exception("request_failed", path=scope["path"])
                await answer.refuse(internal())
            finally:
                answer.finish()

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "\0" in scope["path"]:
            raise Problem(404, "not_found", "There is nothing at this address.")
        heads.check_charset(scope)
        heads.keep_own_cookie(scope)
        is_upload = scope["method"] == "POST" and scope["path"] in UPLOADS
        if is_upload:
            # before anything that costs: refusing must stay cheap when most are refused
            self._check_room(scope)
        if scope["path"].startswith(API):
            caller = await self._identify(scope)
            scope["state"]["caller"] = caller
            self._slow_down(caller)
        elif scope["method"] == "POST" and scope["path"] not in OPEN:
            # who may change nothing here need not be listened to
            await self._check_sign_in(scope)
        largest = self._largest(scope, is_upload)
        _check_length(scope, largest)
        if not is_upload:
            with self._uploads.pass_on(receive, largest) as passed_on:
                await self._app(scope, forms.counted(scope, passed_on), send)
            return
        body = await self._uploads.take_in(receive, largest)
        with closing(body):
            forms.check(scope, body.content)
            # it may have taken a while
            self._check_room(scope)
            with self._place(scope):
                await self._app(scope, body.receive, send)

    def _largest(self, scope: Scope, is_upload: bool) -> int:
        if is_upload:
            return self._settings.max_upload_bytes + AROUND_PICTURE
        if scope["path"].startswith(API):
            return LARGEST_JSON
        # that of a sign-in is the one that is read of somebody who has shown nothing yet
        return FORMS.get(scope["path"], SMALL)

    async def _check_sign_in(self, scope: Scope) -> None:
        program: Program = scope["app"].state.program
        person = await self._ask(_signed_in, program, heads.sign_in_token(scope))
        if person is None:
            raise not_signed_in()
        scope["state"]["person"] = person

    async def _identify(self, scope: Scope) -> Caller:
        scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Problem(
                401,
                "no_key",
                "An API key is needed: Authorization: Bearer ursa_...",
                headers={"WWW-Authenticate": 'Bearer realm="ursa"'},
            )
        asked, key = monotonic(), key.strip()
        known = self._known.get(key, asked)
        if known is not None:
            return known
        program: Program = scope["app"].state.program
        caller = await self._ask(_look_up, program, key)
        if caller is None:
            raise Problem(
                401,
                "unknown_key",
                "This API key is not known, or it was revoked.",
                headers={"WWW-Authenticate": 'Bearer realm="ursa", error="invalid_token"'},
            )
        self._known.put(key, caller, asked)
        return caller

    async def _ask(self, look_up: Callable[[Program, str], T], program: Program, shown: str) -> T:
        if self._turns.statistics().tasks_waiting >= LOOK_UPS_WAITING:
            raise busy()
        try:
            with anyio.fail_after(LOOK_UP_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            # behind those for whom it does not answer, nobody waits for long
            away = Unavailable("The database does not answer.", "database_unavailable")
            raise from_store(away) from None
        try:
            return await anyio.to_thread.run_sync(look_up, program, shown, limiter=self._look_ups)
        except StoreError as error:
            raise from_store(error) from error
        finally:
            self._turns.release()

    def _slow_down(self, caller: Caller) -> None:
        wait = self._rates.take(caller.consumer_id, monotonic())
        if wait > 0:
            raise Problem(
                429,
                "too_fast",
                f"At most {self._settings.rate_per_second:g} requests a second: wait a moment.",
                headers={"Retry-After": str(math.ceil(wait))},
            )

    def _check_room(self, scope: Scope) -> None:
        program: Program = scope["app"].state.program
        if program.cores.full or self._inside >= self._settings.inside_limit:
            program.cores.refused()
            raise busy()

    @contextmanager
    def _place(self, scope: Scope) -> Iterator[None]:
        program: Program = scope["app"].state.program
        try:
            coming = scope["state"]["coming"] = program.cores.announce()
        except Busy:
            raise busy() from None
        self._inside += 1
        metrics.INSIDE.set(self._inside)
        try:
            yield
        finally:
            coming.end()
            self._inside -= 1
            metrics.INSIDE.set(self._inside)


class _Answer:
    """One answer on its way out, and what is written down about it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = self.request_id
        self._scope, self._send = scope, send
        self._started = monotonic()
        self._status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            names = MutableHeaders(scope=message)
            names["X-Request-ID"] = self.request_id
            headers.secure(names, self._scope)
            if self._scope["app"].state.leaving:
                # whoever balances sends the next request elsewhere
                names["Connection"] = "close"
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        if self._status == 0:
            await respond(problem, self._scope)(self._scope, _nothing, self.send)

    def finish(self) -> None:
        seconds = monotonic() - self._started
        path, status = self._scope["path"], self._status
        counting.request(path, status, seconds)
        if path.startswith(QUIET) and status < 500:
            return
        _log.info(
            "request",
            method=self._scope["method"],
            path=path,
            status=status,
            milliseconds=round(1000 * seconds, 1),
            **self._who(),
        )

    def _who(self) -> dict[str, str | None]:
        state = self._scope["state"]
        if not self._scope["path"].startswith(API):
            return {"person": state.get("person"), "address": heads.address(self._scope)}
        caller = state.get("caller")
        return {
            "consumer": caller.consumer if caller else None,
            "key": caller.key_prefix if caller else None,
        }


def _look_up(program: Program, key: str) -> Caller | None:
    with program.database.read() as session:
        return people.caller(session, key)


def _signed_in(program: Program, token: str) -> str | None:
    with program.database.read() as session:
        found = sign_ins.signed_in(session, token, program.clock())
        return found.id if found is not None else None


def _check_length(scope: Scope, largest: int) -> None:
    announced = Headers(scope=scope).get("content-length", "")
    if announced.isdigit() and int(announced) > largest:
        raise too_large(largest)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
