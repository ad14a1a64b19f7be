"""A form on which a library would spend seconds of the loop is refused before one reads it."""

from pathlib import Path

import pytest
from starlette.types import Scope

from service import forms
from service.door import LARGEST_SIGN_IN
from service.errors import Problem
from store.preflight import LONGEST, MOST_RISKS
from tests.service.browsing import Browser
from tests.service.conftest import Start
from tests.service.knocking import connect, told
from tests.service.serving import Serving
from tests.toy import draw

MULTIPART, URLENCODED = "multipart/form-data; boundary=b", "application/x-www-form-urlencoded"
HEAD = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
FIELD = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
END = b"--b--\r\n"
GOOD = HEAD + b"\r\nx\r\n" + END
SLOW = {
    "separators of fields": (URLENCODED, b"&" * 100_000),
    "lines that begin like a boundary": (MULTIPART, HEAD + b"\r\n" + b"\r\n--bX" * 20_000 + b"\r\n" + END),
    "a boundary behind an empty line": (MULTIPART, HEAD + b"\r\n--b--" + b"\r\n--bX" * 20_000 + b"\r\n" + END),
    "a boundary with spaces behind an empty line": (MULTIPART, HEAD + b"\r\n--b--\r\n--b" + b" " * 100_000),
    "codes of letters": (URLENCODED, b"a=" + b"%41" * 30_000),
    "no boundary": ("multipart/form-data", GOOD),
    "spaces behind a boundary": (MULTIPART, HEAD + b"\r\nx\r\n--b" + b" " * 100_000 + b"\r\n\r\n" + END),
    "spaces in heads": (MULTIPART, (HEAD + (b"X:" + b" " * 3000 + b"y\r\n") * 7 + b"\r\nx\r\n") * 5 + END),
    "a head without end": (MULTIPART, HEAD + b"X: " + b"y" * 100_000),
    "fields": (MULTIPART, FIELD * 301 + END),
    "lines before the first boundary": (MULTIPART, b"\r\n" * 50_000 + GOOD),
    "a preamble": (MULTIPART, b"x" * 100_000 + b"\r\n" + GOOD),
    "a boundary of many letters": (f"multipart/form-data; boundary={'b' * 71}", GOOD),
    "no end": (MULTIPART, HEAD + b"\r\nx"),
}  # fmt: skip
REFUSED = {(400, "bad_request"), (413, "too_large")}
READ = {
    "a field": (MULTIPART, FIELD + END),
    "fields": (MULTIPART, FIELD * 300 + END),
    "a line before the first boundary": (MULTIPART, b"\r\n" + GOOD),
    "a part of nothing": (MULTIPART, HEAD + b"\r\n\r\n" + END),
    "a part without a head": (MULTIPART, b"--b\r\n\r\nx\r\n" + END),
    "an epilogue": (MULTIPART, GOOD + b"\r\n" * 1000),
    "what is nearly a boundary": (MULTIPART, HEAD + b"\r\n" + b"\r\n--\r\n-b--b" * 1000 + b"\r\n" + END),
    "a quoted boundary": ('multipart/form-data; boundary="b"', GOOD),
    "fields of a page": (URLENCODED, b"a=b&" * 299),
    "what is no form": ("application/json", b"&" * 100_000),
    "nothing said": ("", b"&" * 100_000),
}  # fmt: skip


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A body is the same before both databases."""
    return sqlite_url


def said(kind: str) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "headers": [(b"content-type", kind.encode())] if kind else [],
    }


@pytest.mark.parametrize("what", SLOW)
def test_what_would_take_seconds_is_refused(what: str) -> None:
    kind, body = SLOW[what]
    with pytest.raises(Problem) as refused:
        forms.check(said(kind), body)
    assert (refused.value.status_code, refused.value.code) in REFUSED


@pytest.mark.parametrize("what", READ)
def test_what_a_client_makes_is_read(what: str) -> None:
    kind, body = READ[what]
    forms.check(said(kind), body)


@pytest.mark.parametrize("what", SLOW)
def test_a_service_says_so_to_a_consumer(shared: Serving, what: str) -> None:
    kind, body = SLOW[what]
    with shared.http() as client:
        answer = client.post("/v1/predictions", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) in REFUSED


def test_a_page_says_so_to_a_person(served: Serving) -> None:
    browser = Browser(served, "anna", "admin")
    for path in ("/try", "/guide/edit"):
        headers = {"Content-Type": URLENCODED, "X-CSRF-Token": browser.csrf}
        answer = browser.http.post(path, content=b"&" * 2000, headers=headers)
        assert answer.status_code == 400, path


def test_before_a_sign_in_little_is_read(start: Start) -> None:
    served = start()
    head = f"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: {URLENCODED}\r\nContent-Length: "
    many = told(connect(served, f"{head}1000\r\n\r\n{'&' * 1000}".encode()))
    assert (many["status"], many["code"]) == (400, "bad_request")
    large = told(connect(served, f"{head}{LARGEST_SIGN_IN + 1}\r\n\r\n".encode()))
    assert (large["status"], large["code"]) == (413, "too_large")


def test_the_longest_name_and_password_fit(start: Start) -> None:
    served = start()
    form = {"name": "\U0001f43b" * 200, "password": "\U0001f43b" * 1000, "next": "/review"}
    with served.http() as client:
        assert client.post("/sign-in", data=form).status_code == 401


def test_a_picture_may_hold_what_parts_of_a_form_do(start: Start) -> None:
    served = start()
    with served.http() as client:
        image = draw(0, 1) + b"\r\n--" * 1000
        answer = client.post("/v1/predictions", files={"image": ("a.png", image)})
    assert answer.status_code == 200, answer.text


def test_a_media_type_that_is_a_book_is_refused(shared: Serving) -> None:
    head = f"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Type: a{';' * 300}\r\n\r\n"
    assert told(connect(shared, head.encode()))["status"] == 415


def test_all_that_may_be_answered_before_a_rollout_fits(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    number = served.register(tmp_path / "two", seed=1)
    served.open(number)
    olga = Browser(served, "olga", "operator")
    page = olga.page("/rollout")
    names = {one.attributes.get("name", "") for one in page.all("textarea", maxlength=str(LONGEST))}
    answers = {name: "\U0001f43b" * LONGEST for name in names if name}
    assert len(answers) == 9
    more = {f"more {one}": "x" for one in range(4 * MOST_RISKS)}
    told = olga.submit("/rollout/preflight", number=str(number), rows="3", **answers, **more)
    assert told.status_code == 303, told.text
