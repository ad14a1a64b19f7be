"""The loop of the monitoring program: say that it is alive, take a turn at each part, set the gauges.

Nothing here ends the loop but the one who stops it: what fails is logged, counted and tried again at the next look.
"""

import threading
from collections.abc import Callable

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

log = structlog.get_logger("monitoring")


def work(monitor: Monitor, stop: Stop) -> None:
    """Look again and again until the end is asked for."""
    over = threading.Event()
    threading.Thread(target=_beat, args=(monitor, over), name="heartbeat", daemon=True).start()
    log.info("watching", pictures_in_a_window=monitor.settings.window_predictions)
    try:
        while not stop.asked:
            look(monitor)
            stop.wait(monitor.settings.monitoring_poll_seconds)
    finally:
        over.set()


def look(monitor: Monitor) -> None:
    """One turn of the loop. Raises nothing that the next turn could put right."""
    # a stage that is over must not be found good enough to grow
    _tried("expiry", lambda: stage_turns.expire(monitor))
    # before anything slow is looked at: what harms is to be taken back
    _tried("rollouts", lambda: rollout_turns.turn(monitor))
    _tried("windows", lambda: window_turns.turn(monitor))
    _tried("online", lambda: online.turn(monitor))
    # right after what raises the alarms that it explains
    _tried("why", lambda: explaining.turn(monitor))
    _tried("accuracy", lambda: accuracy_turns.turn(monitor))
    _tried("null_replays", lambda: replay_turns.turn(monitor))
    _tried("retention", lambda: retention.turn(monitor))
    _tried("deadlines", lambda: stage_turns.answer_overdue(monitor))
    metrics.DATABASE_UP.set(_tried("gauges", lambda: _refresh(monitor)))


def _refresh(monitor: Monitor) -> None:
    with monitor.database.read() as session:
        gauges.refresh(session, monitor.clock())


def _beat(monitor: Monitor, over: threading.Event) -> None:
    detail = {"pictures_in_a_window": monitor.settings.window_predictions}
    while True:
        _tried(
            "heartbeat",
            lambda: heartbeats.beat(
                monitor.database, PROGRAM, monitor.name, detail, monitor.clock()
            ),
        )
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
