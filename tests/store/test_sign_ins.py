"""Signing in: passwords, locks, tokens, and that a refusal tells nothing about names."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from store import people, sign_ins
from store.database import Database
from store.errors import Conflict
from store.sign_ins import Refused
from store.tables import Person, SignIn
from tests.store.given import NOW, later

PASSWORD = "correct horse battery"


@pytest.fixture
def rita(database: Database) -> str:
    with database.write() as session:
        return people.add_person(session, "rita", PASSWORD, "reviewer", NOW).id


def sign_in(database: Database, password: str = PASSWORD, minutes: float = 0) -> str | None:
    with database.read() as session:
        verified_by = sign_ins.verified(session, "rita", password)
    with database.write() as session:
        found = sign_ins.sign_in(session, "rita", verified_by, later(minutes=minutes))
    return None if isinstance(found, Refused) else found[1]


def by(session: Session, name: str = "rita") -> str:
    """As if the right password had just been verified."""
    return next(one.password_hash for one in people.people(session) if one.name == name)


def is_in(told: object) -> bool:
    return not isinstance(told, Refused)


def signed_in(database: Database, token: str, hours: float = 0) -> str | None:
    with database.read() as session:
        found = sign_ins.signed_in(session, token, later(hours=hours))
    return found.name if found else None


@pytest.mark.usefixtures("rita")
def test_a_password_is_kept_as_argon2_and_checked(database: Database) -> None:
    with database.read() as session:
        (person,) = people.people(session)
        assert person.password_hash.startswith("$argon2id$")
        assert PASSWORD not in person.password_hash
        assert sign_ins.verified(session, "rita", PASSWORD)
        assert not sign_ins.verified(session, "rita", PASSWORD.upper())
        assert not sign_ins.verified(session, "nobody", PASSWORD)


def test_someone_without_a_usable_hash_cannot_sign_in(database: Database, rita: str) -> None:
    with database.write() as session:
        session.get_one(Person, rita).password_hash = "-"
    assert sign_in(database) is None


@pytest.mark.usefixtures("rita")
def test_five_failures_in_a_row_lock_the_name_for_a_quarter_of_an_hour(database: Database) -> None:
    def told(right: bool, minutes: float) -> bool:
        with database.write() as session:
            return is_in(
                sign_ins.sign_in(
                    session, "rita", by(session) if right else None, later(minutes=minutes)
                )
            )

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
            sign_ins.sign_in(session, "rita", None, NOW)
        assert not is_in(sign_ins.sign_in(session, "rita", by(session), NOW))
    with database.write() as session:
        if how == "unlock":
            people.unlock(session, "rita")
        else:
            people.set_password(session, "rita", "another long one", NOW)
        assert is_in(sign_ins.sign_in(session, "rita", by(session), NOW))


@pytest.mark.usefixtures("rita")
def test_a_new_password_ends_the_old_one_and_every_sign_in(database: Database) -> None:
    token = sign_in(database)
    assert token is not None
    with database.write() as session:
        people.set_password(session, "rita", "another long one", NOW)
    assert signed_in(database, token) is None
    with database.read() as session:
        assert sign_ins.verified(session, "rita", "another long one")
        assert not sign_ins.verified(session, "rita", PASSWORD)


@pytest.mark.usefixtures("rita")
def test_a_password_that_is_changed_while_it_is_checked_lets_nobody_in(database: Database) -> None:
    with database.read() as session:
        verified_by = sign_ins.verified(session, "rita", PASSWORD)
    with database.write() as session:
        people.set_password(session, "rita", "another long one", NOW)
    with database.write() as session:
        told = sign_ins.sign_in(session, "rita", verified_by, NOW)
    assert told == Refused("rita", locked=False)
    with database.read() as session:
        assert failures(session) == {"rita": 1}
        assert session.scalars(select(SignIn)).all() == []


@pytest.mark.usefixtures("rita")
def test_who_was_removed_is_out_and_no_new_password_lets_them_in(database: Database) -> None:
    token = sign_in(database)
    assert token is not None
    with database.write() as session:
        people.remove_person(session, "rita", NOW)
    assert signed_in(database, token) is None
    with database.write() as session:
        people.set_password(session, "rita", "another long one", NOW)
        assert not is_in(sign_ins.sign_in(session, "rita", by(session), NOW))
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
        sign_ins.sign_out(session, token, later(hours=1))
    assert signed_in(database, token, 1) is None
    with database.read() as session:
        kept = session.scalars(select(SignIn.token_sha256)).all()
    assert kept == [hashlib.sha256(token.encode()).hexdigest()]


@contextmanager
def written(database: Database) -> Iterator[Callable[[], bool]]:
    """Whether something was committed that a disk had to be waited for."""
    look = "PRAGMA data_version" if database.is_sqlite else "SELECT pg_current_wal_insert_lsn()"
    with database.engine.connect() as looking:

        def now() -> object:
            return looking.exec_driver_sql(look).scalar()

        before = now()
        # of its own transaction it would see the same as before
        looking.rollback()
        yield lambda: now() != before


def test_a_refusal_writes_as_much_for_a_name_that_nobody_has(database: Database) -> None:
    with database.write() as session:
        for name in ("rita", "lena", "gone"):
            people.add_person(session, name, PASSWORD, "reviewer", NOW)
        people.remove_person(session, "gone", NOW)
        for _ in range(5):
            sign_ins.sign_in(session, "lena", None, NOW)
        before = failures(session)
    for name, told in (
        ("rita", Refused("rita", locked=False)),
        ("lena", Refused("lena", locked=True)),
        ("gone", Refused("gone", locked=False)),
        ("nobody", Refused(None, locked=False)),
    ):
        with written(database) as is_written:
            with database.write() as session:
                assert sign_ins.sign_in(session, name, None, NOW) == told
            assert is_written(), name
    with database.read() as session:
        assert failures(session) == before | {"rita": 1}


def failures(session: Session) -> dict[str, int]:
    return {one.name: one.failed_sign_ins for one in people.people(session)}


@pytest.mark.usefixtures("rita")
def test_the_fifth_failure_is_told_as_the_one_that_locks(database: Database) -> None:
    with database.write() as session:
        told = [sign_ins.sign_in(session, "rita", None, NOW) for _ in range(6)]
    assert told == [Refused("rita", locked=False)] * 4 + [Refused("rita", locked=True)] * 2
