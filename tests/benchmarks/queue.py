"""Fifty reviewers and ten thousand reviews while things break: `make bench-queue`.

Two real service processes over one database, SQLite and then PostgreSQL. Reviewers use the review page's own routes.
At random they die with pictures in hand, answer after their lease has lapsed, and post an answer twice; one service
after the other is killed (`kill -9`) and started again, and reviewers post again what they heard nothing of.
Counted at the end from the rows: acknowledged answers that are not there, answers that count twice, reviews that were
not asked again within their lease plus five seconds. Prints a table, then one JSON object.
"""

import argparse
import hashlib
import json
import os
import random
import re
import secrets
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from store import migrate, models, people
from store.database import Database
from store.models import NewVersion
from store.pictures import NewPicture
from store.prediction_log import Entry, PredictionLog
from store.reviews import NewReview
from store.tables.reviews import LANES
from tests import postgres
from tests.benchmarks import queue_rows
from tests.journeys.programs import Programs, programs
from tests.service.rows import CLASSES, prediction

PASSWORD = secrets.token_urlsafe(12)
LEASE_SECONDS = 3.0
SLACK_SECONDS = 5.0
# of 100 pictures in hand
DIES, LATE, TWICE = 4, 3, 6
PATIENCE_SECONDS = 900.0


@dataclass
class Desk:
    """What all reviewers of a run share: where they were told that an answer is kept, and what was left lying."""

    acknowledged: dict[str, bool] = field(default_factory=dict)
    # reviews that somebody dropped: when their lease ends
    dropped: dict[str, datetime] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    outages: list[tuple[float, float]] = field(default_factory=list)


