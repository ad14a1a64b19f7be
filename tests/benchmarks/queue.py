"""Fifty reviewers and ten thousand reviews while things break: `make bench-queue`.

Two real service processes over one database, SQLite and then PostgreSQL. Reviewers use the review page's own routes.
At random they die with pictures in hand, answer after their lease has lapsed, and post an answer twice; one service
after the other is killed (`kill -9`) and started again, and reviewers post again what they heard nothing of.
Counted at the end from the rows: acknowledged answers that are not there, answers that count twice, reviews that were
not asked again within their lease plus five seconds, late answers that were the first and did not count. Prints a table,
then one JSON object; exit code 1 when any of these is above 0, or a reviewer could not go on.
"""

import argparse
import hashlib
import math
import os
import random
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from store import migrate, models, people
from store.database import Database
from store.models import NewVersion
from store.pictures import NewPicture
from store.prediction_log import Entry, PredictionLog
from store.reviews import NewReview
from store.tables.reviews import LANES
from tests import postgres
from tests.benchmarks import queue_rows
from tests.benchmarks.bars import Bar, end, held_against
from tests.benchmarks.queue_reviewers import (
    LEASE_SECONDS,
    PASSWORD,
    PATIENCE_SECONDS,
    Desk,
    Reviewer,
    truth,
)
from tests.journeys.programs import Programs, programs
from tests.service.rows import CLASSES, prediction

SLACK_SECONDS = 5.0
BARS = [
    Bar(name)
    for name in (
        "labels_lost", "doubled", "stuck", "counted_otherwise", "late_passed_over", "reviewers_lost"
    )
]  # fmt: skip


def main() -> None:
    """Run on both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--seconds-between-kills", type=float, default=6.0)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.only != "postgresql":
            found["sqlite"] = run(folder / "one", f"sqlite:///{folder / 'ursa.db'}", given)
        binaries = postgres.programs()
        if binaries is None:
            print("PostgreSQL is not installed: not measured on it")
        elif given.only != "sqlite":
            # as safe as PostgreSQL is by itself: the commit is on the disk before it is told
            with postgres.server(binaries, settings=()) as url:
                found["postgresql"] = run(folder / "two", url, given)
    added = {
        key: sum(one[key] for one in found.values()) for key in ("labels_lost", "doubled", "stuck")
    }
    slowest = min((one["answers_per_second"] for one in found.values()), default=0.0)
    failed = [name for of, one in found.items() for name in held_against(one, BARS, f"{of} ")]
    end({**added, "answers_per_second": slowest, "by_database": found}, failed)


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
        kills = break_things(database, desk, services, over, given.seconds_between_kills)
        seconds = time.monotonic() - began
        over.set()
        for reviewer in reviewers:
            reviewer.join(30)
        # who hangs has not ended well either
        desk.lost += [f"{one.name}: hangs" for one in reviewers if one.is_alive()]
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
    database: Database,
    desk: Desk,
    services: Sequence[Programs],
    over: threading.Event,
    every: float,
) -> int:
    """Kill one service after the other until no review is open or a reviewer is lost; how often."""
    kills, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    chance = random.Random(1)  # noqa: S311 - when to break things is no secret
    while time.monotonic() < deadline and not desk.lost:
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
    otherwise = sum(
        one.counted == kept[submission].late
        for submission, one in desk.acknowledged.items()
        if submission in kept
    )
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
        "counted_otherwise": otherwise,
        "late_passed_over": passed_over(kept, desk),
        "reviewers_lost": len(desk.lost),
        "doubled": doubled,
        "stuck": stuck,
        "late_and_extra": sum(label.late for label in kept.values()),
        "longest_wait_after_lapse_s": round(max(desk.waited, default=0.0), 2),
    }


def passed_over(kept: dict[str, queue_rows.Kept], desk: Desk) -> int:
    """Extra opinions that were the first: told of before any that counted was posted."""
    first: dict[str, float] = {}
    for submission, label in kept.items():
        if not label.late:
            posted = desk.posted[submission]
            first[label.review_id] = min(posted, first.get(label.review_id, posted))
    extra = {
        one: heard for one, heard in desk.acknowledged.items() if one in kept and kept[one].late
    }
    return sum(heard.at <= first.get(kept[one].review_id, math.inf) for one, heard in extra.items())


def report(url: str, found: dict[str, Any], desk: Desk, seconds: float) -> None:
    """The table for people."""
    print(f"{url.split(':')[0]}: {seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    for name, value in found.items():
        print(f"  {name.replace('_', ' ')}: {value}")
    for name, number in sorted(desk.done.items()):
        print(f"  {name}: {number}")
    for sentence in desk.lost:
        print(f"  LOST {sentence}")


if __name__ == "__main__":
    main()
