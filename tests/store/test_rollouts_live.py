from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, text

from store import rollouts
from store.database import Database
from store.errors import Conflict
from store.rollouts import Live
from store.tables import Rollout, Switch
from tests.store.given import NOW, later, version
from tests.store.rolling import OPS, all_events, answering, live, move, opened, promoted


def test_one_candidate_at_a_time(database: Database) -> None:
    with database.write() as session:
        first = opened(session, "one")
        with pytest.raises(Conflict) as refused:
            opened(session, "two")
        assert refused.value.code == "candidate_on_its_way"
        move(session, first, "promote")
        with pytest.raises(Conflict) as again:
            rollouts.open_rollout(session, first.model_version_id, OPS, "once more", NOW)
        assert again.value.code == "answers_already"
        opened(session, "two")


def together(acts: list[Callable[[], None]]) -> list[Conflict | None]:
    """What each act was told, all begun at once."""
    start = Barrier(len(acts))

    def tried(act: Callable[[], None]) -> Conflict | None:
        start.wait(30)
        try:
            act()
        except Conflict as refused:
            return refused
        return None

    with ThreadPoolExecutor(len(acts)) as hands:
        return list(hands.map(tried, acts))


def test_of_several_hands_one_opens_a_rollout(database: Database) -> None:
    with database.write() as session:
        versions = [version(session, name).id for name in ("one", "two", "three")]

    def opening(model_version: str) -> Callable[[], None]:
        def act() -> None:
            with database.write() as session:
                rollouts.open_rollout(session, model_version, OPS, "mine", NOW)

        return act

    told = together([opening(one) for one in versions])
    assert sum(refused is None for refused in told) == 1
    with database.read() as session:
        assert len(session.scalars(select(Rollout)).all()) == 1


def test_the_database_itself_holds_one_candidate(database: Database) -> None:
    with database.write() as session:
        opened(session, "one")
        version(session, "two")
    raw = (
        "INSERT INTO rollouts (id, model_version_id, stage, on_its_way, share, opened_at)"
        " SELECT 'second', max(id), 'manual', true, 0, max(created_at) FROM model_versions"
    )
    with pytest.raises(Conflict), database.write() as session:
        session.execute(text(raw))


def test_of_several_hands_one_promotes(database: Database) -> None:
    with database.write() as session:
        rollout = opened(session)

    def act() -> None:
        with database.write() as session:
            move(session, rollout, "promote")

    told = together([act] * 4)
    assert [one.code for one in told if one] == ["illegal_move"] * 3
    assert [event.move for event in all_events(database)] == ["promote", "open"]


def test_the_lock_sees_what_moved_since_the_rollout_was_read(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.write() as session:
        rollout = opened(session)
    with database.write() as slow:
        seen = rollouts.get(slow, rollout.id)  # a hand that looks before it moves
        assert seen.stage == "manual"
        with database.write() as quick:
            move(quick, rollout, "promote")
        with pytest.raises(Conflict):
            move(slow, rollout, "promote")
    database.dispose()


def test_at_full_the_one_before_is_replaced_and_a_revert_brings_it_back(
    database: Database,
) -> None:
    assert live(database) == Live(0, None, None, killed=False)
    with database.write() as session:
        first = promoted(session, "one")
    assert answering(database) == 1
    with database.write() as session:
        second = promoted(session, "two")
    assert answering(database) == 2
    with database.write() as session:
        assert (rollouts.get(session, first.id).outcome, second.previous_id) == (
            "replaced",
            first.id,
        )
        move(session, second, "revert")
    assert answering(database) == 1
    assert [event.move for event in all_events(database)][:2] == ["restore", "revert"]
    with database.write() as session:
        move(session, first, "revert")
    assert live(database).incumbent is None  # people answer


def test_reverts_go_back_along_a_long_chain(database: Database) -> None:
    with database.write() as session:
        chain = [promoted(session, name) for name in ("one", "two", "three", "four")]
    for number in (4, 3, 2, 1):
        assert answering(database) == number
        with database.write() as session:
            move(session, chain[number - 1], "revert")
    assert answering(database) is None


def test_a_later_promotion_goes_back_to_what_answered_before_it(database: Database) -> None:
    with database.write() as session:
        promoted(session, "one")
        second = promoted(session, "two")
        move(session, second, "revert")
        third = promoted(session, "three")
        move(session, third, "revert")
    assert answering(database) == 1


def test_a_candidate_that_is_reverted_leaves_the_incumbent_alone(database: Database) -> None:
    with database.write() as session:
        promoted(session, "one")
        candidate = opened(session, "two")
    both = live(database)
    assert both.incumbent is not None
    assert both.candidate is not None
    assert (both.incumbent.number, both.candidate.number, both.candidate.stage) == (1, 2, "manual")
    with database.write() as session:
        move(session, candidate, "revert")
    after = live(database)
    assert (answering(database), after.candidate) == (1, None)
    assert after.event_id > both.event_id


def test_a_version_that_was_replaced_may_take_over_again(database: Database) -> None:
    with database.write() as session:
        first = promoted(session, "one")
        promoted(session, "two")
        again = rollouts.open_rollout(
            session, first.model_version_id, OPS, "it was better", later(hours=1)
        )
        move(session, again, "promote")
        newest = rollouts.of_version(session, first.model_version_id)
        assert newest is not None
        assert newest.id == again.id
    assert answering(database) == 1
    with database.write() as session:
        move(session, again, "revert")
    assert answering(database) == 2


def test_the_switch_that_kills_is_seen(database: Database) -> None:
    with database.write() as session:
        session.add(Switch(name="killed", thrown=True, actor="olga", reason="smoke", at=NOW))
    assert live(database).killed
