"""Whether the evidence about candidates has a gap: what both models answered against what monitoring has noted.

A hard limit ends a rollout, and what was answered in its last moments is evidence for nothing any more: only the
rollout that is on its way must have all of its pairs, one that has ended those before its newest one.
"""

from bisect import bisect
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select

from store.database import Session
from store.pairs import LATE
from store.tables import AwaitedShadow, Pair, Prediction, Rollout, RolloutEvent, ShadowAnswer


@dataclass(frozen=True)
class Shadows:
    """Answers to consumers while a candidate ran alongside, by what became of the candidate's own.

    `unheard`: it was asked, and what it said was cut off; `left_out`: it was not asked, for want of a core or since
    that process had not loaded it; `contradicted`: it is awaited, and has answered.
    """

    answered: int
    unheard: int
    left_out: int
    contradicted: int


def shadows(session: Session, told: Collection[str]) -> Shadows:
    """Of the predictions with these ids."""
    heard = set(session.scalars(select(ShadowAnswer.prediction_id)))
    awaited = set(session.scalars(select(AwaitedShadow.prediction_id)))
    with_one = _events_with_a_candidate(session)
    rows = session.execute(select(Prediction.id, Prediction.rollout_event_id)).tuples()
    alongside = {identity for identity, event in rows if event in with_one} & set(told)
    return Shadows(
        answered=len(alongside & heard),
        unheard=len(alongside & awaited - heard),
        left_out=len(alongside - heard - awaited),
        contradicted=len(heard & awaited),
    )


def pairs_missing(session: Session) -> int:
    """Predictions that both models answered and that are no pair, pairs of nothing, and numbers that are missing."""
    began = session.execute(
        select(func.min(RolloutEvent.id), RolloutEvent.rollout_id)
        .group_by(RolloutEvent.rollout_id)
        .order_by(func.min(RolloutEvent.id))
    ).all()
    first, who = [event for event, _ in began], [rollout for _, rollout in began]
    came: dict[str, dict[str, float]] = {one: {} for one in who}
    for identity, event, at in session.execute(
        select(Prediction.id, Prediction.rollout_event_id, Prediction.created_at)
        .join(ShadowAnswer, ShadowAnswer.prediction_id == Prediction.id)
        .where(Prediction.rollout_event_id.is_not(None))
    ):
        came[who[bisect(first, event) - 1]][identity] = at.timestamp()
    on_its_way = session.scalar(select(Rollout.id).where(Rollout.on_its_way.is_(True)))
    return sum(
        _missing(session, rollout, answered, rollout == on_its_way)
        for rollout, answered in came.items()
    )


def _missing(session: Session, rollout: str, came: dict[str, float], is_on_its_way: bool) -> int:
    rows = session.execute(
        select(Pair.number, Pair.prediction_id, Pair.at).where(Pair.rollout_id == rollout)
    ).all()
    noted = {identity for _, identity, _ in rows}
    newest = max((at.timestamp() for _, _, at in rows), default=0.0) - LATE.total_seconds()
    unnoted = [
        one for one, at in came.items() if one not in noted and (is_on_its_way or at < newest)
    ]
    numbers: int = max((number for number, _, _ in rows), default=0)
    return len(unnoted) + len(noted - came.keys()) + abs(numbers - len(rows))


def _events_with_a_candidate(session: Session) -> set[int]:
    """The events after which a candidate is on its way, until the next one."""
    found, candidate = set[int](), None
    for one in session.scalars(select(RolloutEvent).order_by(RolloutEvent.id)):
        if one.move == "open":
            candidate = one.rollout_id
        elif one.rollout_id == candidate and one.to_stage in (None, "full"):
            candidate = None
        if candidate is not None:
            found.add(one.id)
    return found
