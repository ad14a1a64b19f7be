"""What people can throw at once: `frozen` lets no candidate's exposure grow, `killed` lets no model answer.

A row for each switch says who threw or released it last and why; every throw is a privileged act too. Order: throw,
and every process that polls the rows follows. It never moves a rollout.
"""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from store import locks, privileged_acts
from store.database import insert_new
from store.errors import Invalid
from store.rollout_events import Actor
from store.tables import Switch
from store.tables.rollouts import SWITCHES

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def thrown(session: Session, name: str, *, hold: bool = False) -> bool:
    """Whether the switch is thrown now; one that nobody ever touched is not. `hold`: nobody throws it until the commit."""
    found = session.get(
        Switch, name, with_for_update={"read": True} if hold else None, populate_existing=hold
    )
    if found is None and hold:
        # there is no row yet that could be locked; who sets it first holds its name
        locks.hold(session, f"first {name}", shared=True)
        found = session.get(Switch, name, with_for_update={"read": True}, populate_existing=True)
    return bool(found and found.thrown)


def get(session: Session, name: str) -> Switch | None:
    """The switch as it was last set; None when nobody ever touched it."""
    return session.get(Switch, name)


def hold(session: Session, name: str) -> Switch:
    """The switch, which nobody else sets until the commit; before anybody has touched it, as never thrown."""
    never = {"name": name, "thrown": False, "actor": "", "reason": "", "at": _NEVER}
    # two that are the first at once must not both be
    if insert_new(session, Switch, [never]):
        # whoever saw no row holds its name (`thrown`)
        locks.hold(session, f"first {name}")
    return session.get_one(Switch, name, with_for_update=True, populate_existing=True)


def throw(
    session: Session,
    name: str,
    on: bool,
    actor_kind: str,
    actor: str,
    reason: str,
    now: datetime,
    *,
    decided: datetime | None = None,
) -> Switch:
    """Throw (`on`) or release a switch. Raises Invalid for an unknown one (`unknown_switch`) or no reason.

    `decided`: nothing is done where it is so already, or where somebody has set it since then.
    """
    if name not in SWITCHES:
        raise Invalid(f"There is no switch {name!r}.", "unknown_switch")
    if not reason.strip():
        raise Invalid("A reason is needed.", "no_reason")
    row = hold(session, name)
    if decided is not None and (row.thrown == on or row.at >= decided):
        return row
    row.thrown, row.actor, row.reason, row.at = on, actor, reason.strip(), now
    session.flush()
    act = {"frozen": ("freeze", "unfreeze"), "killed": ("kill", "release")}[name][not on]
    privileged_acts.record(session, Actor(actor_kind, actor), act, name, reason, {}, now)
    return row
