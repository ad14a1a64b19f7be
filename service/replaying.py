"""The same Idempotency-Key gives the first answer again, byte for byte.

Order: wait for a twin that is in flight here, look for the first answer in the log, else be the first. Between two
processes the log decides: whoever commits second reads the winner's answer. A key is its consumer's own.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from service import metrics
from service.clock import Clock
from store import predictions
from store.database import Database
from store.errors import Conflict, Unavailable

WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Answered:
    """The bytes of an answer, and whether they had been given before."""

    body: bytes
    replayed: bool


@dataclass(frozen=True)
class _Flight:
    request_sha256: str
    landed: threading.Event = field(default_factory=threading.Event)


class FirstAnswers:
    """What is in flight in this process, and the way to what landed in any."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._lock = threading.Lock()
        self._flights: dict[tuple[str, str], _Flight] = {}

    def give(
        self,
        consumer_id: str,
        key: str,
        request_sha256: str,
        answer: Callable[[], bytes],
        waits: Callable[[], object] = lambda: None,
    ) -> Answered:
        """The first answer to the key, or `answer()`, which keeps it in the log; `waits` is told of a twin in flight.

        Raises Conflict with code `idempotency_key_reused` when the key came with another request before.
        """
        mine = self._take_off(consumer_id, key, request_sha256, waits)
        try:
            kept = self._kept(consumer_id, key, request_sha256)
            if kept is None:
                try:
                    return Answered(answer(), replayed=False)
                except Conflict:
                    # another process was first
                    kept = self._kept(consumer_id, key, request_sha256)
                    if kept is None:
                        raise
        finally:
            with self._lock:
                del self._flights[consumer_id, key]
            mine.landed.set()
        metrics.REPLAYS.inc()
        return Answered(kept, replayed=True)

    def _take_off(
        self, consumer_id: str, key: str, request_sha256: str, waits: Callable[[], object]
    ) -> _Flight:
        mine = _Flight(request_sha256)
        while True:
            with self._lock:
                twin = self._flights.setdefault((consumer_id, key), mine)
            if twin is mine:
                return mine
            _check(twin.request_sha256, request_sha256)
            waits()
            if not twin.landed.wait(WAIT_SECONDS):
                raise Unavailable("The first request with this key is not done yet.", "twin")

    def _kept(self, consumer_id: str, key: str, request_sha256: str) -> bytes | None:
        with self._database.read() as session:
            kept = predictions.first_answer(session, consumer_id, key, self._clock())
        if kept is None:
            return None
        _check(kept.request_sha256, request_sha256)
        return kept.answer


def _check(first: str, now: str) -> None:
    if first != now:
        raise Conflict(
            "This Idempotency-Key was used for another request: take a new one.",
            "idempotency_key_reused",
        )
