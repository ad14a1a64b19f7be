"""Versions with backtests that are let through and taken back by one person at noon."""

from datetime import UTC, datetime, timedelta
from itertools import count

from service import releasing
from service.releasing import Released
from store import models, rollouts
from store.database import Database
from store.models import NewBacktest
from store.rollouts import Actor
from store.tables import ModelVersion
from tests.service import rows

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_seconds = count(1)
ANNA = Actor("person", "anna")


def backtest(
    database: Database, version: ModelVersion, against: ModelVersion | None, verdict: str = "better"
) -> None:
    later = NOON + timedelta(seconds=next(_seconds))
    with database.write() as session:
        new = NewBacktest(
            version.id,
            against.id if against else None,
            verdict,
            100,
            0.9,
            0.8,
            0.1,
            0.02,
            0.18,
            {},
        )
        models.add_backtest(session, new, later)


def versions(database: Database, number: int) -> list[ModelVersion]:
    with database.write() as session:
        return [rows.version(session, name=f"v{one}") for one in range(number)]


def promote(database: Database, number: int, reason: str = "it is better") -> Released:
    with database.write() as session:
        live = rollouts.live(session)
        answers = live.incumbent is not None and live.incumbent.number == number
        if (
            live.candidate is None
            and not answers
            and any(one.number == number for one in models.newest_first(session))
        ):
            rows.ready(session, number, NOON)
        return releasing.promote(session, number, ANNA, reason, NOON, although_held=True)


def revert(database: Database) -> Released:
    with database.write() as session:
        return releasing.revert(session, ANNA, "it is wrong", NOON)
