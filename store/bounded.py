"""PostgreSQL connections on which no answer is waited for longer than allowed.

A server that is stopped, or cut off behind a network, answers nothing and closes nothing: its own time limits do not
run, and a client that only waits would wait with every thread it has. Here the client ends the wait, and with it the
connection, on which the answer to another question could still come.
"""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

RV = TypeVar("RV")


class BoundedConnection(psycopg.Connection[Any]):
    """Waits at most `longest_seconds` for an answer, then closes itself and raises OperationalError."""

    longest_seconds: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As psycopg's, which every statement, commit and rollback goes through."""
        try:
            return super().wait(
                gen, interval, timeout if timeout is not None else self.longest_seconds
            )
        except psycopg.OperationalError:
            # an error of the server's own has ended the statement; one that is still under way was given up
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


def connect(longest_seconds: float, *words: Any, **options: Any) -> BoundedConnection:
    """As psycopg.connect; an attempt that failed leaves no socket behind."""
    try:
        connection = BoundedConnection.connect(*words, **options)
    except psycopg.Error as error:
        if error.pgconn is not None:
            error.pgconn.finish()
        # the frames behind it and the error hold each other, and the socket, until garbage is collected
        raise error.with_traceback(None) from None
    connection.longest_seconds = longest_seconds
    return connection
