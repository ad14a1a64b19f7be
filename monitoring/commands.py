"""What people ask of monitoring besides that it runs: compute a verdict again, accept a window as ordinary, conclude
a decision again, take what is too old."""

import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

from monitoring import accuracy_recompute, recompute, recounting, replaying, retention
from monitoring.recompute import Recomputed
from monitoring.references import References
from monitoring.retention import Run
from monitoring.settings import MonitoringSettings
from store import privileged_acts, windows
from store.database import Database
from store.errors import NotFound
from store.rollouts import Actor


def recompute_one(database: Database, references: References, identity: str) -> int:
    """Of a window, an online alarm or a row of accuracy: exit code 0 when it is the same, bit for bit, else 1.

    Raises NotFound.
    """
    done = _again(database, references, identity)
    print(done.sentence, file=sys.stdout if done.same else sys.stderr)  # a command's answer
    return 0 if done.same else 1


def accept(database: Database, window_id: str, actor: Actor, reason: str, now: datetime) -> int:
    """A window was as it should be: it may be a reference of its hours. Exit code 0. Raises as `windows.accept`."""
    with database.write() as session:
        window = windows.accept(session, window_id, actor, reason, now)
        print(f"Window {window.id} is accepted by {window.accepted_by}.")  # noqa: T201
    return 0


def replay_decisions(database: Database, decision_id: str | None) -> int:
    """One decision on a candidate, or all of them (None): in what they differ when made again. 1 when any does.

    Raises NotFound.
    """
    made = different = 0
    replayed = (
        replaying.all_of(database) if decision_id is None else replaying.one(database, decision_id)
    )
    for one in replayed:
        made, different = made + 1, different + bool(one.differences)
        for sentence in one.differences:
            print(f"{one.decision_id}: {sentence}")  # noqa: T201
    print(f"{made} made again, {different} of them not the same.")  # noqa: T201
    return 1 if different else 0


def say_old(database: Database, settings: MonitoringSettings, now: datetime) -> int:
    """What `take_old` would take. Exit code 0."""
    print(retention.in_words(retention.would_take(database, settings, now), dry=True))  # noqa: T201
    return 0


def take_old(run: Run, actor: Actor, reason: str) -> int:
    """Take what is too old now. Exit code 0. Raises Invalid without a reason.

    On record with what it is about to take before anything is gone, so that it is there also when it is broken off.
    """
    would = retention.would_take(run.database, run.settings, run.now)
    ages = {
        "days": run.settings.retention_days,
        "features_days": run.settings.retention_features_days,
    }
    with run.database.write() as session:
        detail = {**ages, "would_take": asdict(would)}
        privileged_acts.record(session, actor, "retention", "log", reason, detail, run.now)
    print(retention.in_words(retention.take(run), dry=False))  # noqa: T201
    return 0


def _again(database: Database, references: References, identity: str) -> Recomputed:
    with suppress(NotFound):
        return recompute.window(database, references, identity)
    with suppress(NotFound):
        return recounting.alarm(database, identity)
    return accuracy_recompute.accuracy(database, identity)
