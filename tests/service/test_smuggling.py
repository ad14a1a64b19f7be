"""What is put where it does not belong: paths that climb, names that begin a header, pictures that are pages too."""

import re
from io import StringIO
from urllib.parse import quote, urlencode

import pytest

from classifier import headers
from service.heads import COOKIE
from service.pages.pictures import TYPES
from service.settings import Settings
from tests.hostile import disguises
from tests.service.browsing import Browser
from tests.service.conftest import lines
from tests.service.knocking import exchange, port, status
from tests.service.serving import Serving, serving
from tests.toy import draw

CLIMBING = (
    "../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "..%5c..%5cetc%5cpasswd",
    "..\\..\\etc\\passwd",
    "....//....//etc/passwd",
    "%c0%ae%c0%ae/etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "..%2fapp.py",
    "%2e%2e/app.py",
    "..%2fapp.py%00.css",
    "app.css%00",
    "%00",
    "~root/.profile",
    "0" * 64 + "%2f..%2f..%2fursa.db",
    "0" * 64 + "%00",
)
# of files that such a path would lead to: a list of users, this program, its database
OURS = (b"root:", b"import ", b"SQLite format")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The door is the same before both databases."""
    return sqlite_url


@pytest.fixture(scope="module")
def olga(shared: Serving) -> Browser:
    return Browser(shared, "olga", "operator")


@pytest.mark.parametrize(
    "before", ["/pictures/", "/static/", "/v1/predictions/", "/try/", "/drift/scripts/"]
)
def test_no_path_climbs_out(shared: Serving, olga: Browser, before: str) -> None:
    shown = (
        f"Cookie: {COOKIE}={olga.http.cookies[COOKIE]}",
        f"Authorization: Bearer {shared.key()}",
    )
    for path in CLIMBING:
        answer = exchange(port(shared), before + path, *shown)
        assert status(answer) in (400, 404, 422), path
        assert not [one for one in OURS if one in answer], path

    # where it would have climbed from is there
    assert status(exchange(port(shared), "/static/ursa.css")) == 200


FORGED = "X-Smuggled: 1\r\n\r\n<script>alert(1)</script>"
NAMES = (
    f'"a.png\r\n{FORGED}"',
    f'"a.png\n{FORGED}"',
    '"a.png%0d%0aX-Smuggled: 1"',
    '"a.png\\"; X-Smuggled=1; x=\\""',
    '"<script>alert(1)</script>.png"',
    "\"a.png\"; filename*=utf-8''b%0d%0aX-Smuggled:%201",
    '"\x85\x0bX-Smuggled: 1.png"',
    '"../../../static/ursa.css"',
    '"a\x00.html"',
)


def form(csrf: str, name: str, **fields: str) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in {"csrf": csrf, **fields}.items()
    ]
    picture = f'--b\r\nContent-Disposition: form-data; name="image"; filename={name}\r\n\r\n'
    return ("".join(parts) + picture).encode("latin-1") + draw(0, 1) + b"\r\n--b--\r\n"


def smuggled(answer: bytes) -> bool:
    """Whether what was sent stands in the answer as a header, a body of its own, or markup."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return (
        b"\nx-smuggled" in head.lower()
        or b"\rx-smuggled" in head.lower()
        or b"<script>alert" in body
    )


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_files_name_is_in_no_answer(shared: Serving, olga: Browser, name: str) -> None:
    kind = "Content-Type: multipart/form-data; boundary=b"
    cookie = f"Cookie: {COOKIE}={olga.http.cookies[COOKIE]}"
    for path, shown in (
        ("/v1/predictions", f"Authorization: Bearer {shared.key()}"),
        ("/try", cookie),
        ("/try", f"{cookie}\r\nAccept: text/html"),
    ):
        body = form(olga.csrf, name)
        answer = exchange(port(shared), path, kind, shown, body=body, method="POST")
        assert status(answer) < 500
        assert not smuggled(answer)
        if status(answer) == 303:
            shown_there = exchange(port(shared), location(answer), cookie, "Accept: text/html")
            assert status(shown_there) == 200
            assert not smuggled(shown_there)


