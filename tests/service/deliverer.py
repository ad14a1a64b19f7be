"""`python -m tests.service.deliverer URL AHEAD [PLACE]`: a delivering process over a database, its clock AHEAD seconds on.

It is killed (`kill -9`) when it comes to PLACE, a function of `store.webhooks`: at `accepted` the receiver has answered.
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
    for place in sys.argv[3:]:
        setattr(webhooks, place, _die)
    Deliveries(
        Database(url, wait_seconds=30),
        "a process",
        lambda: datetime.now(UTC) + timedelta(seconds=ahead),
        private=False,
    ).run(threading.Event(), idle_seconds=0.05)
