"""Let a person or a consumer in: the row, and the row of who did it and why, in one transaction.

The one act behind the commands, `make run` and the demo.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from store import people, privileged_acts
from store.rollout_events import Actor
from store.tables import ApiKey


def person(
    session: Session,
    name: str,
    password: str,
    role: str,
    actor: Actor,
    reason: str,
    now: datetime,
    *,
    simulated: bool = False,
) -> None:
    """Somebody who may sign in. Raises as `people.add_person`, and Invalid without a reason."""
    people.add_person(session, name, password, role, now, simulated=simulated)
    detail = {"role": role, "simulated": simulated}
    privileged_acts.record(session, actor, "add person", name, reason, detail, now)


def key(
    session: Session,
    consumer: str,
    key: str,
    role: str,
    actor: Actor,
    reason: str,
    now: datetime,
) -> ApiKey:
    """A key of a consumer, who is made if there is none. Raises as `people.add_key`, and Invalid without a reason."""
    row = people.add_key(session, people.add_consumer(session, consumer, now), key, role, now)
    detail = {"role": role, "prefix": row.prefix}
    privileged_acts.record(session, actor, "add key", consumer, reason, detail, now)
    return row
