"""What one process of this program holds, and how its end is asked for.

The parts of the loop (windows, online alarms, accuracy, ...) take a Monitor and nothing else: settings, clock and
database come in with it, so that a turn can be replayed.
"""

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from monitoring.references import References
from monitoring.settings import MonitoringSettings
from store.actions import Known
from store.database import Database

PROGRAM = "monitoring"
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Monitor:
    """What one process of this program holds."""

    settings: MonitoringSettings
    clock: Clock
    database: Database
    references: References
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    # what was answered before a candidate: four weeks of rows, counted once
    answered_before: Known = field(default_factory=dict, compare=False)


class Stopped(BaseException):
    """Somebody asked for the end; raised wherever the program happens to be."""


class Stop:
    """What a signal calls. It raises, so that a check of many seconds ends too, and it remembers.

    The exception may be swallowed (in a finalizer, by a library that catches all), the flag is not. No lock is
    taken here: the signal may have come while this thread holds it.
    """

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, *_: object) -> None:
        """Raises Stopped, the first time."""
        if not self.asked:
            self.asked = True
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Return when the time is over, or at once when the end was asked for."""
        if not self.asked:
            threading.Event().wait(seconds)
