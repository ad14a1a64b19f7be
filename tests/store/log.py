"""A prediction log that runs, and what became of what it was given."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from store.database import Database
from store.errors import StoreError
from store.prediction_log import Entry, FirstAnswer, PredictionLog
from store.tables import Prediction
from tests.store.given import digest


@contextmanager
def running(database: Database, **settings: Any) -> Iterator[PredictionLog]:
    log = PredictionLog(database, **settings)
    log.start()
    try:
        yield log
    finally:
        log.stop()


def outcomes(keep: Callable[[Entry], None], entries: Sequence[Entry]) -> list[StoreError | None]:
    """What each entry's own request was told, all requests at once; None: it is kept."""

    def tried(one: Entry) -> StoreError | None:
        try:
            keep(one)
        except StoreError as error:
            return error
        return None

    with ThreadPoolExecutor(len(entries)) as requests:
        return list(requests.map(tried, entries))


def kept(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(select(Prediction.id)))


def ids(entries: Sequence[Entry]) -> set[str]:
    return {one.prediction.id for one in entries}


def with_key(one: Entry, key: str = "key") -> Entry:
    return replace(one, first_answer=FirstAnswer(key, digest("request"), b"{}"))
