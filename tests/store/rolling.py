"""Rollouts that are opened, moved and asked about: what tests of them begin with."""

from store import rollouts
from store.database import Database, Session
from store.rollouts import Actor, Live
from store.tables import Rollout, RolloutEvent
from tests.store.given import NOW, version

OPS = Actor("person", "olga")


def move(session: Session, rollout: Rollout, name: str) -> RolloutEvent:
    return rollouts.move(session, rollout.id, name, OPS, "because", NOW)


def opened(session: Session, name: object = "bundle") -> Rollout:
    return rollouts.open_rollout(session, version(session, name).id, OPS, "a new one", NOW)


def promoted(session: Session, name: object) -> Rollout:
    rollout = opened(session, name)
    move(session, rollout, "promote")
    return rollout


def live(database: Database) -> Live:
    with database.read() as session:
        return rollouts.live(session)


def answering(database: Database) -> int | None:
    incumbent = live(database).incumbent
    return None if incumbent is None else incumbent.number


def all_events(database: Database) -> list[RolloutEvent]:
    with database.read() as session:
        return list(rollouts.events(session))
