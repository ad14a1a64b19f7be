"""Connections: how many there may be, how long a request may take to come in, and how a process leaves them.

Order: one beyond the limit is told 429 and closed; a request whose head is too large, or whose head or body does not
come in time, ends its connection, also where it was refused long ago and goes on sending; so does one that takes no
answer. At the end the process is told of as not ready,
goes on answering for a while, takes in what has connected meanwhile and only then stops to listen: whoever was
let in gets an answer.
"""

import asyncio
import gc
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import structlog
import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service import counting
from service.errors import Problem, full, too_large_a_head, unreadable
from service.turning_away import TurnAway, written

_log = structlog.get_logger()

# from the first byte of a request, or from a connection's begin, to the end of the head
HEAD_SECONDS = 10.0
# of a request's head, and of what else stands around its body: the parser itself knows no end
HEAD_BYTES = 64 * 1024
# what frames the parts of a body, beyond that of a head: a whole picture in parts of half a kibibyte
FRAMES_BYTES = 320 * 1024
# an answer that waits and of which less than this is taken in such a time is for nobody
TAKE_SECONDS, TAKE_BYTES = 30.0, 64 * 1024
# who was told no has this long to read it
FAREWELL_SECONDS = 1.0
# what has connected has sent its head by then
SETTLE_SECONDS = 0.5
_LOOK_SECONDS = 0.02
_TURNED_AWAY = b"HTTP/1.1 429 Too Many Requests\r\n"


