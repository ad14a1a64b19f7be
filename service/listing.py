"""The model versions with where they stand, for the API, the page and the command."""

from dataclasses import dataclass
from typing import Literal

from store import models, rollouts
from store.database import Session
from store.rollouts import Live
from store.tables import Backtest, ModelVersion, Rollout


@dataclass(frozen=True)
class Listed:
    """A version; `parent` and `against` (of its newest backtest) are numbers of versions."""

    version: ModelVersion
    parent: int | None
    role: Literal["incumbent", "candidate"] | None
    rollout: Rollout | None
    backtest: Backtest | None
    against: int | None


def versions(session: Session, limit: int = 50) -> list[Listed]:
    """Newest first."""
    live = rollouts.live(session)
    found = models.newest_first(session, limit)
    numbers = {one.id: one.number for one in found}

    def number(version_id: str | None) -> int | None:
        if version_id is None:
            return None
        if version_id not in numbers:
            numbers[version_id] = models.get(session, version_id).number
        return numbers[version_id]

    listed = []
    for version in found:
        backtest = models.newest_backtest(session, version.id)
        listed.append(
            Listed(
                version=version,
                parent=number(version.parent_id),
                role=_role(version, live),
                rollout=rollouts.of_version(session, version.id),
                backtest=backtest,
                against=number(backtest.against_id) if backtest else None,
            )
        )
    return listed


def _role(version: ModelVersion, live: Live) -> Literal["incumbent", "candidate"] | None:
    if live.incumbent is not None and live.incumbent.version_id == version.id:
        return "incumbent"
    if live.candidate is not None and live.candidate.version_id == version.id:
        return "candidate"
    return None
