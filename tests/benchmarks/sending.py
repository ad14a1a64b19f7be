"""A lean sender of ready-made requests, in a process of its own: open loop (arrivals do not wait for answers) or closed.

It shares the cores with the service that it measures, so it does as little as it can: raw sockets, requests made
beforehand, a glance at the head of an answer; the processor time that it took comes back with the answers. An open
loop's milliseconds count from when a request was due, not from when it could be sent.
"""

import asyncio
import multiprocessing
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from time import monotonic, process_time
from typing import cast

import numpy as np
import uvloop

# a server ends a connection that is idle for longer, perhaps in the moment in which it is used
IDLE_SECONDS = 2.0
HUNG_SECONDS = 15.0
# what one who is told to come again waits in a closed loop
PAUSE_SECONDS = 0.05
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BROKEN, HUNG = -1, -2


@dataclass
class Sent:
    """By answer: the status (BROKEN: the connection broke; HUNG: none came), seconds, and whether Retry-After was there."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    told_when: list[bool] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    wall: float = 0.0
    processor: float = 0.0

    def of(self, status: int) -> list[float]:
        """Seconds of the answers with this status."""
        return [
            took for took, one in zip(self.seconds, self.statuses, strict=True) if one == status
        ]

    def count(self, lowest: int, highest: int) -> int:
        """Answers with a status in this range, ends included."""
        return sum(lowest <= one <= highest for one in self.statuses)

    @property
    def goodput(self) -> float:
        """Answers of 200 a second."""
        return self.count(200, 200) / self.wall


def request(content: bytes, key: str, more: str = "") -> bytes:
    """A whole request as it goes over the wire; `more` lines of its head."""
    head = (
        f"POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: multipart/form-data; boundary=picture-boundary\r\n"
        f"{more}Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def passed_on(number: int) -> str:
    """What a proxy adds to a head; addresses are of a network for examples."""
    return (
        f"X-Request-ID: {number:032x}\r\nX-Forwarded-Proto: https\r\n"
        f"X-Forwarded-For: 192.0.2.{number % 250 + 1}\r\n"
    )


def open_loop(port: int, requests: Sequence[bytes], rate: float, seconds: float, seed: int) -> Sent:
    """Send at random moments (Poisson), `rate` a second on average, whatever comes back."""
    return _elsewhere(port, requests, seconds, rate, 0, seed)


def closed_loop(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Sent:
    """Send from `clients` at a time, each when it has its answer."""
    return _elsewhere(port, requests, seconds, 0.0, clients, 0)


def _elsewhere(
    port: int, requests: Sequence[bytes], seconds: float, rate: float, clients: int, seed: int
) -> Sent:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    sender = context.Process(
        target=_run, args=(there, port, list(requests), seconds, rate, clients, seed)
    )
    sender.start()
    there.close()
    try:
        sent: Sent = here.recv()
    finally:
        sender.join()
        here.close()
    return sent


def _run(
    pipe: Connection,
    port: int,
    requests: list[bytes],
    seconds: float,
    rate: float,
    clients: int,
    seed: int,
) -> None:
    sender = _Sender(port, requests)
    work = sender.at_random(rate, seconds, seed) if rate else sender.in_turn(clients, seconds)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
    pipe.send(sender.sent)


class _Wire(asyncio.Protocol):
    """One connection that is kept; one request on it at a time."""

    def __init__(self) -> None:
        self.used = 0.0
        self.open = True
        self._read = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> "asyncio.Future[bytes]":
        """Send; the head of the answer, once all of the answer is there."""
        self._read = b""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(b"\r\n\r\n")
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = self._read[:end]
        length = _LENGTH.search(head)
        if length is not None and len(self._read) >= end + 4 + int(length[1]):
            self.open = b"connection: close" not in head.lower()
            self._answer.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())


class _Sender:
    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.sent = Sent()
        self._port, self._requests = port, requests
        self._idle: deque[_Wire] = deque()
        self._number = 0

    async def at_random(self, rate: float, seconds: float, seed: int) -> None:
        """An open loop."""
        rng = np.random.default_rng(seed)
        gaps = rng.exponential(1 / rate, int(2 * rate * seconds) + 100)
        moments = np.cumsum(gaps)
        began, spent = monotonic(), process_time()
        running: set[asyncio.Task[int]] = set()
        for due in began + moments[moments < seconds]:
            wait = due - monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.sent.late.append(max(0.0, monotonic() - due))
            task = asyncio.create_task(self._one(due))
            running.add(task)
            task.add_done_callback(running.discard)
        self.sent.wall = max(seconds, monotonic() - began)
        await asyncio.gather(*running)
        self.sent.processor = (process_time() - spent) / (monotonic() - began)

    async def in_turn(self, clients: int, seconds: float) -> None:
        """A closed loop."""
        began, spent = monotonic(), process_time()
        until = began + seconds

        async def client() -> None:
            while monotonic() < until:
                if await self._one(monotonic()) != 200:
                    await asyncio.sleep(PAUSE_SECONDS)

        await asyncio.gather(*(client() for _ in range(clients)))
        self.sent.wall = monotonic() - began
        self.sent.processor = (process_time() - spent) / self.sent.wall

    async def _one(self, due: float) -> int:
        request = self._requests[self._number % len(self._requests)]
        self._number += 1
        status, told_when = BROKEN, False
        try:
            async with asyncio.timeout(HUNG_SECONDS):
                wire = await self._wire()
                head = await wire.ask(request)
            status, told_when = int(head[9:12]), b"\r\nretry-after: " in head.lower()
            wire.used = monotonic()
            self._idle.append(wire)
        except TimeoutError:
            status = HUNG
        except OSError:
            pass  # it is counted as broken
        self.sent.statuses.append(status)
        self.sent.seconds.append(monotonic() - due)
        self.sent.told_when.append(told_when)
        return status

    async def _wire(self) -> _Wire:
        while self._idle:
            wire = self._idle.pop()
            if wire.open and monotonic() - wire.used < IDLE_SECONDS:
                return wire
            wire.transport.close()
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(_Wire, "127.0.0.1", self._port)
        return made
