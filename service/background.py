"""What a web process does beside answering: it says that it is alive, notes pictures without a row, and delivers what waits
in the outbox.

In threads of their own, so that no request waits for a receiver. None of it is needed for an answer.
"""

import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from service.delivering import Deliveries
from service.unnamed import Unnamed
from store import heartbeats
from store.database import Database
from store.errors import StoreError

PROGRAM = "service"
HEARTBEAT_SECONDS = 10.0
WORKERS = 2

_log = structlog.get_logger("background")


class Background:
    """Start it with the program, stop it at the end."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        unnamed: Unnamed,
        *,
        private: bool,
    ) -> None:
        self._database, self._clock, self._private = database, clock, private
        self._unnamed = unnamed
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._over = threading.Event()
        work = [self._beat, *[self._deliver] * WORKERS]
        self._threads = [
            threading.Thread(target=one, name=f"background-{place}", daemon=True)
            for place, one in enumerate(work)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End soon; a delivery that is under way is another's after its lease."""
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=2)

    def _beat(self) -> None:
        while not self._over.is_set():
            try:
                heartbeats.beat(self._database, PROGRAM, self._name, {}, self._clock())
                while self._unnamed.write_down(self._database, self._clock()):
                    pass
            except StoreError as error:
                _log.warning("no heartbeat", why=str(error))
            except Exception:  # noqa: BLE001  # whatever it was, the next beat may come through
                _log.exception("no heartbeat")
            self._over.wait(HEARTBEAT_SECONDS)

    def _deliver(self) -> None:
        Deliveries(self._database, self._name, self._clock, self._private).run(self._over)
