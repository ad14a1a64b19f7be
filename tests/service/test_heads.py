"""What a request's head says stops at the door where reading it would cost seconds or mislead."""

import pytest
from fastapi import Request

from service import csrf
from service.heads import COOKIE
from tests.service.browsing import Browser
from tests.service.conftest import Start
from tests.service.knocking import begin, connect, told
from tests.service.serving import Serving
from tests.toy import draw

FORM = "multipart/form-data; boundary=b"
BODY = b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n\\ud800\r\n--b--\r\n'
OTHER = [
    f"{FORM}; charset=punycode",
    f"{FORM}; charset=unicode_escape",
    f'{FORM}; Charset = "PUNYCODE"',
    f"{FORM};CHARSET=utf-7",
    f"{FORM}; charset=utf-8; charset=punycode",
    f"{FORM}; charset=punycode; charset=utf-8",
    f"{FORM}; charset*=utf-8''punycode",
    f"{FORM}; charset*0=puny; charset*1=code",
    f'{FORM}; charset="utf-8; charset=punycode"',
    f'{FORM}; charset="utf-8',
    f"{FORM}; charset=utf-8-sig",
    f"{FORM}; charset=",
    f"{FORM}; charset",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/json; charset=latin-1",
]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The head is the same before both databases."""
    return sqlite_url


@pytest.mark.parametrize("path", ["/sign-in", "/try", "/v1/predictions", "/guide/edit"])
@pytest.mark.parametrize("said", OTHER)
def test_a_body_in_another_charset_than_utf_8_is_refused_unread(
    shared: Serving, path: str, said: str
) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {said}\r\nContent-Length: 50000\r\n\r\n"
    )
    answer = told(connect(shared, head.encode()))
    assert (answer["status"], answer["code"]) == (415, "unsupported_charset")


def test_every_line_that_names_a_charset_is_looked_at(shared: Serving) -> None:
    lines = (f"Content-Type: {FORM}", f"content-type: {FORM}; charset=punycode")
    for first, second in (lines, lines[::-1]):
        head = (
            f"POST /sign-in HTTP/1.1\r\nHost: x\r\n{first}\r\n{second}\r\nContent-Length: 9\r\n\r\n"
        )
        assert told(connect(shared, head.encode()))["code"] == "unsupported_charset"


@pytest.mark.parametrize(
    "said",
    [FORM, f"{FORM}; charset=utf-8", f'{FORM}; charset="UTF-8"', f"{FORM};charset=utf8; x=y"],
)
def test_utf_8_may_be_named(served: Serving, said: str) -> None:
    browser = Browser(served, "anna")
    body = BODY.replace(b"\\ud800", browser.csrf.encode())
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    body = body.removesuffix(b"--b--\r\n") + part + draw(0, 1) + b"\r\n--b--\r\n"
    answer = browser.http.post("/try", content=body, headers={"Content-Type": said})
    assert answer.status_code == 303, answer.text


def test_neither_a_field_nor_a_parts_own_head_names_a_charset(served: Serving) -> None:
    """`_charset_` is a field like any other, and a part is read as UTF-8 whatever it says of itself."""

    @served.app.post("/v1/echo")
    async def echo(request: Request) -> list[str]:
        form = await request.form()
        return [str(one) for one in form.getlist("name")]

    def part(field: str, value: bytes, more: str = "") -> bytes:
        head = f'--b\r\nContent-Disposition: form-data; name="{field}"\r\n{more}\r\n'
        return head.encode() + value + b"\r\n"

    body = part("_charset_", b"punycode")
    body += part(
        "name", b"\\ud800 \xc3\xa4", "Content-Type: text/plain; charset=unicode_escape\r\n"
    )
    with served.http() as client:
        answer = client.post(
            "/v1/echo", content=body + b"--b--\r\n", headers={"Content-Type": FORM}
        )
    assert answer.json() == ["\\ud800 ä"]


def test_a_token_that_is_no_text_is_not_the_right_one() -> None:
    assert not csrf.is_right("secret", "sign-in", "\ud800")


def test_no_cookie_but_a_sign_ins_comes_in(served: Serving) -> None:
    """A quoted one of 60 KiB would be taken apart for 20 s on the loop, for any route and before any key."""

    @served.app.get("/test/cookies")
    async def cookies(request: Request) -> dict[str, str]:
        return request.cookies

    ours = "a-token_of_ours"
    quoted = 'a="' + "\\\\" * 5000 + '"'
    for shown, wanted in (
        (f"{quoted}; {COOKIE}={ours}; b=c", {COOKIE: ours}),
        (f"{COOKIE}={ours}", {COOKIE: ours}),
        (quoted, {}),
        (quoted.replace("a=", f"{COOKIE}="), {}),
        (f"{COOKIE}={'a' * 2000}", {}),
        (f"{COOKIE}=", {}),
    ):
        with served.http() as client:
            assert client.get("/test/cookies", headers={"Cookie": shown}).json() == wanted


@pytest.mark.parametrize("path", ["/review/next", "/review/start", "/sign-out", "/guide/edit"])
def test_a_form_needs_a_sign_in_before_it_is_read(shared: Serving, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    answer = told(connect(shared, head.encode()))
    assert (answer["status"], answer["code"]) == (401, "not_signed_in")


def test_a_sign_in_is_small(shared: Serving) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n"
    answer = told(connect(shared, head))
    assert (answer["status"], answer["code"]) == (413, "too_large")


def test_a_large_call_is_charged_and_a_small_one_goes_in_whatever_is_held(start: Start) -> None:
    served = start(max_upload_bytes=100_000, uploads_bytes=200_000)
    kill = {"to": "manual", "reason": "smoke"}
    large = kill | {"reason": "x" * 190_000}
    with served.http(role="operator") as client:
        with begin(served, 150_000) as picture:
            picture.sendall(bytes(140_000))
            while client.post("/v1/kill", json=large).status_code != 429:
                pass
            assert client.post("/v1/kill", json=kill).status_code == 200
            # who signs in now, and labels
            assert Browser(served, "anna").ask("/review/next", {}).status_code == 200
        # what each of them took was given back
        while (status := client.post("/v1/kill", json=large).status_code) == 429:
            pass
    assert status == 422


def test_a_form_of_a_page_is_small(served: Serving) -> None:
    olga = Browser(served, "olga", "operator")
    large = {"class": "bear", "definition": "x" * 70_000}
    assert olga.submit("/guide/edit", **large).status_code == 413
