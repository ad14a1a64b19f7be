"""What stops a model at once, in every process, also while the database is slow: marks in the storage.

A stop names a rollout, or all models (`KILLED`). Order: the process that stops acts on it in the same moment, then
puts the mark, then every other process finds it at its next look (it looks at the storage, not at the database),
then whoever reaches the database first writes the rows (`record`), which have the last word for good. A rollout's
mark stays: it never answers again. It decides nothing: people and hard limits do.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from store import rollouts, switches
from store.database import Database, Session
from store.errors import Conflict, NotFound
from store.objects import Objects
from store.rollouts import Actor

KILLED = "killed"


@dataclass(frozen=True)
class Stop:
    """Who stopped what and why; `target` is `KILLED` or the id of a rollout."""

    target: str
    actor: Actor
    reason: str
    at: datetime


def put(objects: Objects, stop: Stop) -> None:
    """Leave the mark; one that is there already stays as it is. Raises Unavailable."""
    written = {**asdict(stop), "at": stop.at.isoformat()}
    objects.put(_key(stop.target), json.dumps(written).encode())


def find(objects: Objects, target: str) -> Stop | None:
    """The mark for a target, if there is one. Raises Unavailable."""
    try:
        said = json.loads(objects.get(_key(target)))
    except NotFound:
        return None
    at = datetime.fromisoformat(said["at"])
    return Stop(said["target"], Actor(**said["actor"]), said["reason"], at)


def lift(objects: Objects) -> None:
    """Take the mark for all models away. Raises Unavailable."""
    objects.remove(_key(KILLED))


def record(database: Database, stop: Stop, now: datetime) -> None:
    """Write the stop into the rows, unless they say it already or something newer. Raises Unavailable."""
    with database.write() as session:
        if stop.target == KILLED:
            _throw(session, stop, now)
            return
        try:
            rollouts.move(session, stop.target, "revert", stop.actor, stop.reason, now)
        except (Conflict, NotFound):
            return  # another process was first


def _throw(session: Session, stop: Stop, now: datetime) -> None:
    said = switches.get(session, KILLED)
    # released after this stop: a process that looked late must not throw it again
    if said is not None and (said.thrown or said.at >= stop.at):
        return
    who = stop.actor
    switches.throw(session, KILLED, True, who.kind, who.name, stop.reason, now)


def _key(target: str) -> str:
    return f"stops/{target}"
