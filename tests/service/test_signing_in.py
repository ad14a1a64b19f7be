"""Signing in, roles, and the token that shows that a change came from our page."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta
from typing import Annotated

import httpx
import pytest
from fastapi import Form

from service import csrf, signing_in
from service.dependencies import (
    AdminPerson,
    FromOurPage,
    OperatorPerson,
    Reviewer,
    Writing,
)
from service.heads import COOKIE
from service.settings import Settings
from store import people, sign_ins
from tests.service.rows import PASSWORD, person
from tests.service.serving import Hands, Serving, serving


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Checking a password takes long, and is the same on both databases."""
    return sqlite_url


@pytest.fixture
def browser(served: Serving) -> Iterator[httpx.Client]:
    with served.database.write() as session:
        person(session, "anna")
        person(session, "otto", "operator")
        person(session, "adam", "admin")
    routes(served)
    with httpx.Client(base_url=served.url, timeout=30) as client:
        yield client


def routes(served: Serving) -> None:
    """Small routes behind each of the dependencies."""
    app = served.app

    @app.get("/test/reviewer")
    def reviewer(found: Reviewer) -> str:
        return found.person.name

    @app.get("/test/operator")
    def operator(found: OperatorPerson) -> str:
        return found.person.name

    @app.get("/test/admin")
    def admin(found: AdminPerson) -> str:
        return found.person.name

    @app.post("/test/change", dependencies=[FromOurPage])
    def change(session: Writing, name: Annotated[str, Form()] = "new") -> str:
        person(session, name)
        return name


def sign_in(browser: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    return browser.post("/sign-in", data={"name": name, "password": password})


def test_who_signs_in_gets_a_cookie_that_no_script_can_read(browser: httpx.Client) -> None:
    answer = sign_in(browser, "anna")
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=")
    for word in ("httponly", "samesite=strict", "path=/"):
        assert word in cookie
    assert "secure" not in cookie
    assert browser.get("/test/reviewer").json() == "anna"


def test_over_https_the_cookie_stays_there(browser: httpx.Client) -> None:
    browser.headers["X-Forwarded-Proto"] = "https"
    assert "; secure" in sign_in(browser, "anna").headers["set-cookie"].lower()


def test_the_token_is_worth_nothing_to_whoever_reads_the_database(
    served: Serving, browser: httpx.Client
) -> None:
    sign_in(browser, "anna")
    token = browser.cookies[COOKIE]
    with served.database.read() as session:
        stored = session.connection().exec_driver_sql("SELECT token_sha256 FROM sign_ins").all()
    assert token not in {one for (one,) in stored}


def test_a_sign_in_ends_after_its_time(settings: Settings) -> None:
    clock = Hands()
    with serving(settings, clock) as served:
        with served.database.write() as session:
            people.add_person(session, "anna", PASSWORD, "reviewer", clock())
        routes(served)
        with httpx.Client(base_url=served.url) as browser:
            sign_in(browser, "anna")
            assert browser.get("/test/reviewer").status_code == 200
            clock.now += timedelta(hours=sign_ins.SIGN_IN_HOURS)
            assert browser.get("/test/reviewer").status_code == 401


def test_who_signs_out_is_out_even_with_the_cookie(served: Serving, browser: httpx.Client) -> None:
    sign_in(browser, "anna")
    token = browser.cookies[COOKIE]
    secret = served.settings.store.secret_key
    answer = browser.post("/sign-out", data={"csrf": csrf.token(secret, token)})
    assert answer.status_code == 303
    browser.cookies.set(COOKIE, token)
    assert browser.get("/test/reviewer").status_code == 401


def test_a_wrong_password_and_a_wrong_name_are_told_alike(browser: httpx.Client) -> None:
    wrong, nobody = sign_in(browser, "anna", "wrong"), sign_in(browser, "nobody", "wrong")
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.text.replace("anna", "nobody") == nobody.text


def test_five_wrong_passwords_lock_the_name(browser: httpx.Client) -> None:
    for _ in range(5):
        assert sign_in(browser, "anna", "wrong").status_code == 401
    assert sign_in(browser, "anna").status_code == 401


def test_who_guesses_is_slowed_down(settings: Settings) -> None:
    clock = Hands()
    with serving(settings, clock) as served, httpx.Client(base_url=served.url) as browser:
        statuses = [sign_in(browser, f"name {one}", "wrong").status_code for one in range(11)]
        clock.now += timedelta(seconds=7)
        later = sign_in(browser, "another", "wrong").status_code
    assert statuses == [401] * 10 + [429]
    assert later == 401


def test_many_who_sign_in_at_once_take_neither_memory_nor_threads(
    browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "_checks", threading.Semaphore(0))
    with ThreadPoolExecutor(10) as pool:
        told = [pool.submit(sign_in, browser, "anna") for _ in range(10)]
        # those for whom there is no place are told at once, and the others wait for their turn
        refused = [
            one.result().status_code
            for one in itertools.islice(as_completed(told), 10 - signing_in.CHECKED)
        ]
        waiting = sum(not one.done() for one in told)
        signing_in._checks.release(signing_in.CHECKED)
    assert refused == [429] * (10 - signing_in.CHECKED)
    assert waiting == signing_in.CHECKED
    assert [one.result().status_code for one in told].count(303) == signing_in.CHECKED


def test_who_signs_in_while_nothing_can_be_written_takes_no_more_threads(
    served: Serving, browser: httpx.Client
) -> None:
    with ThreadPoolExecutor(10) as pool:
        with served.database.write():
            told = [pool.submit(sign_in, browser, "anna") for _ in range(10)]
            # the passwords of the others have been checked, and they wait for the lock
            refused = [
                one.result().status_code
                for one in itertools.islice(as_completed(told), 10 - signing_in.CHECKED)
            ]
        assert refused == [429] * (10 - signing_in.CHECKED)
        assert [one.result().status_code for one in told].count(303) == signing_in.CHECKED


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("anna", ["reviewer"]),
        ("otto", ["reviewer", "operator"]),
        ("adam", ["reviewer", "operator", "admin"]),
    ],
)
def test_a_role_may_what_the_ones_below_may(
    browser: httpx.Client, name: str, allowed: list[str]
) -> None:
    sign_in(browser, name)
    for role in ("reviewer", "operator", "admin"):
        answer = browser.get(f"/test/{role}")
        assert answer.status_code == (200 if role in allowed else 403)
        if role not in allowed:
            assert answer.json()["code"] == "wrong_role"


def test_nobody_signed_in_is_told_so(browser: httpx.Client) -> None:
    answer = browser.get("/test/reviewer")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_change_needs_the_pages_token(served: Serving, browser: httpx.Client) -> None:
    sign_in(browser, "anna")
    secret, token = served.settings.store.secret_key, browser.cookies[COOKIE]
    right = csrf.token(secret, token)
    for shown in ({}, {"csrf": "x"}, {"csrf": csrf.token(secret, "another sign-in")}):
        answer = browser.post("/test/change", data={"name": "mallory", **shown})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_from_page")
    assert browser.post("/test/change", data={"name": "in form", "csrf": right}).status_code == 200
    by_header = browser.post(
        "/test/change", data={"name": "in header"}, headers={csrf.HEADER: right}
    )
    assert by_header.status_code == 200
    with served.database.read() as session:
        names = {one.name for one in people.people(session)}
    assert names == {"anna", "otto", "adam", "in form", "in header"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_cannot_sign_anybody_in(
    browser: httpx.Client, headers: dict[str, str]
) -> None:
    answer = browser.post("/sign-in", data={"name": "anna", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
