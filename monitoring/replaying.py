"""Conclude again what was concluded: the same rows, the same rule, the same digits.

A decision names its last pair and the moment of its labels, and keeps its whole rule. Pairs and labels are append-only,
so whatever came later is not seen. What cannot be concluded again is said in one sentence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring import action_guard, deciding, evidence_rule
from monitoring.acting import Standing
from monitoring.deciding import Candidacy
from monitoring.evidence_rule import Rule
from store import decisions
from store.database import Database, Session
from store.tables import Decision


@dataclass(frozen=True)
class Replayed:
    """A decision that was made again, and in what it differs, in sentences."""

    decision_id: str
    differences: list[str]


def replay(session: Session, decision: Decision) -> list[str]:
    """In what a decision that is made again differs from the one that was kept, in sentences; nothing: in nothing."""
    if decision.rule_version != evidence_rule.VERSION:
        return [
            f"It was made by rule {decision.rule_version}, and this is {evidence_rule.VERSION}."
        ]
    versions, ids, kept = decision.versions, decision.ids, decision.values
    candidacy = Candidacy(
        rollout_id=decision.rollout_id,
        candidate_id=versions["candidate"]["id"],
        incumbent_id=versions["incumbent"]["id"] if versions["incumbent"] else None,
        stage=decision.stage,
        share=kept["standing"]["share"],
        step=ids["step"],
        began=datetime.fromisoformat(ids["began"]),
        since=ids.get("since", 0),
    )
    standing = dict(kept["standing"])
    forbidden = tuple(standing.pop("forbidden"))
    _, again = deciding.decide(
        session,
        candidacy,
        Rule(**decision.thresholds["rule"]),
        ids["pairs"],
        datetime.fromisoformat(ids["as_of"]),
        Standing(**standing, forbidden=forbidden),
        tuple(kept["shares"]),
        action_guard.of_json(kept["actions"]),
    )
    fields = ("stage", "verdict", "versions", "ids", "values", "thresholds")
    return [
        sentence
        for name in fields
        for sentence in _differences(name, getattr(decision, name), getattr(again, name))
    ]


def one(database: Database, decision_id: str) -> Iterator[Replayed]:
    """One decision. Raises NotFound."""
    with database.read() as session:
        yield Replayed(decision_id, replay(session, decisions.get(session, decision_id)))


def all_of(database: Database) -> Iterator[Replayed]:
    """Every decision, oldest first."""
    with database.read() as session:
        ids = list(decisions.every_id(session))
    for decision_id in ids:
        yield from one(database, decision_id)


def _differences(name: str, kept: Any, again: Any) -> Iterator[str]:
    if isinstance(kept, dict) and isinstance(again, dict):
        for key in sorted({*kept, *again}):
            yield from _differences(f"{name}.{key}", kept.get(key), again.get(key))
    elif kept != again:
        yield f"{name} was {kept!r} and is {again!r}."
