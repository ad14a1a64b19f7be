"""Whether somebody is asked again what somebody else has let lapse: `make bench-queue` reads it off the rows.

Every lease is followed, whoever holds it and whether or not they ever heard of it. While the database does not answer
nobody can be asked, and that time counts for nothing.
"""

import threading
from datetime import UTC, datetime

from store.database import Database
from store.errors import StoreError
from tests.benchmarks import queue_rows

LOOK_SECONDS = 0.5


class Leases(threading.Thread):
    """Looks until it is `over`; `slack` and `longest` in seconds."""

    def __init__(self, database: Database, over: threading.Event, slack: float) -> None:
        super().__init__(name="leases", daemon=True)
        self._database, self._over, self._slack = database, over, slack
        self._answers_since: datetime | None = None
        self.stuck: set[str] = set()
        self.longest = 0.0
        self.looks = 0

    def run(self) -> None:
        """Look again and again."""
        while not self._over.wait(LOOK_SECONDS):
            self.look(datetime.now(UTC))

    def look(self, now: datetime) -> None:
        """Keep which reviews nobody has been given for too long after their lease had lapsed."""
        try:
            with self._database.read() as session:
                lapsed = queue_rows.lapsed(session, now)
        except StoreError:
            self._answers_since = None
            return
        self.looks += 1
        since = self._answers_since = self._answers_since or now
        for review, until in lapsed.items():
            waited = (now - max(until, since)).total_seconds()
            self.longest = max(self.longest, waited)
            if waited > self._slack:
                self.stuck.add(review)
