"""The model versions and the newest rollout with where they stand, for the API, the pages and the commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from store import decisions, models, rollout_events, rollouts
from store import scope as scopes
from store.database import Session
from store.rollouts import Live
from store.tables import Backtest, Decision, ModelVersion, Rollout, RolloutEvent


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


@dataclass(frozen=True)
class Way:
    """A rollout with what was decided and done, newest first; `scope` in words, `steps` that it took, oldest first.

    `confirmed`: who said `full`; where the candidate is held, who did so in spite of it.
    """

    number: int
    rollout: Rollout
    events: Sequence[RolloutEvent]
    decisions: Sequence[Decision]
    confirmed: Sequence[str]
    scope: str | None
    steps: Sequence[rollout_events.Step]

    @property
    def step(self) -> int | None:
        """The event that began the step in which it is; None before there is one."""
        return self.steps[-1].event_id if self.steps else None


def way(session: Session) -> Way | None:
    """The rollout that is on its way, else the newest one."""
    rollout = rollouts.newest(session)
    if rollout is None:
        return None
    scope, steps = rollout.scope, rollout_events.steps(session, rollout.id)
    made = decisions.newest(session, 200, rollout.id)
    passed = made and made[0].verdict == "advance" and made[0].ids["step"] == steps[-1].event_id
    held = not passed and rollouts.live(session).incumbent is not None
    return Way(
        number=models.get(session, rollout.model_version_id).number,
        rollout=rollout,
        events=rollouts.events(session, 50, rollout.id),
        decisions=made,
        confirmed=rollout_events.confirmed(session, rollout.id, held=held),
        scope=scopes.words(scopes.kept(scope)) if scope is not None else None,
        steps=steps,
    )


def _role(version: ModelVersion, live: Live) -> Literal["incumbent", "candidate"] | None:
    if live.incumbent is not None and live.incumbent.version_id == version.id:
        return "incumbent"
    if live.candidate is not None and live.candidate.version_id == version.id:
        return "candidate"
    return None
