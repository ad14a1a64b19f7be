"""Rollouts that are opened, moved and asked about: what tests of them begin with."""

from typing import Any

from store import preflight, rollouts
from store.database import Database, Session
from store.rollouts import Actor, Live
from store.tables import Rollout, RolloutEvent
from tests.store.given import NOW, version

OPS = Actor("person", "olga")


def move(session: Session, rollout: Rollout, name: str) -> RolloutEvent:
    return rollouts.move(session, rollout.id, name, OPS, "because", NOW)


def opened(session: Session, name: object = "bundle") -> Rollout:
    rollout = rollouts.open_rollout(session, version(session, name).id, OPS, "a new one", NOW)
    prepare(rollout)
    session.flush()
    return rollout


PLAN: dict[str, Any] = {
    "answers": dict.fromkeys(preflight.QUESTIONS, "as the test wants it"),
    "risks": [
        {
            "risk": "it is wrong",
            "metric": preflight.METRICS[0],
            "alert": preflight.ALERTS[0],
            "owner": "olga",
        }
    ],
    "scope": {"segments": ["zoo"]},
}


def prepare(rollout: Rollout, **plan: Any) -> None:
    """Answer the questions before a rollout, and plan a limited stage."""
    rollout.preflight, rollout.risks = preflight.parse({**PLAN, **plan})


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
