import hashlib

import pytest
from sqlalchemy import select, update

from store import people
from store.database import Database
from store.errors import Conflict, Invalid, NotFound
from store.tables import ApiKey, Consumer
from tests.store.given import NOW

PASSWORD = "correct horse battery"


@pytest.fixture
def rita(database: Database) -> str:
    with database.write() as session:
        return people.add_person(session, "rita", PASSWORD, "reviewer", NOW).id


@pytest.mark.usefixtures("rita")
@pytest.mark.parametrize(
    ("name", "password", "role", "kind"),
    [
        ("rita", PASSWORD, "reviewer", Conflict),
        ("otto", PASSWORD, "king", Invalid),
        ("otto", "too short", "reviewer", Invalid),
        ("  ", PASSWORD, "reviewer", Invalid),
    ],
)
def test_who_cannot_be_added(
    database: Database, name: str, password: str, role: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind), database.write() as session:
        people.add_person(session, name, password, role, NOW)


def key_of(database: Database, name: str = "shop", role: str = "consumer") -> str:
    key = people.new_key()
    with database.write() as session:
        people.add_key(session, people.add_consumer(session, name, NOW), key, role, NOW)
    return key


def caller(database: Database, key: str) -> tuple[str, str] | None:
    with database.read() as session:
        found = people.caller(session, key)
    return (found.consumer, found.role) if found else None


def test_a_key_is_found_by_its_digest_and_kept_as_nothing_else(database: Database) -> None:
    key = key_of(database, role="operator")
    assert caller(database, key) == ("shop", "operator")
    for wrong in (key[:-1], key + "x", key.lower(), ""):
        assert caller(database, wrong) is None
    with database.read() as session:
        (row,) = session.scalars(select(ApiKey))
    assert row.sha256 == hashlib.sha256(key.encode()).hexdigest()
    assert key.startswith(row.prefix)
    assert len(key) - len(row.prefix) > 30
    assert not any(value == key for value in vars(row).values())


def test_a_revoked_key_opens_nothing_and_the_others_go_on(database: Database) -> None:
    old, new = key_of(database), key_of(database)
    prefix = old[: len(people.KEY_PREFIX) + 6]
    with database.write() as session:
        assert people.revoke_key(session, prefix, NOW) == 1
    assert (caller(database, old), caller(database, new)) == (None, ("shop", "consumer"))
    with database.write() as session, pytest.raises(NotFound):
        people.revoke_key(session, prefix, NOW)


def test_a_consumer_that_is_not_active_has_no_keys(database: Database) -> None:
    key = key_of(database)
    with database.write() as session:
        session.execute(update(Consumer).values(active=False))
    assert caller(database, key) is None


@pytest.mark.parametrize(
    ("key", "role"), [("ursa_short", "consumer"), ("x" * 48, "consumer"), ("", "reviewer")]
)
def test_a_key_that_is_weak_or_of_no_role_is_refused(
    database: Database, key: str, role: str
) -> None:
    with database.write() as session:
        shop = people.add_consumer(session, "shop", NOW)
        with pytest.raises(Invalid):
            people.add_key(session, shop, key or people.new_key(), role, NOW)


def test_a_consumer_of_one_name_is_one_consumer(database: Database) -> None:
    for _ in range(2):
        with database.write() as session:
            people.add_consumer(session, "shop", NOW)
    with database.read() as session:
        assert session.scalars(select(Consumer.name)).all() == ["shop"]
