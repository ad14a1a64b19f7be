"""Refuse a picture when its request's head is there, before anything is made of it.

Most of an overload is refusals, and what each of them takes is taken from those that are answered. This one runs on the
loop, in the connection itself, and says what the door would say to the same head, byte for byte; the door looks again at
what is let by here: a place inside, the page, a process that is leaving.
"""

import secrets
from collections.abc import Callable, Sequence
from functools import cache

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders

from service import counting, headers
from service.door import REQUEST_ID
from service.errors import Problem, busy, document
from service.program import Program

_log = structlog.get_logger()

PATH = "/v1/predictions"
# by the address, the head's lines and http or https: headers and body of a 429, or None for who may try the door
TurnAway = Callable[[bytes, Sequence[tuple[bytes, bytes]], str], bytes | None]


def turn_away(app: FastAPI) -> TurnAway:
    """The refusal of this application while all its cores are taken and the queue for them is full."""

    def refuse(url: bytes, lines: Sequence[tuple[bytes, bytes]], scheme: str) -> bytes | None:
        program: Program | None = getattr(app.state, "program", None)
        if url != PATH.encode() or program is None or app.state.leaving or not program.cores.full:
            return None
        program.cores.refused()
        given = Headers(raw=list(lines)).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
        counting.problem("busy")
        counting.request(PATH, 429, 0.0)
        _log.info(
            "request",
            request_id=request_id,
            method="POST",
            path=PATH,
            status=429,
            milliseconds=0.0,
            consumer=None,
            key=None,
        )
        is_strict = headers.is_strict({"scheme": scheme, "headers": lines})
        before, between, after = _written(len(request_id), is_strict)
        told = request_id.encode()
        return before + told + between + told + after

    return refuse


def written(problem: Problem, request_id: str, scheme: str) -> bytes:
    """Headers and body of what the door would answer to who speaks `scheme`, for where there is no door."""
    answer = document(problem, request_id)
    lines = MutableHeaders(raw=answer.raw_headers)
    lines["X-Request-ID"] = request_id
    headers.secure(lines, {"type": "http", "scheme": scheme, "path": PATH, "headers": []})
    head = b"".join(name + b": " + value + b"\r\n" for name, value in lines.raw)
    return head + b"\r\n" + bytes(answer.body)


@cache
def _written(length: int, is_strict: bool) -> tuple[bytes, bytes, bytes]:
    """What the door would answer, around the two places where a request's id of so many characters stands."""
    # of no id's characters, and of nothing else's here
    blank = "~" * length
    answer = written(busy(), blank, "https" if is_strict else "http")
    before, between, after = answer.split(blank.encode())
    return before, between, after
