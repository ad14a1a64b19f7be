"""Of two who let somebody in, shut somebody out or throw a switch at once the second finds what the first did."""

from collections.abc import Callable

import pytest

from store import people, predictions, switches, webhooks
from store.database import Database, Session
from store.errors import Conflict, NotFound
from tests.store import given
from tests.store.given import NOW, digest
from tests.store.racing import at_once

HOOK = "https://shop.example/told"


def test_a_name_is_given_to_one_person(database: Database) -> None:
    def add(session: Session) -> object:
        return people.add_person(session, "rita", "long enough to be one", "reviewer", NOW)

    with pytest.raises(Conflict) as refused:
        at_once(database, add, add)
    assert refused.value.code == "name_taken"


def test_two_that_make_a_consumer_at_once_make_one(database: Database) -> None:
    made = []
    second = at_once(
        database,
        lambda session: made.append(given.consumer(session)),
        lambda session: given.consumer(session),
    )
    assert made == [second]


def test_a_key_is_revoked_once(database: Database) -> None:
    with database.write() as session:
        shop = people.add_consumer(session, "shop", NOW)
        prefix = people.add_key(session, shop, people.new_key(), "consumer", NOW).prefix
    with pytest.raises(NotFound):
        at_once(
            database,
            lambda session: people.revoke_key(session, prefix, NOW),
            lambda session: people.revoke_key(session, prefix, NOW),
        )


def test_two_programs_that_start_with_a_new_policy_keep_it_once(database: Database) -> None:
    def keep(session: Session) -> None:
        predictions.keep_policy(session, digest("policy"), "its text", NOW)

    at_once(database, keep, keep)


def test_what_is_announced_to_a_webhook_that_is_being_removed_waits_for_nobody(
    database: Database,
) -> None:
    def announce(cause: str) -> Callable[[Session], int]:
        def told(session: Session) -> int:
            return webhooks.announce(session, "a kind", cause, {}, NOW)

        return told

    def remove(session: Session) -> int:
        return webhooks.remove(session, hook, NOW)

    for first, second in ((announce("one"), remove), (remove, announce("two"))):
        with database.write() as session:
            hook = webhooks.add(session, HOOK, None, NOW).id
        at_once(database, first, second)
        with database.read() as session:
            assert webhooks.outbox(session, NOW).waiting == 0


def test_a_webhook_is_removed_once(database: Database) -> None:
    with database.write() as session:
        hook = webhooks.add(session, HOOK, None, NOW).id
    with pytest.raises(NotFound):
        at_once(
            database,
            lambda session: webhooks.remove(session, hook, NOW),
            lambda session: webhooks.remove(session, hook, NOW),
        )


def test_nothing_grows_once_the_first_freeze_of_all_has_been_told(database: Database) -> None:
    """Before it there is no row that a move could lock."""

    def freeze(session: Session) -> None:
        switches.throw(session, "frozen", True, "person", "olga", "smoke", NOW)

    at_once(database, lambda session: switches.thrown(session, "frozen", hold=True), freeze)


def test_a_move_in_the_moment_of_the_first_freeze_of_all_finds_it(database: Database) -> None:
    def freeze(session: Session) -> None:
        switches.throw(session, "frozen", True, "person", "olga", "smoke", NOW)

    assert at_once(database, freeze, lambda one: switches.thrown(one, "frozen", hold=True))
