"""The door: who gets in, how many, how fast, how large; and what every answer carries."""

import time
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy.orm import Session

from service.headers import PAGE_POLICY
from service.known import SECONDS
from store import people
from tests.service.conftest import Start
from tests.service.knocking import UNREAD, begin, connect, full_house, open_request, raw, send, told
from tests.service.serving import Serving
from tests.toy import draw


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The door is the same before both databases."""
    return sqlite_url


def test_without_a_key_nobody_gets_in(shared: Serving) -> None:
    with httpx.Client(base_url=shared.url) as client:
        none, wrong = send(client), send(client, Authorization="Bearer ursa_" + "x" * 43)
        other = send(client, Authorization="Basic dXNlcjpwYXNz")
    assert [one.status_code for one in (none, wrong, other)] == [401, 401, 401]
    assert [one.json()["code"] for one in (none, wrong, other)] == [
        "no_key",
        "unknown_key",
        "no_key",
    ]
    assert none.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_key_is_unknown_within_a_second(shared: Serving) -> None:
    key = shared.key()
    with httpx.Client(base_url=shared.url, headers={"Authorization": f"Bearer {key}"}) as client:
        assert send(client).status_code == 200
        with shared.database.write() as session:
            people.revoke_key(session, key[:11], shared.program.clock())
        revoked = time.monotonic()
        answers = []
        while time.monotonic() < revoked + SECONDS:
            answers.append(send(client).status_code)
        assert send(client).json()["code"] == "unknown_key"
        # until then it may be known, and nothing else happens to it
        assert set(answers) <= {200, 401}


def test_a_key_that_comes_often_is_looked_up_once(
    shared: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    look_up = people.caller

    def note(session: Session, key: str) -> people.Caller | None:
        looked_up.append(key)
        return look_up(session, key)

    key = shared.key()
    monkeypatch.setattr("service.known.SECONDS", 600.0)
    monkeypatch.setattr("service.door.people.caller", note)
    with httpx.Client(base_url=shared.url, headers={"Authorization": f"Bearer {key}"}) as client:
        for _ in range(5):
            assert send(client).status_code == 200
        for _ in range(2):
            assert send(client, Authorization="Bearer ursa_wrong").status_code == 401
    # a wrong one is looked up every time: it may have been made a moment ago
    assert looked_up == [key, "ursa_wrong", "ursa_wrong"]


def test_a_body_that_announces_too_much_is_refused_unread(start: Start) -> None:
    served = start(max_upload_bytes=100_000)
    answer = raw(served, b"Content-Length: 50000000\r\n\r\n")
    assert (answer["status"], answer["code"]) == (413, "too_large")


def test_a_body_that_never_says_how_large_it_is_is_cut_off(start: Start) -> None:
    served = start(max_upload_bytes=100_000)

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(400):
            yield bytes(1000)

    with served.http() as client:
        answer = client.post(
            "/v1/predictions",
            content=endless(),
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_a_picture_over_the_limit_is_refused_as_a_picture(start: Start) -> None:
    served = start(max_upload_bytes=1000)
    with served.http() as client:
        answer = send(client, draw(0, 1))
    assert answer.status_code == 413
    assert (answer.json()["code"], answer.json()["reason"]) == ("bad_picture", "too_large")


def test_other_requests_have_a_small_limit(shared: Serving) -> None:
    with shared.http(role="operator") as client:
        answer = client.post("/v1/revert", content=bytes(2_000_000))
    assert answer.status_code == 413


def test_who_sends_too_slowly_is_let_go(start: Start) -> None:
    served = start(upload_seconds=0.2)
    answer = raw(served, b"Content-Length: 5000\r\n\r\n--b")
    assert (answer["status"], answer["code"]) == (408, "too_slow")


def test_a_full_house_says_so_before_it_reads_and_before_it_asks_for_a_key(start: Start) -> None:
    served = start(inside_limit=1, threads=4)
    with full_house(served), served.http() as client:
        unread = told(connect(served, UNREAD))
        refused = send(client)
        assert (unread["status"], unread["code"]) == (429, "busy")
        assert (refused.status_code, refused.json()["code"]) == (429, "busy")
        assert refused.headers["retry-after"] == "1"
        # everybody else is served
        assert client.get("/v1/predictions/none").status_code == 404
        assert client.get("/readyz").status_code == 200


def test_the_queue_for_a_core_has_an_end(start: Start) -> None:
    served = start(cores=1, queue_per_core=1, queue_seconds=0)
    with full_house(served), served.http() as client:
        refused = send(client)
    assert (refused.status_code, refused.json()["code"]) == (429, "busy")


def test_after_a_refusal_the_connection_can_be_used_again(start: Start) -> None:
    served = start(inside_limit=1, threads=4)
    with served.http() as client:
        with full_house(served):
            assert send(client, bytes(1_000_000)).status_code == 429
        assert send(client).status_code == 200


def test_who_sends_slowly_holds_no_place(start: Start) -> None:
    served = start(inside_limit=1, threads=4)
    slow = open_request(served, b"Content-Length: 5000\r\nExpect: 100-continue\r\n\r\n")
    # the server asks for the body only when the key was right
    assert slow.recv(1000).startswith(b"HTTP/1.1 100")
    with slow, served.http() as client:
        assert send(client).status_code == 200


def test_bodies_that_are_coming_in_have_a_budget_of_memory(start: Start) -> None:
    served = start(max_upload_bytes=100_000, uploads_bytes=200_000)
    first = begin(served, 150_000)
    with first, served.http() as client:
        # taken in as far as it has come
        first.sendall(bytes(120_000))
        statuses = [send(client, bytes(90_000)).status_code for _ in range(100)]
        assert 429 in statuses
        first.close()
        while (status := send(client, bytes(90_000)).status_code) == 429:
            pass
    # it was let in, and is no picture
    assert status == 415


def test_when_somebody_leaves_there_is_room_again(start: Start) -> None:
    served = start(inside_limit=1, threads=4)
    with served.http() as client:
        assert [send(client).status_code for _ in range(5)] == [200] * 5


def test_each_consumer_has_a_rate_of_its_own(start: Start) -> None:
    served = start(rate_per_second=0.5, rate_burst=3)
    with served.http("shop") as shop, served.http("zoo") as zoo:
        statuses = [shop.get("/v1/predictions/none").status_code for _ in range(5)]
        other = zoo.get("/v1/predictions/none").status_code
        refused = shop.get("/v1/predictions/none")
    assert statuses == [404, 404, 404, 429, 429]
    assert other == 404
    assert refused.json()["code"] == "too_fast"
    assert int(refused.headers["retry-after"]) in (1, 2)


def test_every_answer_has_an_id_which_the_caller_may_choose(shared: Serving) -> None:
    with shared.http() as client:
        made = client.get("/v1/predictions/none")
        chosen = client.get("/v1/predictions/none", headers={"X-Request-ID": "order-2026.77"})
        bad = client.get("/v1/predictions/none", headers={"X-Request-ID": "a b\tc" * 30})
    assert made.json()["request_id"] == made.headers["x-request-id"]
    assert len(made.headers["x-request-id"]) == 32
    assert chosen.headers["x-request-id"] == "order-2026.77"
    assert len(bad.headers["x-request-id"]) == 32


def test_every_answer_carries_the_security_headers(shared: Serving) -> None:
    with shared.http() as client:
        answers = [client.get(path) for path in ("/livez", "/nothing", "/v1/models", "/sign-in")]
    for answer in answers:
        assert answer.headers["content-security-policy"] == PAGE_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in answer.headers
    assert "unsafe" not in PAGE_POLICY


def test_every_method_of_an_address_is_told_to_whoever_asks(shared: Serving) -> None:
    with shared.http() as client:
        form = client.put("/sign-in")
        browser = client.put("/sign-in", headers={"Accept": "text/html"})
        file = client.put("/static/ursa.css")
        call = client.delete("/v1/models/1/preflight")
    assert [one.status_code for one in (form, browser, file, call)] == [405] * 4
    assert form.headers["allow"] == browser.headers["allow"] == "GET, POST"
    assert (file.headers["allow"], call.headers["allow"]) == ("GET, HEAD", "PUT")


def test_a_browser_without_a_sign_in_is_told_the_way(shared: Serving) -> None:
    with httpx.Client(base_url=shared.url) as nobody:
        for answer in (nobody.get("/models"), nobody.post("/models/revert")):
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith('Cookie realm="ursa"')


def test_https_is_asked_for_elsewhere_than_on_this_machine(shared: Serving) -> None:
    proxied = {"X-Forwarded-Proto": "https"}
    with httpx.Client(base_url=shared.url, headers=proxied) as client:
        here = client.get("/livez")
        there = client.get("/livez", headers={"Host": "ursa.example.org"})
    assert "strict-transport-security" not in here.headers
    assert there.headers["strict-transport-security"] == "max-age=31536000"


def test_a_picture_from_the_page_needs_a_sign_in_before_it_is_read(shared: Serving) -> None:
    request = b"POST /try HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"
    answer = told(connect(shared, request))
    assert (answer["status"], answer["code"]) == (401, "not_signed_in")


def test_what_nobody_foresaw_is_a_500_with_the_requests_id(served: Serving) -> None:
    @served.app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret detail")

    with served.http() as client:
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret detail" not in answer.text
    assert "x-content-type-options" in answer.headers


def test_a_client_that_leaves_in_mid_upload_leaves_nothing_behind(start: Start) -> None:
    served = start(max_upload_bytes=100_000, uploads_bytes=200_000)
    for _ in range(20):
        with begin(served, 100_000) as connection:
            connection.sendall(bytes(60_000))
    # all of them together would not have fitted
    with served.http() as client:
        while (status := send(client, bytes(90_000)).status_code) == 429:
            pass
    assert status == 415
