"""What `make bench-queue` calls stuck: found in the rows, whoever heard of the lease."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from store.database import Database
from store.tables import Review
from tests.benchmarks.queue import fill
from tests.benchmarks.queue_leases import Leases

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=1)


@pytest.fixture
def leases(sqlite_url: str) -> Leases:
    database = Database(sqlite_url)
    fill(database, ["rosa"], 2)
    with database.write() as session:
        session.execute(update(Review).values(lease_until=BEFORE))
    return Leases(database, threading.Event(), slack=5.0)


def test_a_review_that_nobody_is_given_again_is_stuck(leases: Leases) -> None:
    leases.look(NOW)
    # an hour in which nobody has looked says nothing
    assert leases.stuck == set()
    leases.look(NOW + timedelta(seconds=6))
    assert len(leases.stuck) == 2
    assert leases.longest == 6


def test_a_review_that_was_given_again_is_not_stuck(leases: Leases) -> None:
    leases.look(NOW)
    with leases._database.write() as session:
        session.execute(update(Review).values(lease_until=NOW + timedelta(seconds=30)))
    leases.look(NOW + timedelta(seconds=6))
    assert leases.stuck == set()
