"""Who gets in where, and what a refusal looks like: signing in, roles, the page's token, error pages.

On one kind of database: what these pages read and write is tested on both elsewhere.
"""

from pathlib import Path

import pytest

from service.clock import wall_clock
from store import people
from tests.service import rows
from tests.service.browsing import PAGES, Browser
from tests.service.serving import Serving
from tests.service.test_every_route import MAY


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough here."""
    return sqlite_url


def test_every_page_is_there_for_every_role(served: Serving) -> None:
    for role in ("reviewer", "operator", "admin"):
        browser = Browser(served, f"a {role}", role)
        for path in PAGES:
            page = browser.page(path)
            assert page.all("h1") or path == "/models/progress", path
            assert page.all("html", lang="en"), path


def test_nobody_sees_a_page_without_signing_in(served: Serving) -> None:
    stranger = Browser(served, None)
    for path in (*PAGES, "/guide/edit?class=teddy", f"/pictures/{'0' * 64}", "/drift/reports/1"):
        answer = stranger.http.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/sign-in"), path
        program = stranger.http.get(path, headers={"Accept": "application/json"})
        assert program.status_code == 401, path


def test_signing_in_leads_back_to_the_page_that_was_wanted(served: Serving) -> None:
    with served.database.write() as session:
        people.add_person(session, "anna", rows.PASSWORD, "reviewer", wall_clock())
    stranger = Browser(served, None)
    sent = stranger.http.get("/drift?window=3").headers["location"]
    form = stranger.page(sent)
    wanted = form.all("input", name="next")[0].attributes["value"]
    assert wanted == "/drift?window=3"
    fields = {"name": "anna", "password": rows.PASSWORD, "next": wanted}
    assert stranger.http.post("/sign-in", data=fields).headers["location"] == wanted
    assert stranger.http.get("/sign-in?next=/models").headers["location"] == "/models"


def test_a_wrong_password_opens_nothing_and_tells_nothing_about_names(served: Serving) -> None:
    with served.database.write() as session:
        people.add_person(session, "anna", rows.PASSWORD, "reviewer", wall_clock())
    stranger = Browser(served, None)
    told = []
    for name in ("anna", "nobody"):
        answer = stranger.http.post("/sign-in", data={"name": name, "password": "wrong one here"})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        told.append(answer.text.replace(name, "?"))
    assert told[0] == told[1]


def test_the_sign_in_form_is_refused_from_another_site(served: Serving) -> None:
    stranger = Browser(served, None)
    fields = {"name": "anna", "password": rows.PASSWORD}
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert stranger.http.post("/sign-in", data=fields, headers=headers).status_code == 403


def test_signing_out_ends_the_sign_in(served: Serving) -> None:
    browser = Browser(served, "anna")
    cookies = dict(browser.http.cookies)
    assert browser.submit("/sign-out").headers["location"] == "/sign-in?done=signed-out"
    browser.http.cookies.update(cookies)
    assert browser.http.get("/models").status_code == 303


def test_a_change_without_the_pages_token_is_refused(served: Serving) -> None:
    browser = Browser(served, "olga", "admin")
    # the table of every route, which another test holds against what there is
    changes = {path for method, path in map(str.split, MAY) if method != "GET"}
    guarded = {path for path in changes if not path.startswith("/v1/")} - {"/sign-in"}
    assert len(guarded) > 10
    for path in sorted(guarded):
        path = path.replace("{number}", "1").replace("{review_id}", "a")
        for token in ("", "0" * 64):
            form = browser.http.post(path, data={"csrf": token} if token else {})
            assert form.status_code == 403, path
            assert "our page" in form.text
            headers = {"X-CSRF-Token": token, "Accept": "*/*"}
            asked = browser.http.post(path, json={}, headers=headers)
            assert asked.status_code == 403, path
            assert asked.json()["code"] == "not_from_page"
    assert browser.page("/models").text


def test_what_reviewers_may_not_do_is_refused_and_not_offered(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "bundle")
    browser = Browser(served, "anna")
    for path in (
        "/rollout/promote",
        "/rollout/withdraw",
        "/models/revert",
        "/models/retrain",
        "/guide/edit",
    ):
        answer = browser.submit(path, reason="because", **{"class": "teddy"})
        assert answer.status_code == 403, path
        assert "operator" in answer.text
    assert browser.http.get("/guide/edit?class=teddy").status_code == 403
    assert not browser.page("/models").all("textarea")
    assert not browser.page("/guide").all("a", href="/guide/edit?class=teddy")


def test_a_wrong_address_is_a_page_for_people_and_a_problem_for_programs(served: Serving) -> None:
    browser = Browser(served, "anna")
    page = browser.page("/nothing/here", 404)
    assert page.all("h1")[0].text == "There is nothing here"
    assert page.all("a", href="/")
    program = browser.http.get("/nothing/here", headers={"Accept": "*/*"})
    assert program.headers["content-type"] == "application/problem+json"


def test_a_database_that_is_gone_is_a_page_that_says_so(served: Serving) -> None:
    browser = Browser(served, "anna")
    served.database.dispose()
    file = Path(served.database.url.removeprefix("sqlite:///"))
    file.rename(file.with_suffix(".away"))
    answer = browser.http.get("/models")
    assert answer.status_code == 503
    assert "Nothing is lost" in answer.text
