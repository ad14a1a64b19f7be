"""Consumers who post pictures while things die, and remember every answer that they were given.

What was sent with an Idempotency-Key and not answered is sent again with the same key until it is, as a consumer
would; what was answered is now and then asked for again, and must be the same bytes.
"""

import hashlib
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import httpx

from tests.toy import draw

# of 5 requests one has no key and is sent once; of 4 that could be new one is a replay
UNKEYED, REPLAYS = 5, 4
PATIENCE_SECONDS = 120.0
SEGMENTS = ("web", "app", None)


@dataclass(frozen=True)
class Told:
    """One answer that was given: to which request, and its bytes."""

    number: int
    key: str | None
    digest: str
    body: bytes


@dataclass
class Ledger:
    """What all consumers of a run were told."""

    told: list[Told] = field(default_factory=list)
    replayed: int = 0
    replays_differing: int = 0
    sent_again: int = 0
    given_up: int = 0
    # answers that nothing which was broken here explains, by status and code
    unexpected: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: "count[int]" = field(default_factory=count)

    def some(self, chance: random.Random) -> Told | None:
        """An earlier answer to a request with a key."""
        with self.lock:
            for _ in range(8):
                if self.told and (one := chance.choice(self.told)).key is not None:
                    return one
        return None


def reference(number: int) -> str:
    """The consumer's own id of a request: no two requests have the same."""
    return f"r-{number:07}"


class Consumer(threading.Thread):
    """One of them."""

    def __init__(
        self, url: str, key: str, ledger: Ledger, seed: int, over: threading.Event
    ) -> None:
        super().__init__(name=f"consumer-{seed}", daemon=True)
        self._ledger, self._over = ledger, over
        self._random = random.Random(seed)  # noqa: S311  # what is sent is no secret
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30)

    def run(self) -> None:
        """Send until the end, and then until the last request has its answer."""
        with self._http:
            while not self._over.is_set():
                earlier = self._ledger.some(self._random)
                if earlier is not None and self._random.randrange(REPLAYS) == 0:
                    self.replay(earlier)
                else:
                    self._ask(next(self._ledger.numbers))

    def replay(self, earlier: Told) -> None:
        """Send a request again that was answered."""
        body = self._post(earlier.number, earlier.key)
        with self._ledger.lock:
            self._ledger.replayed += body is not None
            self._ledger.replays_differing += body not in (None, earlier.body)

    def _ask(self, number: int) -> None:
        key = None if number % UNKEYED == 0 else f"key-{number:07}"
        body = self._post(number, key)
        if body is not None:
            told = Told(number, key, hashlib.sha256(picture(number)).hexdigest(), body)
            with self._ledger.lock:
                self._ledger.told.append(told)

    def _post(self, number: int, key: str | None) -> bytes | None:
        """The answer's bytes; None when it was sent once only, or patience has ended."""
        fields = {"reference": reference(number), "subject": f"camera {number % 40}"}
        segment = SEGMENTS[number % len(SEGMENTS)]
        if segment is not None:
            fields["segment"] = segment
        image = picture(number)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = self._http.post(
                    "/v1/predictions",
                    data=fields,
                    files={"image": ("picture.png", image)},
                    headers={"Idempotency-Key": key} if key else None,
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                return answer.content
            # 502 and 504 are a proxy's: nobody answers behind it
            if answer is not None and answer.status_code not in (429, 502, 503, 504):
                with self._ledger.lock:
                    self._ledger.unexpected[f"{answer.status_code} {answer.text[:300]}"] += 1
            if key is None:
                return None
            with self._ledger.lock:
                self._ledger.sent_again += 1
            time.sleep(self._random.uniform(0.05, 0.3))
        with self._ledger.lock:
            self._ledger.given_up += 1
        return None


def picture(number: int) -> bytes:
    """The picture of a request."""
    # now and then one that came before: its bytes are kept once
    seed = number - 3 if number % 7 == 6 else number
    return draw(seed % 2, seed)
