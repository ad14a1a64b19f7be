"""`python -m tests.service.deliverer URL AHEAD`: one delivering process over a database, its clock AHEAD seconds on."""

import sys
import threading
from datetime import UTC, datetime, timedelta

from service.delivering import Deliveries
from store.database import Database

if __name__ == "__main__":
    url, ahead = sys.argv[1], float(sys.argv[2])
    Deliveries(
        Database(url, wait_seconds=30),
        "a process",
        lambda: datetime.now(UTC) + timedelta(seconds=ahead),
        private=False,
    ).run(threading.Event(), idle_seconds=0.05)