class Reviewer(threading.Thread):
    """One person at the page, on either service."""

    def __init__(self, desk: Desk, urls: Sequence[str], name: str, over: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._desk, self._urls, self._over = desk, urls, over
        self._random = random.Random(name)  # noqa: S311 - which answer comes late is no secret
        self._pages = httpx.Client(timeout=20)
        self._number = 0

    def run(self) -> None:
        """Label until there is nothing left and nothing can come back."""
        self._sign_in()
        while not self._over.is_set():
            told = self._post("/review/next", {"count": self._random.choice((1, 2, 4))})
            reviews = told.json()["reviews"] if told.status_code == 200 else []
            for review in reviews:
                self._met(review["id"])
            for review in reviews:
                self._deal_with(review)
            if not reviews:
                self._over.wait(0.2)

    def _deal_with(self, review: dict[str, Any]) -> None:
        until, chance = datetime.fromisoformat(review["until"]), self._random.randrange(100)
        if chance < DIES:
            with self._desk.lock:
                self._desk.dropped[review["id"]] = until
                self._desk.done["dropped"] += 1
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
        for _ in range(times):
            answer = self._post(f"/review/{review['id']}/answer", said)
            if answer.status_code == 200 or answer.json().get("kept"):
                with self._desk.lock:
                    self._desk.acknowledged[said["submission"]] = answer.status_code == 200
        self._count("posted twice" if times == 2 else "posted")

    def _met(self, review_id: str) -> None:
        now = datetime.now(UTC)
        with self._desk.lock:
            until = self._desk.dropped.pop(review_id, None)
            if until is not None:
                self._desk.waited.append((now - until).total_seconds())

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
            time.sleep(0.1)
        raise AssertionError(f"{path}: no service answered")


def truth(review_id: str) -> str:
    """The class that every reviewer sees."""
    return CLASSES[hashlib.sha256(review_id.encode()).digest()[0] % len(CLASSES)]


def main() -> None:
    """Run on both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--seconds-between-kills", type=float, default=6.0)
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found["sqlite"] = run(folder / "one", f"sqlite:///{folder / 'ursa.db'}", given)
        binaries = postgres.programs()
        if binaries is not None:
            with postgres.server(binaries) as url:
                found["postgresql"] = run(folder / "two", url, given)
        else:
            print("PostgreSQL is not installed: not measured on it")
    added = {
        key: sum(one[key] for one in found.values()) for key in ("labels_lost", "doubled", "stuck")
    }
    slowest = min(one["answers_per_second"] for one in found.values())
    print(json.dumps({**added, "answers_per_second": slowest, "by_database": found}))


def run(folder: Path, url: str, given: argparse.Namespace) -> dict[str, Any]:
    """One database; its figures."""
    names = [f"reviewer-{number}" for number in range(given.reviewers)]
    migrate.upgrade(url)
    database = Database(url, pool_size=12)
    fill(database, names, given.reviews)
    desk, over = Desk(), threading.Event()
    with ExitStack() as stack:
        services = start(stack, folder, url)
        reviewers = [Reviewer(desk, [one.url for one in services], one, over) for one in names]
        began = time.monotonic()
        for reviewer in reviewers:
            reviewer.start()
        kills = break_things(database, services, over, given.seconds_between_kills)
        seconds = time.monotonic() - began
        over.set()
        for reviewer in reviewers:
            reviewer.join(30)
    found = judge(database, desk, given.reviews)
    database.dispose()
    found |= {"kills": kills, "answers_per_second": round(len(desk.acknowledged) / seconds, 1)}
    report(url, found, desk, seconds)
    return found


def start(stack: ExitStack, folder: Path, url: str) -> list[Programs]:
    """Two services over one database and one storage."""
    shared = {
        "URSA_SECRET_KEY": secrets.token_hex(32),
        "URSA_STORAGE_URL": str(folder / "storage"),
        "URSA_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    services = []
    for number in range(2):
        own = folder / f"service-{number}"
        own.mkdir(parents=True)
        service = stack.enter_context(programs(own, url, **shared))
        service.start("service")
        services.append(service)
    return services


def fill(database: Database, names: Sequence[str], count: int) -> None:
    """People, and predictions each with a review; every tenth review needs two opinions."""
    now = datetime.now(UTC) - timedelta(days=1)
    with database.write() as session:
        for name in names:
            people.add_person(session, name, PASSWORD, "reviewer", now, simulated=True)
        consumer = people.add_consumer(session, "bench", now)
        digest = hashlib.sha256(b"bundle").hexdigest()
        models.register(session, NewVersion(digest, 1, CLASSES, {}), now)
    log = PredictionLog(database)
    log.start()

    def keep(number: int) -> None:
        picture = hashlib.sha256(str(number).encode()).hexdigest()
        row = prediction(consumer.id, picture, now + timedelta(milliseconds=number))
        lane = LANES[number % len(LANES)]
        review = NewReview(row.id, picture, lane, (lane,), 2 if number % 10 == 0 else 1)
        log.keep(Entry(row, NewPicture(picture, "png", 100, 64, 48), review=review))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(keep, range(count)))
    log.stop()


def break_things(
    database: Database, services: Sequence[Programs], over: threading.Event, every: float
) -> int:
    """Kill one service after the other until no review is open; how often."""
    kills, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    chance = random.Random(1)  # noqa: S311 - when to break things is no secret
    while time.monotonic() < deadline:
        over.wait(chance.uniform(0.5, 1.5) * every)
        with database.read() as session:
            if queue_rows.open_reviews(session) == 0:
                return kills
        service = services[kills % len(services)]
        process = service.running.pop("service")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        service.start("service")
    return kills


def judge(database: Database, desk: Desk, reviews: int) -> dict[str, Any]:
    """What the rows say against what the reviewers were told."""
    with database.read() as session:
        kept = queue_rows.labels(session)
        state = queue_rows.reviews(session)
        still_open = queue_rows.open_reviews(session)
    lost = sum(submission not in kept for submission in desk.acknowledged)
    counted: dict[str, list[str]] = {}
    for label in kept.values():
        if not label.late:
            counted.setdefault(label.review_id, []).append(label.person_id)
    doubled = sum(len(people) != len(set(people)) for people in counted.values())
    doubled += sum(len(counted.get(one, [])) > needed for one, needed in state.items())
    stuck = still_open + sum(waited > SLACK_SECONDS for waited in desk.waited)
    wrong = sum(label.label != truth(label.review_id) for label in kept.values())
    return {
        "reviews": reviews,
        "labels": len(kept),
        "acknowledged": len(desk.acknowledged),
        "labels_lost": lost + wrong,
        "doubled": doubled,
        "stuck": stuck,
        "late_and_extra": sum(label.late for label in kept.values()),
        "longest_wait_after_lapse_s": round(max(desk.waited, default=0.0), 2),
    }


def report(url: str, found: dict[str, Any], desk: Desk, seconds: float) -> None:
    """The table for people."""
    print(f"{url.split(':')[0]}: {seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    for name, value in found.items():
        print(f"  {name.replace('_', ' ')}: {value}")
    for name, number in sorted(desk.done.items()):
        print(f"  {name}: {number}")


if __name__ == "__main__":
    main()
