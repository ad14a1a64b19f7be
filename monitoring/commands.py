"""What people ask of monitoring besides that it runs: compute a verdict again, accept a window as ordinary, conclude
a decision again."""

import sys
from contextlib import suppress
from datetime import datetime

from monitoring import accuracy_recompute, recompute, recounting, replaying, retention
from monitoring.recompute import Recomputed
from monitoring.references import References
from monitoring.retention import Run
from monitoring.settings import MonitoringSettings
from store import windows
from store.database import Database
from store.errors import NotFound
from store.objects import Objects
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


def take_old(
    database: Database, objects: Objects, settings: MonitoringSettings, dry: bool, now: datetime
) -> int:
    """Take what is too old, or only say what that is."""
    if dry:
        gone = retention.would_take(database, settings, now)
    else:
        gone = retention.take(Run(database, objects, settings, now))
    print(retention.in_words(gone, dry))  # noqa: T201
    return 0


def _again(database: Database, references: References, identity: str) -> Recomputed:
    with suppress(NotFound):
        return recompute.window(database, references, identity)
    with suppress(NotFound):
        return recounting.alarm(database, identity)
    return accuracy_recompute.accuracy(database, identity)
