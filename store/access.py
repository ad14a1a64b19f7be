"""What lets somebody in, or out: all of it that a database holds, for those who have brought an older one back.

What was removed, revoked or ended after a backup was made is as good as before when it has been brought back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.tables import ApiKey, Consumer, Person, SignIn, Webhook


@dataclass(frozen=True)
class Access:
    """People who may sign in (name, role), keys (prefix, consumer, role) and webhooks (id, address) that are in use."""

    people: Sequence[tuple[str, str]]
    keys: Sequence[tuple[str, str, str]]
    webhooks: Sequence[tuple[str, str]]


def read(session: Session) -> Access:
    """Everything that is valid now, each kind by its name."""
    people = select(Person.name, Person.role).where(Person.active.is_(True)).order_by(Person.name)
    keys = (
        select(ApiKey.prefix, Consumer.name, ApiKey.role)
        .join(Consumer, Consumer.id == ApiKey.consumer_id)
        .where(ApiKey.revoked_at.is_(None), Consumer.active.is_(True))
        .order_by(Consumer.name, ApiKey.prefix)
    )
    hooks = select(Webhook.id, Webhook.url).where(Webhook.active.is_(True)).order_by(Webhook.url)
    return Access(
        [row._tuple() for row in session.execute(people)],
        [row._tuple() for row in session.execute(keys)],
        [row._tuple() for row in session.execute(hooks)],
    )


def end_sign_ins(session: Session) -> None:
    """Let everybody sign in anew: no sign-in that was ever made is good any more."""
    session.execute(delete(SignIn))
