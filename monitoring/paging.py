"""What a verdict leads to: a window that spends its share of the day's budget raises an alarm, quiet ones clear it.

All in the transaction that keeps the window, so that there is no alarm without its window and no window without its
alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitoring import budget
from monitoring.budget import Spent
from store import alarms, windows
from store.alarms import NewAlarm
from store.database import Session
from store.tables import Window
from store.windows import NewWindow

KIND = "window"
DAY = timedelta(days=1)
# until there has been a day of windows, it is taken to have one an hour
LEAST_A_DAY = 24
# so many quiet windows in a row say that it is over
QUIET_ENOUGH = 2


@dataclass(frozen=True)
class Budget:
    """`pages_a_day` false ones are expected of all windows together, of which there are `windows_a_day`."""

    pages_a_day: float
    windows_a_day: int


def of_the_day(session: Session, pages_a_day: float, now: datetime) -> Budget:
    """The budget at this moment, the next window included."""
    checked = windows.checked_since(session, now - DAY, now) + 1
    return Budget(pages_a_day, max(checked, LEAST_A_DAY))


def decided(session: Session, new: NewWindow, day: Budget, now: datetime) -> NewWindow:
    """The window with what it may do, and why, beside its verdict."""
    spent = spend(new, run_before(session, new, now), day)
    config = {**new.config, "budget": {**vars(day), **spent.as_json()}}
    return replace(new, config=config, pages=spent.pages)


def run_before(session: Session, new: NewWindow | Window, now: datetime) -> list[float]:
    """`budget.window_p` of the windows of its stream that were drift one after another up to it, the newest first,
    as things were known at `now`."""
    stream = new.model_version_id, new.segment, new.kind
    earlier = windows.before(session, stream, new.first_prediction_id, budget.LONGEST_RUN)
    run: list[float] = []
    for one in earlier:
        # what somebody has accepted is as it should be
        if one.verdict != "drift" or (one.accepted_at is not None and one.accepted_at <= now):
            break
        run.append(budget.window_p(one.values))
    return run


def spend(new: NewWindow | Window, earlier: Sequence[float], day: Budget) -> Spent:
    """What the window's verdict may do."""
    run = [budget.window_p(new.values), *earlier] if new.verdict == "drift" else []
    return budget.spend(run, day.windows_a_day, day.pages_a_day)


def tell(session: Session, window: Window, now: datetime) -> None:
    """Raise the alarm of a window that pages; clear the one of its stream that quiet windows have outlived."""
    if window.pages:
        alarms.raise_alarm(session, _alarm(window), now)
    elif window.verdict == "quiet":
        stream = window.model_version_id, window.segment, window.kind
        earlier = windows.before(session, stream, window.first_prediction_id, QUIET_ENOUGH - 1)
        if len(earlier) == QUIET_ENOUGH - 1 and all(one.verdict == "quiet" for one in earlier):
            _clear(session, window, now)


def clear_left_behind(session: Session, version_ids: Sequence[str], now: datetime) -> None:
    """Clear the alarms of versions that answer nobody any more."""
    for alarm in alarms.left_behind(session, KIND, version_ids):
        alarms.clear(session, alarm.id, now)


def _clear(session: Session, window: Window, now: datetime) -> None:
    for alarm in alarms.open_alarms(session, KIND):
        same = (alarm.model_version_id, alarm.stream) == (window.model_version_id, window.segment)
        if same and alarm.detail.get("kind") == window.kind:
            alarms.clear(session, alarm.id, now)


def _alarm(window: Window) -> NewAlarm:
    moved = [name for name, value in window.values.items() if value["drift"]]
    spent = window.config["budget"]
    detail = {
        "kind": window.kind,
        "moved": sorted(moved, key=lambda name: window.values[name]["p_value"]),
        "windows_in_a_row": spent["run"],
        "p_value": spent["p_value"],
        "share": spent["share"],
    }
    return NewAlarm(KIND, window.segment, window.model_version_id, window.id, detail, pages=True)
