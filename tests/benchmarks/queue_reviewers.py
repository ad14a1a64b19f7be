"""Reviewers of `make bench-queue`: they label by the page's own routes, and die, are late and post twice at random.

What they were told stands on the desk that all of them share. Who is right is not judged here.
"""

import hashlib
import random
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.service.rows import CLASSES

PASSWORD = secrets.token_urlsafe(12)
LEASE_SECONDS = 3.0
# of 100 pictures in hand
DIES, LATE, TWICE = 4, 3, 6
# so many that were dropped are named to the service: with the next ones no more than a page may hold
HELD = 8
# where nothing waits; the page looks again after five, and fifty who ask all the time keep those out who answer
LOOK_AGAIN_SECONDS = 1.0
PATIENCE_SECONDS = 900.0


@dataclass(frozen=True)
class Heard:
    """That an answer is kept, at a moment of the monotonic clock; `counted`: as an opinion, else as an extra one."""

    counted: bool
    at: float


@dataclass
class Desk:
    """What all reviewers of a run share: when they posted an answer first, and what they were told."""

    posted: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, Heard] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    # answers of 500 and above that are no 503
    unexplained: int = 0
    # reviewers who could not go on, and why
    lost: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Reviewer(threading.Thread):
    """One person at the page, on either service."""

    def __init__(self, desk: Desk, urls: Sequence[str], name: str, over: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._desk, self._urls, self._over = desk, urls, over
        self._random = random.Random(name)  # noqa: S311 - which answer comes late is no secret
        self._pages = httpx.Client(timeout=20)
        self._number = 0
        # what this one dropped, until when: the page has it in hand still, and is not offered it again
        self._dropped: dict[str, datetime] = {}

    def run(self) -> None:
        """Label until there is nothing left and nothing can come back."""
        try:
            self._label()
        except Exception as error:  # noqa: BLE001  # whatever it was: a run that lost a reviewer has failed
            with self._desk.lock:
                self._desk.lost.append(f"{self.name}: {type(error).__name__}: {error}"[:300])
        finally:
            self._pages.close()

    def _label(self) -> None:
        self._sign_in()
        while not self._over.is_set():
            now = datetime.now(UTC)
            holding = [one for one, until in self._dropped.items() if until > now][-HELD:]
            asked = {"count": self._random.choice((1, 2, 4)), "holding": holding}
            told = self._post("/review/next", asked)
            reviews = told.json()["reviews"] if told.status_code == 200 else []
            for review in reviews:
                self._deal_with(review)
            if not reviews:
                self._over.wait(LOOK_AGAIN_SECONDS)

    def _deal_with(self, review: dict[str, Any]) -> None:
        until, chance = datetime.fromisoformat(review["until"]), self._random.randrange(100)
        if chance < DIES:
            self._dropped[review["id"]] = until
            self._count("dropped")
            return
        if chance < DIES + LATE:
            self._over.wait(LEASE_SECONDS + 0.5)
            self._count("late")
        self._number += 1
        said = {
            "token": review["token"],
            "kind": "class",
            "label": truth(review["id"]),
            "submission": f"{self.name}-{self._number:08}",
        }
        times = 2 if chance >= 100 - TWICE else 1
        self._desk.posted[said["submission"]] = time.monotonic()
        for _ in range(times):
            answer = self._post(f"/review/{review['id']}/answer", said)
            counted = answer.status_code == 200
            if not counted and not answer.json().get("kept"):
                raise AssertionError(f"an answer was told {answer.status_code}: {answer.text}")
            with self._desk.lock:
                heard = Heard(counted, time.monotonic())
                before = self._desk.acknowledged.setdefault(said["submission"], heard)
            if before.counted != counted:
                raise AssertionError(f"an answer posted twice was told two things: {answer.text}")
        self._count("posted twice" if times == 2 else "posted")

    def _count(self, what: str) -> None:
        with self._desk.lock:
            self._desk.done[what] += 1

    def _sign_in(self) -> None:
        form = {"name": self.name, "password": PASSWORD, "next": "/review"}
        while True:
            url = self._random.choice(self._urls)
            try:
                signed = self._pages.post(f"{url}/sign-in", data=form)
                page = self._pages.get(f"{url}/review")
            except httpx.TransportError:
                self._over.wait(0.2)
                continue
            found = re.search(r'<meta name="csrf" content="([0-9a-f]+)">', page.text)
            if signed.status_code == 303 and found is not None:
                self._pages.headers["X-CSRF-Token"] = found[1]
                return
            self._over.wait(0.2)

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Until some service answers: what was posted without an answer is posted again, as the page does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = self._pages.post(self._random.choice(self._urls) + path, json=body)
            except httpx.TransportError:
                self._count("posted again: nothing heard")
                time.sleep(0.1)
                continue
            if answer.status_code < 500 and answer.status_code != 429:
                return answer
            self._count(f"posted again: told {answer.status_code}")
            if answer.status_code not in (429, 503):
                with self._desk.lock:
                    self._desk.unexplained += 1
            time.sleep(0.1)
        raise AssertionError(f"{path}: no service answered")


def truth(review_id: str) -> str:
    """The class that every reviewer sees."""
    return CLASSES[hashlib.sha256(review_id.encode()).digest()[0] % len(CLASSES)]
