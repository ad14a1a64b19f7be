"""Who called a moment ago: a key that comes a hundred times a second is looked up once.

Only the loop's own thread uses it. Keys are held by their digests. One that was revoked is good for `SECONDS` more.
"""

import hashlib

from store.people import Caller

SECONDS = 1.0
MOST = 10_000


class Known:
    """Callers by key; those of unknown keys are nowhere in it."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[Caller, float]] = {}

    def get(self, key: str, now: float) -> Caller | None:
        """Who it was within the last `SECONDS`; `now` is a clock that is never set, in seconds."""
        caller, until = self._found.get(_digest(key), (None, 0.0))
        return caller if now < until else None

    def put(self, key: str, caller: Caller, asked: float) -> None:
        """`asked`: when the look-up began, since a key may be revoked right behind it."""
        if len(self._found) >= MOST:
            self._found.clear()
        self._found[_digest(key)] = (caller, asked + SECONDS)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
