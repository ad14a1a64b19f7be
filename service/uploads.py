"""Bodies on their way in: taken in whole before anybody works on them, bounded in size, time and memory.

A picture that comes in slowly holds no place inside and no thread, only the bytes that have come. All bodies
together have a budget of memory; the one whose next part does not fit is refused. Nothing is ever written to disk.
"""

import asyncio
from time import monotonic

from starlette.types import Message, Receive

from service.errors import Problem, busy


class Gone(Exception):
    """Whoever was sending has left: there is nobody to answer."""


class Uploads:
    """`budget` is in bytes, for all bodies that are coming in or being worked on."""

    def __init__(self, budget: int, seconds: float) -> None:
        self._budget, self._seconds = budget, seconds
        self._held = 0

    async def take_in(self, receive: Receive, largest: int) -> "Body":
        """The whole body; to be closed by who asked. Raises Gone, Problem 408, 413 and 429."""
        body = Body(self, receive)
        try:
            async with asyncio.timeout(self._seconds):
                while await body.take(largest):
                    pass
        except TimeoutError:
            body.close()
            raise too_slow() from None
        except BaseException:
            body.close()
            raise
        return body

    def hold(self, size: int) -> None:
        """Raises Problem 429 when there is no memory for so much more."""
        if self._held + size > self._budget:
            raise busy()
        self._held += size

    def let_go(self, size: int) -> None:
        """The opposite of `hold`."""
        self._held -= size


class Body:
    """One body; `receive` gives it to an application as one part."""

    def __init__(self, uploads: Uploads, receive: Receive) -> None:
        self._uploads, self._receive = uploads, receive
        self._parts: list[bytes] = []
        self._size = 0
        self._read = False

    async def take(self, largest: int) -> bool:
        """Take in the next part; whether there is more."""
        message = await self._receive()
        if message["type"] != "http.request":
            raise Gone
        part = message.get("body", b"")
        if self._size + len(part) > largest:
            raise too_large(largest)
        self._uploads.hold(len(part))
        self._size += len(part)
        self._parts.append(part)
        return bool(message.get("more_body", False))

    async def receive(self) -> Message:
        """The body, then whatever the server says."""
        if self._read:
            return await self._receive()
        self._read = True
        body, self._parts = b"".join(self._parts), []
        return {"type": "http.request", "body": body, "more_body": False}

    def close(self) -> None:
        """Give the memory back, once."""
        self._uploads.let_go(self._size)
        self._size, self._parts = 0, []


def bounded(receive: Receive, largest: int, seconds: float) -> Receive:
    """A body that is read by the application itself, if it is not larger and does not take longer than allowed."""
    read, done, until = 0, False, monotonic() + seconds

    async def next_part() -> Message:
        nonlocal read, done
        if done:
            return await receive()
        try:
            async with asyncio.timeout(until - monotonic()):
                message = await receive()
        except TimeoutError:
            raise too_slow() from None
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            done = not message.get("more_body", False)
            if read > largest:
                raise too_large(largest)
        return message

    return next_part


def too_slow() -> Problem:
    """What is told to who sends too slowly; the rest of the body is not listened to."""
    return Problem(
        408, "too_slow", "The request did not arrive in time.", headers={"Connection": "close"}
    )


def too_large(largest: int) -> Problem:
    """What is told to who sends too much."""
    return Problem(413, "too_large", f"A request may have {largest:,} bytes here.")
