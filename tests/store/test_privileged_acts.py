import pytest

from store import privileged_acts
from store.database import Database
from store.errors import Invalid
from store.rollouts import Actor
from tests.store.given import NOW

OLGA = Actor("person", "olga")


def test_privileged_acts_are_appended(database: Database) -> None:
    for number in range(3):
        with database.write() as session:
            privileged_acts.record(
                session, OLGA, "promote", f"version {number}", "because", {"n": number}, NOW
            )
    with database.read() as session:
        newest, before = privileged_acts.newest(session, 2)
    assert (newest.actor, newest.subject, before.subject) == ("olga", "version 2", "version 1")
    assert newest.detail == {"n": 2, "reason": "because", "actor_kind": "person"}


def test_a_privileged_act_needs_a_reason(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.write() as session, pytest.raises(Invalid) as refused:
        privileged_acts.record(session, OLGA, "promote", "version 1", " ", {}, NOW)
    assert refused.value.code == "no_reason"
    database.dispose()
