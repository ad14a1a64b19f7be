"""`python -m tests.service.deliverer URL AHEAD [dies]`: a delivering process over a database, its clock AHEAD seconds on.

One that dies is killed (`kill -9`) when the receiver has accepted, before that is written.
"""

import os
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta

from service.delivering import Deliveries
from store import webhooks
from store.database import Database


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    url, ahead = sys.argv[1], float(sys.argv[2])
    if sys.argv[3:] == ["dies"]:
        webhooks.accepted = _die
    Deliveries(
        Database(url, wait_seconds=30),
        "a process",
        lambda: datetime.now(UTC) + timedelta(seconds=ahead),
        private=False,
    ).run(threading.Event(), idle_seconds=0.05)
