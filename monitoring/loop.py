"""The loop of the monitoring program: say that it is alive, take a turn at each part, set the gauges.

Nothing here ends the loop but the one who stops it: what fails is logged, counted and tried again at the next look.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from monitoring import (
    accuracy_turns,
    explaining,
    gauges,
    metrics,
    online,
    replay_turns,
    retention,
    rollout_turns,
    stage_turns,
    window_turns,
)
from monitoring.monitor import PROGRAM, Monitor, Stop
from store import heartbeats
from store.errors import StoreError

HEARTBEAT_SECONDS = 10.0
# a loop that has not looked at the candidates for so long is not alive, whatever its process does: no exposure grows
BLIND = timedelta(minutes=3)

log = structlog.get_logger("monitoring")


def work(monitor: Monitor, stop: Stop) -> None:
    """Look again and again until the end is asked for."""
    over, looked = threading.Event(), _Looked(monitor.clock())
    threading.Thread(
        target=_beat, args=(monitor, over, looked), name="heartbeat", daemon=True
    ).start()
    log.info("watching", pictures_in_a_window=monitor.settings.window_predictions)
    try:
        while not stop.asked:
            if look(monitor):
                looked.at = monitor.clock()
            stop.wait(monitor.settings.monitoring_poll_seconds)
    finally:
        over.set()


def look(monitor: Monitor) -> bool:
    """One turn of the loop; whether the candidates were looked at. Raises nothing that the next turn could put right."""
    # a stage that is over must not be found good enough to grow
    _tried("expiry", lambda: stage_turns.expire(monitor))
    # before anything slow is looked at: what harms is to be taken back
    seen = _tried("rollouts", lambda: rollout_turns.turn(monitor))
    _tried("windows", lambda: window_turns.turn(monitor))
    _tried("online", lambda: online.turn(monitor))
    # right after what raises the alarms that it explains
    _tried("why", lambda: explaining.turn(monitor))
    _tried("accuracy", lambda: accuracy_turns.turn(monitor))
    _tried("null_replays", lambda: replay_turns.turn(monitor))
    _tried("retention", lambda: retention.turn(monitor))
    _tried("deadlines", lambda: stage_turns.answer_overdue(monitor))
    metrics.DATABASE_UP.set(_tried("gauges", lambda: _refresh(monitor)))
    return seen


def beat(monitor: Monitor, looked_at: datetime) -> None:
    """Say that this monitor is alive, unless it has been blind to the candidates for too long."""
    now = monitor.clock()
    if now - looked_at > BLIND:
        log.error("no sign of life", why=f"the candidates were last looked at {looked_at}")
        return
    detail = {"pictures_in_a_window": monitor.settings.window_predictions}
    heartbeats.beat(monitor.database, PROGRAM, monitor.name, detail, now)


def _refresh(monitor: Monitor) -> None:
    with monitor.database.read() as session:
        gauges.refresh(session, monitor.clock())


@dataclass
class _Looked:
    """When the candidates were last looked at."""

    at: datetime


def _beat(monitor: Monitor, over: threading.Event, looked: _Looked) -> None:
    while True:
        _tried("heartbeat", lambda: beat(monitor, looked.at))
        if over.wait(HEARTBEAT_SECONDS):
            return


def _tried(part: str, act: Callable[[], None]) -> bool:
    try:
        act()
    except StoreError as error:
        log.warning("not now", part=part, why=str(error))
    except Exception:  # one part that fails must not silence the others
        log.exception("failed", part=part)
    else:
        return True
    metrics.FAILURES.labels(part).inc()
    return False
