"""Connections: how many there may be, and how long one may take over saying what it wants."""

import json
import socket

import pytest

from service import connections
from service.headers import PAGE_POLICY
from tests.service.conftest import Start
from tests.service.knocking import UNREAD, connect, ended, full_house, send_on, told
from tests.service.serving import Serving


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Connections are the same before both databases."""
    return sqlite_url


def test_the_one_connection_too_many_is_told_so(start: Start) -> None:
    served = start(connections=2)
    held = [connect(served, b"GET /livez HTTP/1.1\r\n") for _ in range(2)]
    answer = told(connect(served, UNREAD))
    assert (answer["status"], answer["code"]) == (429, "busy")
    for one in held:
        one.close()


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHost:"])
def test_a_request_whose_head_does_not_come_ends_its_connection(
    served: Serving, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    with connect(served, sent) as connection:
        assert ended(connection)


def test_who_was_refused_and_goes_on_sending_is_let_go(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    served = start(upload_seconds=0.05, inside_limit=1, threads=4)
    with full_house(served), connect(served, UNREAD) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 429")
        assert ended(connection)


@pytest.mark.parametrize(
    "sent",
    [
        b"FOO /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
        b"GET /li\xffvez HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_request_is_told_so_as_every_other(shared: Serving, sent: bytes) -> None:
    with connect(shared, sent) as connection:
        assert_problem(connection.recv(65536), 400, "bad_request")
        assert ended(connection)


def test_a_connection_too_many_and_a_head_without_end_are_told_so_as_every_other(
    start: Start,
) -> None:
    served = start(connections=1)
    with connect(served, b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ") as first:
        with connect(served, UNREAD) as second:
            assert_problem(second.recv(65536), 429, "busy")
        first.sendall(b"a" * 200_000)
        assert_problem(first.recv(65536), 431, "too_large")


def assert_problem(answer: bytes, status: int, code: str) -> None:
    """A whole answer as the door gives them: problem details, the security headers, one id in both places."""
    head, _, body = answer.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    names = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    told = json.loads(body)
    assert first.startswith(f"HTTP/1.1 {status} ")
    assert (told["status"], told["code"]) == (status, code)
    assert names["content-type"] == "application/problem+json"
    assert told["request_id"] == names["x-request-id"]
    assert names["content-security-policy"] == PAGE_POLICY
    assert names["x-content-type-options"] == "nosniff"
    assert names["connection"] == "close"
    assert "date" in names
    assert ("retry-after" in names) == (status == 429)


@pytest.mark.parametrize("part", [b"a" * 1000, b"X-A: " + b"a" * 993 + b"\r\n"])
def test_a_head_without_end_is_refused_and_takes_no_memory(shared: Serving, part: bytes) -> None:
    with connect(shared, b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ") as connection:
        # more than one read of the server's and what it allows after that
        connection.sendall(part * 1000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 431 ")
        assert ended(connection)


def test_a_large_head_that_has_an_end_is_read(shared: Serving) -> None:
    cookies = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 4000) for number in range(12))
    with connect(shared, b"GET /livez HTTP/1.1\r\nHost: x\r\n" + cookies + b"\r\n") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_what_follows_a_body_has_an_end_too(shared: Serving) -> None:
    begun = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with connect(shared, begun) as connection, pytest.raises(ConnectionError):
        send_on(connection, b"X-A: " + b"a" * 993 + b"\r\n", 20_000)


def test_many_small_parts_of_a_body_are_taken_in(shared: Serving) -> None:
    parts = b"200\r\n" + b"a" * 512 + b"\r\n"
    request = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(shared, request + parts * 2000 + b"0\r\n\r\n") as connection:
        # read as a whole, and then found to be no form
        assert connection.recv(65536).startswith(b"HTTP/1.1 422 ")


def test_empty_lines_after_an_answer_keep_no_connection(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    with connect(served, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"\r\n")
        assert ended(connection)


def test_who_takes_no_answer_is_let_go(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "TAKE_SECONDS", 0.05)
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(served.url.rsplit(":", 1)[1])))
        # more answers than the kernels of both sides put by
        connection.sendall(asked * 500)
        with pytest.raises(ConnectionError):
            send_on(connection, b"\r\n", 400, milliseconds=50)
