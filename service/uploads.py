"""Bodies on their way in: taken in whole before anybody works on them, bounded in size, time and memory.

A picture that comes in slowly holds no place inside and no thread, only the bytes that have come. All bodies
together have a budget of memory; the one whose next part does not fit is refused. Nothing is ever written to disk.
A form or JSON is read by the application itself and takes nothing of the budget while it is small: the number of
connections bounds those, and no flood of pictures keeps anybody from signing in, labelling or stopping a model.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic

from starlette.types import Message, Receive

from service.errors import Problem, busy

# what every connection may take unasked: a form that people fill in, or a call
SMALL = 64 * 1024


class Gone(Exception):
    """Whoever was sending has left: there is nobody to answer."""


class Uploads:
    """`budget` is in bytes, for all bodies that are coming in or being worked on."""

    def __init__(self, budget: int, seconds: float) -> None:
        self._budget, self._seconds = budget, seconds
        self._held = 0

    async def take_in(self, receive: Receive, largest: int) -> "Body":
        """The whole body; to be closed by who asked. Raises Gone, Problem 408, 413 and 429."""
        body = Body(self, receive, largest)
        try:
            async with asyncio.timeout(self._seconds):
                await body.take()
        except TimeoutError:
            body.close()
            raise too_slow() from None
        except BaseException:
            body.close()
            raise
        return body

    @contextmanager
    def pass_on(self, receive: Receive, largest: int) -> Iterator[Receive]:
        """A body that is read by the application itself, which is charged for it to the end of the block.

        Reading it raises Problem 408 and 413, and 429 only where it is not small.
        """
        body, until = Body(self, receive, largest, free=SMALL), monotonic() + self._seconds

        async def next_part() -> Message:
            if body.is_whole:
                return await receive()
            try:
                async with asyncio.timeout(until - monotonic()):
                    return await body.part()
            except TimeoutError:
                raise too_slow() from None

        with closing(body):
            yield next_part

    def hold(self, size: int) -> None:
        """Raises Problem 429 when there is no memory for so much more."""
        if self._held + size > self._budget:
            raise busy()
        self._held += size

    def let_go(self, size: int) -> None:
        """The opposite of `hold`."""
        self._held -= size


class Body:
    """One body; `receive` gives it to an application as one part. What it has beyond `free` bytes is charged."""

    def __init__(self, uploads: Uploads, receive: Receive, largest: int, free: int = 0) -> None:
        self._uploads, self._receive = uploads, receive
        self._largest, self._free = largest, free
        self._parts: list[bytes] = []
        self._size = self._held = 0
        self._read = False
        self.is_whole = False

    async def take(self) -> None:
        """Take in all of it."""
        while not self.is_whole:
            message = await self.part()
            if message["type"] != "http.request":
                raise Gone
            self._parts.append(message.get("body", b""))
        self._parts = [b"".join(self._parts)]

    async def part(self) -> Message:
        """The next part, charged for."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._largest:
                raise too_large(self._largest)
            more = max(0, self._size - self._free) - self._held
            self._uploads.hold(more)
            self._held += more
            self.is_whole = not message.get("more_body", False)
        return message

    @property
    def content(self) -> bytes:
        """All of it, once it was taken and before it is given on."""
        return self._parts[0]

    async def receive(self) -> Message:
        """The body, then whatever the server says."""
        if self._read:
            return await self._receive()
        self._read = True
        body, self._parts = self.content, []
        return {"type": "http.request", "body": body, "more_body": False}

    def close(self) -> None:
        """Give the memory back, once."""
        self._uploads.let_go(self._held)
        self._held, self._parts = 0, []


def too_slow() -> Problem:
    """What is told to who sends too slowly; the rest of the body is not listened to."""
    return Problem(
        408, "too_slow", "The request did not arrive in time.", headers={"Connection": "close"}
    )


def too_large(largest: int) -> Problem:
    """What is told to who sends too much."""
    return Problem(413, "too_large", f"A request may have {largest:,} bytes here.")
