"""Pictures whose bytes are kept and whose row never came: noted, so that they go as those do whose row went.

Bytes are kept before the row, so that no row is without them; a database that is away or refuses leaves them behind for every
request that it fails. What this process knows of is written down as soon as the database takes it.
"""

import threading
from collections import deque
from datetime import datetime

from store import retired
from store.database import Database

# so many are remembered while the database is away; the oldest of more stay where they are (`make scrub` counts them)
MOST = 50_000
AT_ONCE = 500


class Unnamed:
    """Digests of such pictures."""

    def __init__(self) -> None:
        self._digests, self._lock = deque[str](maxlen=MOST), threading.Lock()

    def add(self, digest: str) -> None:
        """The row of a request that had kept this picture did not come."""
        with self._lock:
            self._digests.append(digest)

    def write_down(self, database: Database, now: datetime) -> int:
        """Retire those that no row names; how many were looked at. Raises StoreError, and forgets none then."""
        with self._lock:
            some = [self._digests.popleft() for _ in range(min(AT_ONCE, len(self._digests)))]
        if not some:
            return 0
        try:
            with database.write() as session:
                retired.retire(session, some, now)
        except BaseException:
            with self._lock:
                self._digests.extendleft(reversed(some))
            raise
        return len(some)
