"""`python -m tests.service.deliverer URL AHEAD [PLACE]`: a delivering process over a database, its clock AHEAD seconds on.

It is killed (`kill -9`) when it comes to PLACE, a function of `store.webhooks`: at `accepted` the receiver has answered.
Beside it what tests of deliveries share: who is told, of what, and a worker in the test's own process.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from service.delivering import Deliveries
from store import webhooks
from store.database import Database
from tests.service.receiver import Dripping, Receiver
from tests.store.given import NOW, later


def hook(database: Database, taking: Receiver | Dripping, consumer: str | None = None) -> str:
    """Let a receiver be told; the webhook's id."""
    with database.write() as session:
        made = webhooks.add(session, taking.url, consumer, NOW)
        taking.secret = made.secret
        return made.id


def announce(database: Database, count: int, first: int = 0) -> None:
    """As many events for the operators."""
    with database.write() as session:
        for number in range(first, first + count):
            webhooks.announce(session, "alarm.raised", f"cause {number}", {"number": number}, NOW)


def worker(database: Database, at: Callable[[], datetime] = lambda: later(seconds=1)) -> Deliveries:
    """One that has not begun."""
    return Deliveries(database, "a worker", at, private=False)


def empty(deliveries: Deliveries) -> int:
    """Deliver all that is due; how many tries that took."""
    tries = 0
    while deliveries.turn():
        tries += 1
    return tries


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    url, ahead = sys.argv[1], float(sys.argv[2])
    for place in sys.argv[3:]:
        setattr(webhooks, place, _die)
    Deliveries(
        Database(url, wait_seconds=30),
        "a process",
        lambda: datetime.now(UTC) + timedelta(seconds=ahead),
        private=False,
    ).run(threading.Event(), idle_seconds=0.05)
