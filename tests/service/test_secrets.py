"""What lets somebody in is never compared byte by byte: keys and sign-ins are found by digest, tokens by compare_digest."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from service import csrf
from service.clock import wall_clock
from service.heads import COOKIE
from service.known import Known
from store import people, sign_ins
from store.database import Database
from tests.service.browsing import Browser
from tests.service.serving import Serving

SECRET_KEY = "a secret of the tests that is long enough"


@contextmanager
def asked(database: Database) -> Iterator[list[str]]:
    """What the database is asked, with every value."""
    told: list[str] = []

    def note(*statement: object) -> None:
        told.append(repr(statement[2:4]))

    event.listen(database.engine, "before_cursor_execute", note)
    yield told
    event.remove(database.engine, "before_cursor_execute", note)


def near(secret: str) -> list[str]:
    """Others that begin, or end, as this one does."""
    other = "A" if secret[-1] != "A" else "B"
    return [secret[:-1] + other, secret[:-1], secret + other, other + secret[1:], secret.swapcase()]


def test_a_key_is_looked_up_by_its_digest_alone(database: Database) -> None:
    key, now = people.new_key(), wall_clock()
    with database.write() as session:
        people.add_key(session, people.add_consumer(session, "shop", now), key, "consumer", now)
    known = Known()
    with asked(database) as told, database.read() as session:
        caller = people.caller(session, key)
        assert caller is not None
        known.put(key, caller, 0.0)
        for one in near(key):
            assert people.caller(session, one) is None
            assert known.get(one, 0.0) is None
        assert sign_ins.signed_in(session, key, now) is None
    assert known.get(key, 0.0) is caller
    assert len(told) >= 6
    # the prefix is public
    assert not any(key[12:-1] in one for one in told)


def test_a_sign_in_is_looked_up_by_its_digest_alone(shared: Serving) -> None:
    browser = Browser(shared, "dora")
    token = browser.http.cookies[COOKIE]
    with asked(shared.database) as told:
        assert browser.http.get("/guide").status_code == 200
        for one in near(token):
            browser.http.cookies[COOKIE] = one
            assert browser.http.get("/guide").status_code == 303
    assert told
    assert not any(token in one or token[1:-1] in one for one in told)


def test_the_token_of_a_page_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    token = csrf.token(SECRET_KEY, "a sign-in")
    assert csrf.is_right(SECRET_KEY, "a sign-in", token)
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for wrong in (*near(token), "", "\N{SNOWMAN}"):
        assert not csrf.is_right(SECRET_KEY, "a sign-in", wrong)
    assert not csrf.is_right(SECRET_KEY, "another sign-in", token)
    assert not csrf.is_right(SECRET_KEY, "a sign-in", None)
    assert len(compared) == len(near(token)) + 3
