"""What went wrong, as consumers and people are told: problem details (RFC 9457) with a code for programs.

The store's kinds of failure get their status here and nowhere else. Nothing is told that helps only an attacker:
what nobody foresaw is logged with its trace, and answered with the request's id.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.types import Scope

from classifier.pictures import BadPicture
from service import counting, metrics
from service.cores import Busy
from store.errors import Conflict, Invalid, NotFound, StoreError, Unavailable

_log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
# a queue of a few answers is gone in less
BUSY_SECONDS = 1

KINDS: dict[type[StoreError], int] = {NotFound: 404, Conflict: 409, Invalid: 422, Unavailable: 503}

# 413: too many bytes; 415: not a picture, or not of a kind that is read here; 422: a picture, but not a usable one
PICTURES = {
    "too_large": 413,
    "not_a_picture": 415,
    "unsupported_format": 415,
    "empty": 422,
    "truncated": 422,
    "broken": 422,
    "animated": 422,
    "too_many_pixels": 422,
    "too_many_parts": 422,
    "too_small": 422,
}

# a page for people instead of a problem for programs: request, status, title, sentence
ErrorPage = Callable[[Request, int, str, str], Response]


class Problem(HTTPException):
    """An answer that is a refusal: `code` is for programs, the sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(status, sentence, dict(headers or {}))
        self.code = code
        self.more = more


def add_handlers(app: FastAPI) -> None:
    """Every failure leaves this application as a problem or, to a browser, as a page."""
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _told_by(_validation))
    app.add_exception_handler(StoreError, _told_by(from_store))
    app.add_exception_handler(BadPicture, _told_by(_picture))
    app.add_exception_handler(Busy, _told_by(busy))


def busy(*_: object) -> Problem:
    """What is said when there is too much to do; nothing of the request was begun."""
    return Problem(
        429,
        "busy",
        "As many pictures are being worked on as can be: send this one again in a moment.",
        headers={"Retry-After": str(BUSY_SECONDS)},
    )


def full() -> Problem:
    """What is said to one connection too many."""
    return Problem(
        429,
        "busy",
        "There are as many connections as can be: send this again in a moment.",
        headers={"Retry-After": str(BUSY_SECONDS), "Connection": "close"},
    )


def unreadable() -> Problem:
    """What is said to what is no request."""
    sentence = "This is no request that can be read."
    return Problem(400, "bad_request", sentence, headers={"Connection": "close"})


def too_large_a_head(largest: int) -> Problem:
    """What is said to a head without end."""
    sentence = f"The head of a request may have {largest:,} bytes here."
    return Problem(431, "too_large", sentence, headers={"Connection": "close"})


def not_signed_in() -> Problem:
    """What is said to a browser that shows no sign-in that holds; the scheme is one that no browser asks people for."""
    return Problem(
        401,
        "not_signed_in",
        "Sign in first.",
        headers={"WWW-Authenticate": 'Cookie realm="ursa", form-action="/sign-in"'},
    )


def internal() -> Problem:
    """What is said when nobody foresaw what happened."""
    return Problem(
        500, "internal_error", "Something went wrong here; the request's id says where to look."
    )


def respond(problem: Problem, scope: Scope) -> Response:
    """The answer to a refused request, for programs or for a browser."""
    counting.problem(problem.code)
    title = HTTPStatus(problem.status_code).phrase
    page: ErrorPage | None = getattr(scope["app"].state, "error_page", None)
    if page is not None and _is_browser(scope):
        shown = page(Request(scope), problem.status_code, title, problem.detail)
        # when to come again, and which methods there are, is told to browsers too
        if shown.status_code == problem.status_code:
            shown.headers.update(problem.headers or {})
        return shown
    return document(problem, scope.get("state", {}).get("request_id"))


def document(problem: Problem, request_id: str | None) -> Response:
    """The answer to a refused request, for programs."""
    body = {
        "type": f"urn:ursa:problem:{problem.code}",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
        **problem.more,
    }
    return JSONResponse(
        body, problem.status_code, headers=dict(problem.headers or {}), media_type=MEDIA_TYPE
    )


def _told_by(
    translate: Callable[[Any], Problem],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def tell(request: Request, error: Exception) -> Response:
        return respond(translate(error), request.scope)

    return tell


async def _tell_http(request: Request, error: Any) -> Response:
    problem = _http(error)
    if problem.status_code == 405:
        problem.headers = {"Allow": ", ".join(sorted({*_methods(request.scope)}))}
    return respond(problem, request.scope)


def _methods(scope: Scope) -> Iterator[str]:
    """Those of every route at this address: the framework names those of the first alone."""
    for route in iter_route_contexts(scope["app"].routes):
        if route.path_regex.match(scope["path"]):
            # files have no list of theirs
            yield from route.methods or ("GET", "HEAD")


def _http(error: HTTPException) -> Problem:
    if isinstance(error, Problem):
        return error
    codes = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}
    sentences = {
        404: "There is nothing at this address.",
        405: "This address does not take this method.",
    }
    return Problem(
        error.status_code,
        codes.get(error.status_code, "refused"),
        sentences.get(error.status_code, str(error.detail)),
        headers=error.headers,
    )


def _validation(error: RequestValidationError) -> Problem:
    faults = [
        {"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]}
        for one in error.errors()
    ]
    first = f": {faults[0]['where']}, {faults[0]['what']}" if faults else ""
    return Problem(
        422, "invalid_request", f"The request is not what is expected{first}.", errors=faults
    )


def from_store(error: StoreError) -> Problem:
    """A failure of the store, with its status."""
    status = next((code for kind, code in KINDS.items() if isinstance(error, kind)), 500)
    if status >= 500:
        cause = str(error.__cause__ or "").split("\n")[0][:500]
        _log.error("store_failed", code=error.code, why=str(error), cause=cause)
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
    return Problem(status, error.code, str(error), headers=headers)


def _picture(error: BadPicture) -> Problem:
    metrics.BAD_PICTURES.labels(error.reason).inc()
    return Problem(PICTURES[error.reason], "bad_picture", str(error), reason=error.reason)


def _is_browser(scope: Scope) -> bool:
    if scope["path"].startswith("/v1/"):
        return False
    accept = dict(scope["headers"]).get(b"accept", b"")
    return b"text/html" in accept