class Connection(HttpToolsProtocol):
    """One connection to a client. `most`, `body_seconds` and `turn_away` are set by `connection_class`."""

    most: int
    body_seconds: float
    turn_away: TurnAway
    _deadline: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None
    _is_told = False
    _is_turned_away = False  # what comes of this request is read and thrown away
    _has_turned_away = False  # one of those that have just come
    _in_head = False
    _has_begun = False
    _around = 0  # bytes of this request that are not of its body
    _body = 0  # and those of its body among what has just come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrower there too
        """Tell it no when there are too many, else wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self._tell(full())
        else:
            self._within(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it was told no."""
        if self._is_told:
            return
        self._body, self._has_begun, self._has_turned_away = 0, False, False
        super().data_received(data)
        # where a request has begun in the middle, what came before it is not its own
        if not self._has_begun:
            self._around += len(data) - self._body
        if self._is_told or self.transport.is_closing():  # type: ignore[redundant-expr]  # it may be by now
            return
        if self._around > HEAD_BYTES + (0 if self._in_head else FRAMES_BYTES):
            self._refuse()
        elif self._deadline is None and self._is_idle():
            # empty lines between requests begin none, and have stopped the clock of the server's own
            self._within(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._has_begun, self._around = True, True, 0
        self._within(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """Its head is there: perhaps that is enough."""
        self._is_turned_away = self._turned_away()
        if not self._is_turned_away:
            super().on_headers_complete()
        self._in_head = False
        self._within(self.body_seconds + HEAD_SECONDS)

    def on_body(self, body: bytes) -> None:
        """A part of its body is there."""
        self._body += len(body)
        if not self._is_turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is there."""
        if not self._is_turned_away:
            super().on_message_complete()
        self._is_turned_away = False
        self._in_time()

    def pause_writing(self) -> None:
        """More of an answer is ready than is taken."""
        super().pause_writing()
        self._take_on(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It was taken."""
        self._taken()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._in_time()
        self._taken()
        super().connection_lost(exc)

    def _turned_away(self) -> bool:
        """Whether the head alone was answered: nothing is before it, and the body follows without being asked for."""
        plain = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        if not plain or self.expect_100_continue or not self._is_idle():
            return False
        if self.parser.get_method() != b"POST" or self.transport.is_closing():
            return False
        # who sends one behind the other and reads nothing is for the door, which waits for readers
        if self._has_turned_away or self.transport.get_write_buffer_size():
            return False
        told = self.turn_away(self.url, self.headers, self._scheme())
        if told is None:
            return False
        self.transport.write(b"".join((_TURNED_AWAY, self._usual(), told)))
        self._has_turned_away = True
        return True

    def _scheme(self) -> str:
        """What the server tells the door that the client speaks: of a proxy that is believed, what that one says."""
        told = dict(self.headers).get(b"x-forwarded-proto", b"").decode("latin-1").strip()
        proxies = self.app.trusted_hosts if isinstance(self.app, ProxyHeadersMiddleware) else ()
        here = self.client[0] if self.client else None
        return told if told in ("http", "https") and here in proxies else self.scheme or "http"

    def _usual(self) -> bytes:
        """What the server says in every answer, as the date."""
        lines = self.server_state.default_headers
        return b"".join(name + b": " + value + b"\r\n" for name, value in lines)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None before the first

    def _refuse(self) -> None:
        if self._in_head and self._is_idle():
            self._tell(too_large_a_head(HEAD_BYTES))
        else:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # the server's own words for it
        """It cannot be read: a method that nobody knows, a line that is none."""
        if self._is_idle():
            self._tell(unreadable())
        else:
            # what is being worked on may have an answer half sent
            self.transport.write(self._written(unreadable()))
            self.transport.close()

    def _tell(self, problem: Problem) -> None:
        self._is_told = True
        self.transport.write(self._written(problem))
        # closed at once, bytes that are still coming in would make the kernel take the answer back
        self.transport.write_eof()
        self._within(FAREWELL_SECONDS)

    def _written(self, problem: Problem) -> bytes:
        request_id, status = secrets.token_hex(16), HTTPStatus(problem.status_code)
        counting.problem(problem.code)
        _log.info(
            "refused_unread",
            request_id=request_id,
            status=problem.status_code,
            code=problem.code,
            address=self.client[0] if self.client else "",
        )
        line = f"HTTP/1.1 {problem.status_code} {status.phrase}\r\n".encode()
        return line + self._usual() + written(problem, request_id, self.scheme or "http")

    def _take_on(self, left: int) -> None:
        self._taking = self.loop.call_later(TAKE_SECONDS, self._look_what_is_taken, left)

    def _look_what_is_taken(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left > before - TAKE_BYTES:
            self.transport.abort()
        else:
            self._take_on(left)

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _within(self, seconds: float) -> None:
        self._in_time()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def connection_class(most: int, body_seconds: float, turn_away: TurnAway) -> type[Connection]:
    """What a server makes of each connection: at most `most`, with bodies that come within `body_seconds`."""
    given = {"most": most, "body_seconds": body_seconds, "turn_away": staticmethod(turn_away)}
    return type("Connection", (Connection,), given)


class Server(uvicorn.Server):
    """A server that leaves nobody behind when it stops. `leave` is called when it begins to."""

    def __init__(
        self, config: uvicorn.Config, leave: Callable[[], None], drain_seconds: float
    ) -> None:
        super().__init__(config)
        self._leave, self._drain_seconds = leave, drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """What is there now stays: to look through all of it for garbage every few seconds takes a tenth of one."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, answer on for a while, take in who has connected, then end as every server does."""
        self._leave()
        await asyncio.sleep(self._drain_seconds)
        # a second name for the same listeners: what the kernel has let in is not lost when the first is closed
        listening = [one.dup() for one in sockets or []]
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        for one in listening:
            await self._take_in(one)
        await self._settle()
        await super().shutdown(sockets)

    async def _take_in(self, listener: socket.socket) -> None:
        accepted: list[socket.socket] = []
        listener.setblocking(False)
        with listener, suppress(BlockingIOError):
            while True:
                accepted.append(listener.accept()[0])
        loop = asyncio.get_running_loop()
        for one in accepted:
            await loop.connect_accepted_socket(self._connection, one)

    async def _settle(self) -> None:
        for _ in range(round(SETTLE_SECONDS / _LOOK_SECONDS)):
            open_ = self.server_state.connections
            if all(one.cycle is not None for one in open_ if isinstance(one, Connection)):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _connection(self) -> Any:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # it is one of several classes there
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
