"""The switches: stop models at once and let them answer again, freeze every rollout and release it.

Order of a kill: this process in the same moment, a mark in the storage that every other finds within a second, then
the rows, by whoever reaches the database first. A kill waits for no database, unless it only says again what is
stopped; a release does. Each has a reason and is written down, also where somebody else was first.
"""

from contextlib import nullcontext
from datetime import datetime
from typing import Literal

from service import stops
from service.program import Program
from service.standing import Standing
from service.stops import KILLED, Stop
from store import switches
from store.database import Session
from store.errors import Conflict, Invalid
from store.objects import Objects
from store.rollouts import Actor, LiveModel

Target = Literal["manual", "last_good"]


def kill(program: Program, to: Target, actor: Actor, reason: str, now: datetime) -> Stop:
    """Let no model answer (`manual`), or take back the newest one that answers anybody (`last_good`).

    Returns when the mark is in the storage. Raises Invalid without a reason, Conflict `nothing_to_revert`, and
    Unavailable when the storage cannot be written: then only this process has stopped, and keeps trying. Raises it too
    when it was stopped already and who stops it again cannot be written down.
    """
    if not reason.strip():
        raise Invalid("A reason is needed.", "no_reason")
    live = program.live
    stop = Stop(KILLED if to == "manual" else _last(live.standing), actor, reason.strip(), now)
    live.halt(stop)
    live.look_for_stops()
    stops.said_again(nullcontext(program.database), program.objects, stop, now)
    return stop


def newest_answering(candidate: LiveModel | None, incumbent: LiveModel | None) -> str:
    """The rollout that `last_good` takes back: the candidate's where it answers anybody, else the incumbent's.

    Raises Conflict `nothing_to_revert`.
    """
    for one in (candidate, incumbent):
        if one is not None and one.stage != "manual":
            return one.rollout_id
    raise Conflict("People answer already: no model can be reverted.", "nothing_to_revert")


def release(session: Session, objects: Objects, actor: Actor, reason: str, now: datetime) -> None:
    """Let models answer again. Raises Invalid without a reason, Unavailable when the mark cannot be lifted."""
    unwritten = stops.find(objects, KILLED)
    if unwritten is not None:
        # whoever is released within a moment was stopped all the same
        stops.throw(session, unwritten, now)
    switches.throw(session, KILLED, False, actor.kind, actor.name, reason, now)
    stops.lift(objects)


def freeze(session: Session, on: bool, actor: Actor, reason: str, now: datetime) -> None:
    """Let no candidate's exposure grow, or let it again. Raises Invalid without a reason."""
    switches.throw(session, "frozen", on, actor.kind, actor.name, reason, now)


def _last(standing: Standing) -> str:
    candidate, incumbent = (
        one.model if one is not None else None for one in (standing.candidate, standing.incumbent)
    )
    return newest_answering(candidate, incumbent)
