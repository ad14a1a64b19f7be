"""Several processes that write into the prediction log at once, and one of them that hangs."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from store.database import BUSY, Database
from store.errors import Conflict
from store.prediction_log import Entry, PredictionLog
from tests.store.given import consumer, digest, entry
from tests.store.log import ids, kept, outcomes, running, with_key


@pytest.fixture
def shop(database: Database) -> str:
    with database.write() as session:
        return consumer(session)


def test_of_twins_in_several_processes_one_is_kept(database: Database, shop: str) -> None:
    twins = [with_key(entry(shop, number)) for number in range(8)]
    other = Database(database.url)
    with running(database, wait_seconds=60) as one_log, running(other, wait_seconds=60) as another:

        def keep(one: Entry) -> None:
            (one_log if twins.index(one) % 2 else another).keep(one)

        told = outcomes(keep, twins)
    other.dispose()
    refused = [error for error in told if error is not None]
    assert [error.code for error in refused] == ["idempotency_twin"] * 7
    assert all(isinstance(error, Conflict) for error in refused)
    assert kept(database) == {twins[told.index(None)].prediction.id}


@contextmanager
def hanging(url: str, one: Entry) -> Iterator[None]:
    """Another process that has written an entry and hangs before its commit, until the end of the block."""
    database, goes_on, hangs = Database(url, idle_seconds=600), threading.Event(), threading.Event()

    @event.listens_for(database.engine, "commit")
    def hang(_connection: Any) -> None:
        hangs.set()
        assert goes_on.wait(60)

    with running(database) as log, ThreadPoolExecutor(1) as its_consumer:
        its_consumer.submit(log.keep, one)
        try:
            assert hangs.wait(60)
            yield
        finally:
            goes_on.set()
    database.dispose()


def test_a_process_that_hangs_over_a_key_holds_up_that_key_alone(postgresql_url: str) -> None:
    # as long as it takes: only what the log itself asks for can end its waits
    database = Database(postgresql_url, wait_seconds=600)
    with database.write() as session:
        shop = consumer(session)
    twin = with_key(entry(shop, 1))
    others = [entry(shop, 10 + number) for number in range(20)]
    with hanging(postgresql_url, with_key(entry(shop, 0))), running(database) as log:
        told = outcomes(log.keep, [*others[:10], twin, *others[10:]])
        assert [one.code for one in told if one] == [BUSY]
        assert kept(database) == ids(others)
    database.dispose()


def test_a_process_that_hangs_over_a_picture_holds_up_that_picture_alone(
    postgresql_url: str,
) -> None:
    database = Database(postgresql_url, wait_seconds=600)
    with database.write() as session:
        shop = consumer(session)
    first, *same = (entry(shop, number, picture_digest=digest("same")) for number in range(50))
    others = [entry(shop, 100 + number) for number in range(10)]
    log = PredictionLog(database)
    with hanging(postgresql_url, first), ThreadPoolExecutor(59) as requests:
        told = {one.prediction.id: requests.submit(log.keep, one) for one in [*same, *others]}
        log.start()
        refused = {one for one, future in told.items() if future.exception()}
        # each waits for the row, but not each for half a second behind the others
        assert refused == ids(same)
        assert kept(database) == ids(others)
    log.stop()
    database.dispose()