def location(answer: bytes) -> str:
    found = re.search(rb"\r\nlocation: (\S+)\r\n", answer, re.IGNORECASE)
    assert found is not None
    return found[1].decode()


@pytest.mark.parametrize(
    "value", ["a\r\nX-Smuggled: 1", "a\nX-Smuggled: 1", "<script>alert(1)</script>"]
)
def test_what_a_client_calls_things_is_in_no_header(
    shared: Serving, olga: Browser, value: str
) -> None:
    key = f"Authorization: Bearer {shared.key()}"
    kind = "Content-Type: multipart/form-data; boundary=b"
    fields = {"reference": value, "segment": value, "subject": value}
    cookie = f"Cookie: {COOKIE}={olga.http.cookies[COOKIE]}"
    coded = quote(value, safe="")
    body = form("", '"a.png"', **fields)
    sign_in = urlencode({"name": value, "password": value, "next": f"/{value}"}).encode()
    plain = "Content-Type: application/x-www-form-urlencoded"
    answers = [
        exchange(port(shared), "/v1/predictions", key, kind, body=body, method="POST"),
        exchange(port(shared), "/sign-in", plain, "Accept: text/html", body=sign_in, method="POST"),
        exchange(port(shared), f"/v1/predictions/{coded}", key),
        exchange(port(shared), f"/sign-in?next=/{coded}", cookie),
        exchange(port(shared), f"/sign-in?next=/{coded}", "Accept: text/html"),
        exchange(port(shared), f"/guide/{coded}?x={coded}", "Accept: text/html"),
        exchange(port(shared), f"/guide?x={coded}", "Accept: text/html"),
        exchange(port(shared), "/livez", "X-Request-ID: a\tX-Smuggled: 1\x85b"),
    ]
    for answer in answers:
        assert status(answer) < 500
        if b"application/json" in answer or b"problem+json" in answer:
            # text for programs, which `nosniff` keeps from being read as a page
            assert b"x-content-type-options: nosniff" in answer.lower()
            answer = answer.partition(b"\r\n\r\n")[0]
        assert not smuggled(answer), answer


def test_no_line_of_the_log_is_a_clients(settings: Settings, written: StringIO) -> None:
    forged = '\r\n{"event": "forged"}\r\n'
    with serving(settings) as served:
        olga = Browser(served, "olga", "operator")
        with served.http() as client:
            for field in ("reference", "segment"):
                client.post("/v1/predictions", data={field: forged}, files={"image": draw(0, 1)})
            client.post("/v1/predictions", files={"image": (forged, draw(0, 1))})
            client.get("/v1/predictions/" + quote(forged, safe=""))
            client.get("/nothing" + quote(forged, safe=""), headers={"X-Request-ID": "a\tforged"})
        olga.http.post("/sign-in", data={"name": forged, "password": forged})
    assert len(lines(written, "request")) == 8
    assert not lines(written, "forged")


def test_a_picture_that_is_a_page_too_is_only_a_picture(shared: Serving, olga: Browser) -> None:
    seen = 0
    for kind, data, refused in disguises.files():
        if not data:
            continue
        answer = olga.http.get(f"/pictures/{shared.keep(data)}")
        if answer.status_code == 404 and refused:
            continue
        assert answer.status_code == 200, kind
        assert answer.content == data
        told = answer.headers
        format = headers.format_of(data)
        assert told["content-type"] == f"image/{format}" in TYPES.values(), kind
        assert told["x-content-type-options"] == "nosniff"
        assert told["content-security-policy"] == (
            "default-src 'none'; sandbox; frame-ancestors 'none'"
        )
        assert re.fullmatch(
            rf'inline; filename="ursa-[0-9a-f]{{12}}\.{format}"', told["content-disposition"]
        )
        seen += 1
    # every format with a page and an archive behind it, and the two that are scripts or hold a page
    assert seen >= 14
