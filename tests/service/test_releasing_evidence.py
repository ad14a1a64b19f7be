"""Nothing takes over but on evidence: what monitoring found where the version stands now, or two people in spite of it."""

import pytest

from service import releasing, stepping
from service.releasing import Released
from store import decisions, pairs, rollouts
from store.database import Database, Session
from store.decisions import NewDecision
from store.errors import Conflict
from store.rollouts import Actor
from store.tables import ModelVersion
from tests.service import rows
from tests.service.test_releasing import ANNA, NOON, backtest, promote, versions


@pytest.mark.parametrize("verdict", ["advance", "hold", "revert", None])
def test_where_another_answers_only_an_advance_lets_a_version_take_over(
    database: Database, verdict: str | None
) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    backtest(database, second, first)
    with database.write() as session:
        rows.ready(session, 2, NOON)
        decided(session, second, verdict)

    def without(although_held: bool) -> Released:
        with database.write() as session:
            return releasing.promote(
                session, 2, ANNA, "it is time", NOON, although_held=although_held
            )

    if verdict == "advance":
        assert without(False).answering == 2
    else:
        with pytest.raises(Conflict) as refused:
            without(False)
        assert refused.value.code == (
            "evidence_against" if verdict == "revert" else "evidence_lacking"
        )
    if verdict == "revert":
        with pytest.raises(Conflict):
            without(True)
    elif verdict != "advance":
        assert without(True).answering == 2
    if verdict != "revert":
        with database.read() as session:
            event = rollouts.events(session, 1)[0]
        assert event.evidence["although_held"] == (verdict != "advance")
        assert (event.decision_id is None) == (verdict is None)


def test_what_was_found_one_step_ago_lets_nothing_take_over(database: Database) -> None:
    first, second = versions(database, 2)
    promote(database, 1)
    backtest(database, second, first)
    with database.write() as session:
        rows.ready(session, 2, NOON)
        decided(session, second, "advance")
        rollout = stepping.on_its_way(session, 2).id
        rollouts.move(session, rollout, "limit", Actor("system", "a test"), "try", NOON, scope={})
    with pytest.raises(Conflict) as refused, database.write() as session:
        releasing.promote(session, 2, ANNA, "it is time", NOON)
    assert refused.value.code == "evidence_lacking"


def decided(session: Session, version: ModelVersion, verdict: str | None) -> None:
    """What monitoring concluded about a candidate in the step in which it is."""
    if verdict is None:
        return
    rollout = rollouts.of_version(session, version.id)
    assert rollout is not None
    step = pairs.steps(session, rollout.id)[-1].event_id
    new = NewDecision(rollout.id, rollout.stage, verdict, "1", {}, {"step": step}, {}, {}, "m")
    decisions.add(session, new, NOON)
