"""Say that an alarm was seen, or that it is over: the one act behind the page, the API and the command.

Monitoring raises alarms and clears those whose cause has gone; a person's word is kept with name and reason.
"""

from datetime import datetime

from store import alarms, privileged_acts
from store.alarms import LONGEST_REASON
from store.database import Session
from store.errors import Conflict, Invalid
from store.rollouts import Actor
from store.tables import Alarm


def acknowledge(session: Session, alarm_id: str, actor: Actor, reason: str, now: datetime) -> Alarm:
    """Somebody takes it on; it stays open.

    Raises NotFound, Invalid without a reason, Conflict `alarm_cleared` or `acknowledged_already`.
    """
    alarm = alarms.acknowledge(session, alarm_id, actor.name, reason, now)
    _record(session, "acknowledge alarm", alarm, actor, reason, now)
    return alarm


def clear(session: Session, alarm_id: str, actor: Actor, reason: str, now: datetime) -> Alarm:
    """It is over; the next one of its kind is a new alarm. Raises NotFound, Invalid, Conflict `alarm_cleared`."""
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise Invalid(f"A reason is needed, of at most {LONGEST_REASON} characters.", "no_reason")
    if alarms.get(session, alarm_id, lock=True).cleared_at is not None:
        raise Conflict("This alarm is cleared already.", "alarm_cleared")
    alarm = alarms.clear(session, alarm_id, now, by=actor.name)
    _record(session, "clear alarm", alarm, actor, reason, now)
    return alarm


def _record(
    session: Session, act: str, alarm: Alarm, actor: Actor, reason: str, now: datetime
) -> None:
    privileged_acts.record(session, actor, act, alarm.id, reason, {"kind": alarm.kind}, now)
