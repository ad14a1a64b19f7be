"""Fifty reviewers and ten thousand reviews while things break: `make bench-queue`.

Two real service processes over one database, SQLite and then PostgreSQL. Reviewers use the review page's own routes.
At random they die with pictures in hand, answer after their lease has lapsed, and post an answer twice; one service
after the other is killed (`kill -9`) and started again, PostgreSQL's server or one of its workers as well, and
reviewers post again what they heard nothing of. Counted from the rows: acknowledged answers that are not there, answers
that count twice, late answers that were the first and did not count, and, twice a second, reviews that nobody was asked
again within their lease plus five seconds. Prints a table, then one JSON object; exit code 1 when any of these is above
0, nothing was killed, a reviewer could not go on or was told what no kill explains, or a database is not there.
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
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from store import migrate, models, people
from store.database import Database
from store.errors import StoreError
from store.models import NewVersion
from store.objects import Objects
from store.pictures import NewPicture
from store.prediction_log import Entry, PredictionLog
from store.reviews import NewReview
from store.tables.reviews import LANES
from tests import postgres
from tests.benchmarks import queue_rows
from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.benchmarks.queue_leases import Leases
from tests.benchmarks.queue_reviewers import (
    LEASE_SECONDS,
    PASSWORD,
    PATIENCE_SECONDS,
    Desk,
    Reviewer,
    truth,
)
from tests.crash.kept import Kept, kill_server
from tests.journeys.programs import Programs, programs
from tests.service.rows import CLASSES, prediction

SLACK_SECONDS = 5.0
# of so many kills one is of the database
DATABASE_EVERY = 4
ADDED = ("labels_lost", "doubled", "stuck")
BARS = [
    *(
        Bar(name)
        for name in (
            *ADDED,
            "counted_otherwise",
            "late_passed_over",
            "reviewers_lost",
            "unexplained",
        )
    ),
    *(Bar(name, 1, at_least=True) for name in ("kills", "looks")),
]
KillDatabase = Callable[[random.Random], bool]


def main() -> None:
    """Run on both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--seconds-between-kills", type=float, default=20.0)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with (
        ending(*ADDED, "answers_per_second", "by_database") as end,
        tempfile.TemporaryDirectory() as name,
    ):
        end.figures["by_database"], folder = found, Path(name)
        end.figures |= floors(folder)
        if given.only != "postgresql":
            found["sqlite"] = run(folder / "one", f"sqlite:///{folder / 'ursa.db'}", given)
        binaries = postgres.programs()
        if given.only != "sqlite" and binaries is None:
            end.lacks("PostgreSQL")
        elif given.only != "sqlite" and binaries is not None:
            found["postgresql"] = on_postgres(binaries, folder / "two", given)
        if found:
            slowest = min(one["answers_per_second"] for one in found.values())
            end.figures |= {key: sum(one[key] for one in found.values()) for key in ADDED}
            end.figures["answers_per_second"] = slowest
        for of, figures in found.items():
            # a database that is killed is one bar more
            more = [Bar("database_kills", of == "postgresql", at_least=True)]
            end.held_against([*BARS, *more], figures, f"{of} ")


def on_postgres(binaries: Path, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """On a server of its own, which is killed too; its figures."""
    # as safe as PostgreSQL is by itself: the commit is on the disk before it is told
    with postgres.own_server(binaries, settings=()) as server:
        kept = Kept("database", server.start_again)
        kept.start()
        try:
            return run(folder, server.url, given, partial(kill_server, server, kept))
        finally:
            kept.stop()


def run(
    folder: Path,
    url: str,
    given: argparse.Namespace,
    kill_database: KillDatabase | None = None,
    slack: float = SLACK_SECONDS,
) -> dict[str, Any]:
    """One database; its figures. `slack`: seconds after its lease in which a review must be asked again."""
    names = [f"reviewer-{number}" for number in range(given.reviewers)]
    migrate.upgrade(url)
    database = Database(url, pool_size=12)
    fill(database, names, given.reviews)
    desk, over = Desk(), threading.Event()
    with ExitStack() as stack:
        services = start(stack, folder, url)
        reviewers = [Reviewer(desk, [one.url for one in services], one, over) for one in names]
        leases, began = Leases(database, over, slack), time.monotonic()
        for one in (*reviewers, leases):
            one.start()
        breaking = Breaking(database, services, kill_database)
        breaking.go_on(desk, over, given.seconds_between_kills)
        seconds = time.monotonic() - began
        over.set()
        for one in (*reviewers, leases):
            one.join(30)
        # who hangs has not ended well either
        desk.lost += [f"{one.name}: hangs" for one in reviewers if one.is_alive()]
    found = judge(database, desk, leases, given.reviews)
    database.dispose()
    found |= {
        "kills": breaking.kills["service"],
        "database_kills": breaking.kills["database"],
        "answers_per_second": round(len(desk.acknowledged) / seconds, 1),
    }
    report(url, found, desk, seconds)
    return found


def start(stack: ExitStack, folder: Path, url: str) -> list[Programs]:
    """Two services over one database and one storage, in which the pictures are not that have rows."""
    Objects(str(folder / "storage"))
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


class Breaking:
    """Kills one service after the other, and now and then the database; `kills` by what they hit."""

    def __init__(
        self,
        database: Database,
        services: Sequence[Programs],
        kill_database: KillDatabase | None,
    ) -> None:
        self._database, self._services, self._kill_database = database, services, kill_database
        self._random = random.Random(1)  # noqa: S311 - when to break things is no secret
        self.kills = Counter[str]()

    def go_on(self, desk: Desk, over: threading.Event, every: float) -> None:
        """Until no review is open or a reviewer is lost."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not desk.lost:
            over.wait(self._random.uniform(0.5, 1.5) * every)
            left = self._left()
            if left == 0:
                return
            # a service that is started while the database is away ends by itself
            if left is not None:
                self._kill()

    def _left(self) -> int | None:
        """Reviews that are open; None while the database does not say."""
        try:
            with self._database.read() as session:
                return queue_rows.open_reviews(session)
        except StoreError:
            return None

    def _kill(self) -> None:
        turn = self.kills.total()
        if self._kill_database is not None and turn % DATABASE_EVERY == 1:
            self.kills["database"] += self._kill_database(self._random)
            return
        service = self._services[self.kills["service"] % len(self._services)]
        process = service.running.pop("service")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.kills["service"] += 1
        service.start("service")


def judge(database: Database, desk: Desk, leases: Leases, reviews: int) -> dict[str, Any]:
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
    wrong = sum(label.label != truth(label.review_id) for label in kept.values())
    return {
        "reviews": reviews,
        "labels": len(kept),
        "acknowledged": len(desk.acknowledged),
        "labels_lost": lost + wrong,
        "counted_otherwise": otherwise,
        "late_passed_over": passed_over(kept, desk),
        "reviewers_lost": len(desk.lost),
        "unexplained": desk.unexplained,
        "doubled": doubled,
        "stuck": still_open + len(leases.stuck),
        "looks": leases.looks,
        "late_and_extra": sum(label.late for label in kept.values()),
        "longest_wait_after_lapse_s": round(leases.longest, 2),
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
