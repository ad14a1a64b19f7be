"""Refuse a picture when its request's head is there, before anything is made of it.

Most of an overload is refusals, and what each of them takes is taken from those that are answered. This one runs on the
loop, in the connection itself, and says what the door would say, which looks again at what is let by here: a place inside,
the page, a process that is leaving.
"""

import secrets
from collections.abc import Callable, Sequence

import structlog
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders

from service import counting, headers
from service.errors import busy, document
from service.program import Program

_log = structlog.get_logger()

PATH = "/v1/predictions"
# by the address and the head's lines: headers and body of a 429, or None for who may try the door
TurnAway = Callable[[bytes, Sequence[tuple[bytes, bytes]]], bytes | None]
_ID = "0" * 32


def turn_away(app: FastAPI) -> TurnAway:
    """The refusal of this application while all its cores are taken and the queue for them is full."""
    before, between, after = _written()

    def refuse(url: bytes, lines: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        program: Program | None = getattr(app.state, "program", None)
        if url != PATH.encode() or program is None or app.state.leaving or not program.cores.full:
            return None
        # a name that the client gave the request, or what a proxy says about it, is the door's to look at
        if any(name in (b"x-request-id", b"x-forwarded-proto") for name, _ in lines):
            return None
        request_id = secrets.token_hex(16)
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
        told = request_id.encode()
        return before + told + between + told + after

    return refuse


def _written() -> tuple[bytes, bytes, bytes]:
    """What the door would answer, around the two places where the request's id stands."""
    answer = document(busy(), _ID)
    lines = MutableHeaders(raw=answer.raw_headers)
    lines["X-Request-ID"] = _ID
    headers.secure(lines, {"type": "http", "scheme": "http", "path": PATH, "headers": []})
    head = b"".join(name + b": " + value + b"\r\n" for name, value in lines.raw)
    before, between, after = (head + b"\r\n" + bytes(answer.body)).split(_ID.encode())
    return before, between, after
