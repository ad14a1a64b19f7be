"""A monitor and a worker of this very process that bring a world to rest, once its programs have ended."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from monitoring import loop
from monitoring.monitor import Monitor
from retrain import worker as worker_of_jobs
from store import jobs
from tests.crash.judge import at_rest
from tests.crash.world import World
from tests.retrain.given import program_in


def come_to_rest(killed: World) -> None:
    """Let a monitor and a worker look to the end, by a clock that is ahead: leases lapse and answers settle."""
    watched = killed.watched
    settings = replace(watched.settings, window_predictions=killed.window)
    monitor = Monitor(settings, _ahead, killed.database, watched.monitor.references)
    worker = replace(program_in(killed.folder, killed.database), clock=_ahead)
    act = partial(worker_of_jobs.do, worker, worker_of_jobs.ACTS["backtest"], threading.Event())
    for _ in range(20):
        loop.look(monitor)
        while job := jobs.claim(killed.database, ["backtest"], "a test", _ahead()):
            jobs.do(killed.database, job, act, _ahead)
        if at_rest(killed):
            break


def _ahead() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=2)
