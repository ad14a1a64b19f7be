"""Two who do something at once, as two requests or two programs do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from store.database import Database, Session

T = TypeVar("T")


def at_once(
    database: Database, first: Callable[[Session], object], second: Callable[[Session], T]
) -> T:
    """What the second finds, who begins when the first has done everything but commit, and waits for that."""

    def written() -> T:
        with database.write() as session:
            return second(session)

    return meanwhile(database, first, written)


def meanwhile(database: Database, first: Callable[[Session], object], second: Callable[[], T]) -> T:
    """The same, where the second opens its own sessions."""
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            first(session)
            session.flush()
            other = pool.submit(second)
            with pytest.raises(TimeoutError):
                other.result(0.3)  # it waits for the commit
        return other.result()
