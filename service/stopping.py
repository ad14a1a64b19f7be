"""The switches: stop models at once and let them answer again, freeze every rollout and release it.

Order of a kill: this process in the same moment, a mark in the storage that every other finds within a second, then
the rows, by whoever reaches the database first. A kill waits for no database, unless it only says again what is
stopped; a release does: it is committed before the mark is taken away, and a kill meanwhile has the last word. Each has a reason and is written down, also where somebody else was first.
"""

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from service.live import LiveModels
from service.program import Program
from store import stops, switches
from store.database import Database, Session
from store.errors import Conflict, Invalid, Unavailable
from store.objects import Objects
from store.rollouts import Actor, LiveModel
from store.stops import KILLED, Stop

Target = Literal["manual", "last_good"]
# for so long after it was told 503 a request for the last good model is the same one again
REPEAT_SECONDS = 60.0


def kill(program: Program, to: Target, actor: Actor, reason: str, now: datetime) -> Stop:
    """Let no model answer (`manual`), or take back the newest one that answers anybody (`last_good`).

    Returns when the mark is in the storage. Raises Invalid without a reason, Conflict `nothing_to_revert`, and
    Unavailable when the storage cannot be written: then only this process has stopped, and keeps trying. Raises it too
    when it was stopped already and who stops it again cannot be written down. The same again, after `last_good` was told
    Unavailable, takes back no other model.
    """
    if not reason.strip():
        raise Invalid("A reason is needed.", "no_reason")
    live = program.live
    stop = Stop(KILLED, actor, reason.strip(), now)
    if to == "last_good":
        stop = _last(live, stop)
    live.halt(stop)
    try:
        live.look_for_stops()
        if not stops.stands(program.objects, stop):
            stops.said_again(nullcontext(program.database), program.objects, stop, now)
            # a release may have taken the mark away meanwhile
            live.look_for_stops()
    except Unavailable:
        if to == "last_good":
            live.unanswered = stop, now
        raise
    if to == "last_good":
        live.unanswered = None
    return stop


def newest_answering(candidate: LiveModel | None, incumbent: LiveModel | None) -> str:
    """The rollout that `last_good` takes back: the candidate's where it answers anybody, else the incumbent's.

    Raises Conflict `nothing_to_revert`.
    """
    for one in (candidate, incumbent):
        if one is not None and one.stage != "manual":
            return one.rollout_id
    raise Conflict("People answer already: no model can be reverted.", "nothing_to_revert")


def release(database: Database, objects: Objects, actor: Actor, reason: str, now: datetime) -> None:
    """Let models answer again. Raises Invalid without a reason, Unavailable when they may still be stopped."""
    with database.write() as session:
        switches.hold(session, KILLED)
        found = stops.find(objects, KILLED)
        if found is not None:
            # whoever is released within a moment was stopped all the same
            stops.throw(session, found, now)
        switches.throw(session, KILLED, False, actor.kind, actor.name, reason, now)
    if found is None:
        return
    # behind the commit: a release that cannot be kept lets nobody answer
    with database.write() as session:
        # who has stopped them since then did so under the same lock
        if not switches.hold(session, KILLED).thrown and stops.stands(objects, found):
            stops.lift(objects)


def freeze(session: Session, on: bool, actor: Actor, reason: str, now: datetime) -> None:
    """Let no candidate's exposure grow, or let it again. Raises Invalid without a reason."""
    switches.throw(session, "frozen", on, actor.kind, actor.name, reason, now)


def _last(live: LiveModels, asked: Stop) -> Stop:
    """What `asked` stops: the newest that answers, or again what nobody could be told of as stopped."""
    if live.unanswered is not None:
        before, at = live.unanswered
        same = (before.actor, before.reason) == (asked.actor, asked.reason)
        again = same and asked.at - at < timedelta(seconds=REPEAT_SECONDS)
        if again or not live.is_marked(before.target):
            return before if same else replace(asked, target=before.target)
    standing = live.standing
    candidate, incumbent = (
        one.model if one is not None else None for one in (standing.candidate, standing.incumbent)
    )
    return replace(asked, target=newest_answering(candidate, incumbent))
