"""What stops a model at once, in every process, also while the database is slow: marks in the storage.

A stop names a rollout, or all models (`KILLED`). Order: the process that stops acts on it in the same moment, then
puts the mark, then every other process finds it at its next look (it looks at the storage, not at the database),
then whoever reaches the database first writes the rows (`record`), which have the last word for good. A rollout's
mark stays: it never answers again. Whoever stops what is stopped already is written down too (`said_again`), and waits
for that, and for a release that is under way: the switch's row, which both hold, says who was last. It decides nothing:
people and hard limits do.
"""

import json
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from store import models, privileged_acts, rollouts, switches
from store.database import Database, Session
from store.errors import Conflict, NotFound, Unavailable
from store.objects import Objects
from store.rollouts import Actor

KILLED = "killed"


@dataclass(frozen=True)
class Stop:
    """Who stopped what and why; `target` is `KILLED` or the id of a rollout.

    `at` is when it was asked for, `put_at` when its mark was put, which may have waited behind a release.
    """

    target: str
    actor: Actor
    reason: str
    at: datetime
    put_at: datetime | None = field(default=None, compare=False)

    @property
    def since(self) -> datetime:
        """What was released before does not concern it."""
        return self.put_at or self.at


def put(objects: Objects, stop: Stop, now: datetime) -> None:
    """Leave the mark; one that is there already stays as it is. Raises Unavailable."""
    # the same again where there is one: an object store would write over it, and a folder sync it if that is still due
    standing = find(objects, stop.target) or replace(stop, put_at=now)
    written = {
        **asdict(standing),
        "at": standing.at.isoformat(),
        "put_at": standing.since.isoformat(),
    }
    objects.put(_key(stop.target), json.dumps(written).encode())


def find(objects: Objects, target: str) -> Stop | None:
    """The mark for a target, if there is one. Raises Unavailable."""
    try:
        said = json.loads(objects.get(_key(target)))
    except NotFound:
        return None
    at = datetime.fromisoformat(said["at"])
    # one of before this was written down
    put_at = datetime.fromisoformat(said.get("put_at", said["at"]))
    return Stop(said["target"], Actor(**said["actor"]), said["reason"], at, put_at)


def stands(objects: Objects, stop: Stop) -> bool:
    """Whether the mark is this stop's own. Raises Unavailable."""
    return find(objects, stop.target) == stop


def lift(objects: Objects) -> None:
    """Take the mark for all models away. Raises Unavailable."""
    objects.remove(_key(KILLED))


def record(database: Database, stop: Stop, now: datetime) -> None:
    """Write the stop into the rows, unless they say it already or something newer. Raises Unavailable."""
    with database.write() as session:
        if stop.target == KILLED:
            throw(session, stop, now)
            return
        try:
            event = rollouts.move(session, stop.target, "revert", stop.actor, stop.reason, now)
        except (Conflict, NotFound):
            return  # another process was first
        if stop.actor.kind != "system":
            _record_act(session, stop, {"event": event.id}, now)


def said_again(
    opening: AbstractContextManager[Database], objects: Objects, stop: Stop, now: datetime
) -> Stop | None:
    """Where another's mark stands for what `stop` stops: that one, and a row of who stopped it again and why.

    None where `stop` is what stops it: it was the first, or the one before was released meanwhile. There is no hurry,
    since it is stopped: raises Unavailable when the row cannot be written.
    """
    first = find(objects, stop.target)
    if first == stop or (first is None and stop.target != KILLED):
        return None
    try:
        with opening as database, database.write() as session:
            last = first if stop.target != KILLED else _after_releases(session, objects, stop, now)
            if last is not None:
                _record_act(session, stop, {"stopped_already_by": last.actor.name}, now)
    except Unavailable as error:
        by = f"by {first.actor.name}" if first is not None else "by you"
        raise Unavailable(
            f"It is stopped already, {by}, unless somebody releases it in this moment; that you stop it too cannot be"
            " written down now.",
            error.code,
        ) from error
    return last


def _after_releases(session: Session, objects: Objects, stop: Stop, now: datetime) -> Stop | None:
    """The stop of all models that no release has ended; where there is none, `stop` is put and thrown."""
    row = switches.hold(session, KILLED)
    last = find(objects, KILLED)
    if last is not None and (row.thrown or row.at < last.since):
        throw(session, last, now)
        return last
    if last is not None:
        # its release has committed and is about to take it away
        lift(objects)
    put(objects, stop, now)
    who, at = stop.actor, max(now, row.at)
    switches.throw(session, KILLED, True, who.kind, who.name, stop.reason, at)
    return None


def throw(session: Session, stop: Stop, now: datetime) -> None:
    """Write a stop of all models into the rows, unless they say it already or something newer."""
    who = stop.actor
    # released after this stop: a process that looked late must not throw it again
    switches.throw(session, KILLED, True, who.kind, who.name, stop.reason, now, decided=stop.since)


def _record_act(session: Session, stop: Stop, detail: dict[str, Any], now: datetime) -> None:
    subject = KILLED
    if stop.target != KILLED:
        version_id = rollouts.get(session, stop.target).model_version_id
        subject = f"version {models.get(session, version_id).number}"
    privileged_acts.record(session, stop.actor, "kill", subject, stop.reason, detail, now)


def _key(target: str) -> str:
    return f"stops/{target}"
