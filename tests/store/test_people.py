import hashlib

import pytest
from sqlalchemy import select, update

from store import people
from store.database import Database
from store.errors import Conflict, Invalid, NotFound
from store.tables import ApiKey, Consumer, Person, SignIn
from tests.store.given import NOW, later

PASSWORD = "correct horse battery"


@pytest.fixture
def rita(database: Database) -> str:
    with database.write() as session:
        return people.add_person(session, "rita", PASSWORD, "reviewer", NOW).id


def sign_in(database: Database, password: str = PASSWORD, minutes: float = 0) -> str | None:
    with database.read() as session:
        right = people.has_password(session, "rita", password)
    with database.write() as session:
        found = people.sign_in(session, "rita", right, later(minutes=minutes))
    return found[1] if found else None


def signed_in(database: Database, token: str, hours: float = 0) -> str | None:
    with database.read() as session:
        found = people.signed_in(session, token, later(hours=hours))
    return found.name if found else None


@pytest.mark.usefixtures("rita")
def test_a_password_is_kept_as_argon2_and_checked(database: Database) -> None:
    with database.read() as session:
        (person,) = people.people(session)
        assert person.password_hash.startswith("$argon2id$")
        assert PASSWORD not in person.password_hash
        assert people.has_password(session, "rita", PASSWORD)
        assert not people.has_password(session, "rita", PASSWORD.upper())
        assert not people.has_password(session, "nobody", PASSWORD)


def test_someone_without_a_usable_hash_cannot_sign_in(database: Database, rita: str) -> None:
    with database.write() as session:
        session.get_one(Person, rita).password_hash = "-"
    assert sign_in(database) is None


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


@pytest.mark.usefixtures("rita")
def test_five_failures_in_a_row_lock_the_name_for_a_quarter_of_an_hour(database: Database) -> None:
    def told(right: bool, minutes: float) -> bool:
        with database.write() as session:
            return people.sign_in(session, "rita", right, later(minutes=minutes)) is not None

    assert [told(False, 0) for _ in range(4)] == [False] * 4
    assert told(True, 0)  # and the count begins anew
    assert [told(False, 1) for _ in range(5)] == [False] * 5
    assert not told(True, 15.9)
    assert told(True, 16.1)


@pytest.mark.usefixtures("rita")
@pytest.mark.parametrize("how", ["unlock", "password"])
def test_a_lock_can_be_ended_by_hand(database: Database, how: str) -> None:
    with database.write() as session:
        for _ in range(5):
            people.sign_in(session, "rita", False, NOW)
        assert people.sign_in(session, "rita", True, NOW) is None
    with database.write() as session:
        if how == "unlock":
            people.unlock(session, "rita")
        else:
            people.set_password(session, "rita", "another long one", NOW)
        assert people.sign_in(session, "rita", True, NOW) is not None


@pytest.mark.usefixtures("rita")
def test_a_new_password_ends_the_old_one_and_every_sign_in(database: Database) -> None:
    token = sign_in(database)
    assert token is not None
    with database.write() as session:
        people.set_password(session, "rita", "another long one", NOW)
    assert signed_in(database, token) is None
    with database.read() as session:
        assert people.has_password(session, "rita", "another long one")
        assert not people.has_password(session, "rita", PASSWORD)


@pytest.mark.usefixtures("rita")
def test_who_was_removed_is_out_and_no_new_password_lets_them_in(database: Database) -> None:
    token = sign_in(database)
    assert token is not None
    with database.write() as session:
        people.remove_person(session, "rita", NOW)
    assert signed_in(database, token) is None
    with database.write() as session:
        people.set_password(session, "rita", "another long one", NOW)
        assert people.sign_in(session, "rita", True, NOW) is None
    with database.read() as session:
        assert session.scalars(select(SignIn.ended_at)).all() == [NOW]
    with pytest.raises(Conflict), database.write() as session:
        people.remove_person(session, "rita", NOW)


def test_whoever_is_not_active_is_out_at_once(database: Database, rita: str) -> None:
    token = sign_in(database)
    assert token is not None
    with database.write() as session:
        session.get_one(Person, rita).active = False
    assert signed_in(database, token) is None
    assert sign_in(database) is None


@pytest.mark.usefixtures("rita")
def test_a_sign_in_ends_after_twelve_hours_or_when_signed_out(database: Database) -> None:
    token = sign_in(database)
    assert token is not None
    assert (signed_in(database, token, 11.9), signed_in(database, token, 12)) == ("rita", None)
    assert signed_in(database, token[:-1]) is None
    with database.write() as session:
        people.sign_out(session, token, later(hours=1))
    assert signed_in(database, token, 1) is None
    with database.read() as session:
        kept = session.scalars(select(SignIn.token_sha256)).all()
    assert kept == [hashlib.sha256(token.encode()).hexdigest()]


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
