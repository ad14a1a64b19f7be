from contextlib import suppress

import pytest

from store import rollouts
from store.database import Database, Session
from store.errors import Conflict, Invalid, NotFound
from store.rollouts import MOVES, Actor
from store.scope import Scope
from store.tables import Rollout
from tests.store.given import NOW, later
from tests.store.rolling import OPS, live, move, opened, prepare

# every move from every stage, by hand: where it leads ("ended" for the end), or None where there is no way
WAYS: dict[str, dict[str, str | None]] = {
    "manual": {
        "limit": "limited", "expand": None, "promote": "full",
        "fall_back": None, "withdraw": "ended", "revert": "ended",
    },
    "limited": {
        "limit": None, "expand": "expanding", "promote": "full",
        "fall_back": "manual", "withdraw": "ended", "revert": "ended",
    },
    "expanding": {
        "limit": None, "expand": "expanding", "promote": "full",
        "fall_back": "manual", "withdraw": "ended", "revert": "ended",
    },
    "full": {
        "limit": None, "expand": None, "promote": None,
        "fall_back": None, "withdraw": None, "revert": "ended",
    },
}  # fmt: skip


THERE = {"manual": [], "limited": ["limit"], "expanding": ["limit", "expand"], "full": ["promote"]}


OUTCOME = {"withdraw": "withdrawn", "revert": "reverted"}


class TakenBack(Exception):
    """Ends a transaction whose work a test does not want to keep."""


def at(session: Session, stage: str) -> Rollout:
    rollout = opened(session, stage)
    for name in THERE[stage]:
        move(session, rollout, name)
    return rollout


def test_the_table_names_every_move_and_stage() -> None:
    assert all(set(ways) == set(MOVES) for ways in WAYS.values())
    assert {stage for legal in MOVES.values() for stage in legal.from_stages} == set(WAYS)


@pytest.mark.parametrize("stage", WAYS)
def test_from_each_stage_the_legal_moves_and_no_other(database: Database, stage: str) -> None:
    for name, leads_to in WAYS[stage].items():
        with suppress(TakenBack), database.write() as session:
            rollout = at(session, stage)
            before = len(rollouts.events(session))
            if leads_to is None:
                with pytest.raises(Conflict) as refused:
                    move(session, rollout, name)
                assert refused.value.code == "illegal_move"
                assert (rollout.stage, len(rollouts.events(session))) == (stage, before)
            else:
                event = move(session, rollout, name)
                assert (event.move, event.from_stage, event.actor) == (name, stage, "olga")
                if leads_to == "ended":
                    assert (rollout.outcome, rollout.ended_at) == (OUTCOME[name], NOW)
                else:
                    assert rollout.stage == event.to_stage == leads_to
            raise TakenBack


def test_what_has_ended_does_not_move(database: Database) -> None:
    with database.write() as session:
        rollout = opened(session)
        move(session, rollout, "withdraw")
        for name in MOVES:
            with pytest.raises(Conflict) as refused:
                move(session, rollout, name)
            assert refused.value.code == "illegal_move"


@pytest.mark.parametrize(
    ("name", "actor", "reason"),
    [
        ("leap", OPS, "because"),
        ("promote", OPS, " "),
        ("promote", Actor("ghost", "g"), "because"),
    ],
)
def test_a_move_needs_a_name_a_reason_and_someone(
    sqlite_url: str, name: str, actor: Actor, reason: str
) -> None:
    database = Database(sqlite_url)
    with database.write() as session:
        rollout = opened(session)
        with pytest.raises(Invalid):
            rollouts.move(session, rollout.id, name, actor, reason, NOW)
        with pytest.raises(Invalid):
            rollouts.open_rollout(session, "any", OPS, " ", NOW)
    database.dispose()


def test_what_is_not_there_cannot_move(database: Database) -> None:
    with database.write() as session:
        with pytest.raises(NotFound):
            rollouts.move(session, "nothing", "promote", OPS, "because", NOW)
        with pytest.raises(NotFound):
            rollouts.open_rollout(session, "nothing", OPS, "because", NOW)
        assert rollouts.of_version(session, "nothing") is None


def test_an_event_tells_all_of_a_move(database: Database) -> None:
    with database.write() as session:
        rollout = opened(session)
        rollouts.move(
            session, rollout.id, "limit", Actor("key", "ursa_abc"), " to try it out ", later(hours=1),
            evidence={"pairs": 12}, share=0.1, scope={"segments": ["zoo"]}, expires_at=later(days=1),
        )  # fmt: skip
    with database.read() as session:
        event, first = rollouts.events(session)
        assert (first.move, first.from_stage, first.to_stage) == ("open", None, "manual")
        assert (event.actor_kind, event.actor, event.reason) == ("key", "ursa_abc", "to try it out")
        assert (event.evidence, event.share, event.at) == ({"pairs": 12}, 0.1, later(hours=1))
        expires_at = later(days=1).isoformat()
        assert event.scope == {"segments": ["zoo"], "share": 0.1, "expires_at": expires_at}
        assert rollouts.events(session, 10, "another") == []
    candidate = live(database).candidate
    assert candidate is not None
    assert (candidate.stage, candidate.share) == ("limited", 0.1)
    assert candidate.scope == Scope(
        segments=frozenset({"zoo"}), share=0.1, expires_at=later(days=1)
    )
    assert candidate.expires_at == later(days=1)


def test_a_share_of_all_is_for_two_people_and_nothing_grows_from_a_stage_that_is_over(
    database: Database,
) -> None:
    with database.write() as session:
        rollout = opened(session)
        ends = {"segments": ["zoo"], "expires_at": later(hours=1).isoformat()}
        rollouts.move(session, rollout.id, "limit", OPS, "try", NOW, scope=ends)
        with pytest.raises(Conflict) as everything:
            rollouts.move(session, rollout.id, "expand", OPS, "all of it", NOW, share=1.0)
        with pytest.raises(Conflict) as over:
            rollouts.move(session, rollout.id, "expand", OPS, "more", later(hours=1))
        assert rollout.stage == "limited"
    assert (everything.value.code, over.value.code) == ("not_more", "illegal_move")


def test_a_scope_that_asks_for_nothing_is_none(database: Database) -> None:
    with database.write() as session:
        rollout = opened(session)
        with pytest.raises(Conflict) as given:
            rollouts.move(session, rollout.id, "limit", OPS, "try", NOW, scope={})
        prepare(rollout, scope={})
        session.flush()
        with pytest.raises(Conflict) as planned:
            rollouts.move(session, rollout.id, "limit", OPS, "try", NOW)
    assert given.value.code == planned.value.code == "no_scope"
