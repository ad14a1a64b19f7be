"""What nginx, as `deploy/` configures it, refuses by itself: whom, and in which words."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.copies import before
from tests.journeys.programs import ROOT
from tests.journeys.proxy import free_ports, nginx
from tests.service.knocking import ended, port
from tests.service.serving import Serving

SHIPPED = (ROOT / "deploy/nginx/ursa.conf").read_text()
# a picture of which the last byte does not come
UNFINISHED = b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The proxy is the same before both databases."""
    return sqlite_url


@contextmanager
def proxied(folder: Path, service: int, *changes: tuple[str, str]) -> Iterator[int]:
    """The port of nginx before a service, or before nobody, with parts of its file changed."""
    (proxy,) = free_ports(1)
    text = before([service] * 3, proxy)
    for said, meant in changes:
        assert text.count(said) == 1, said
        text = text.replace(said, meant)
    with nginx(folder / "nginx", proxy, text):
        yield proxy


@contextmanager
def nobody() -> Iterator[int]:
    """A port of which no connection is let in."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_one_address_that_holds_its_connections_keeps_no_other_out(
    shared: Serving, tmp_path: Path
) -> None:
    most = _shipped(r"limit_conn ursa_addresses (\d+);")
    with proxied(tmp_path, port(shared)) as proxy, ExitStack() as stack:
        for _ in range(most):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", proxy), 20))
            held.sendall(UNFINISHED)
            # it is counted by now, and its body is waited for
            assert held.recv(1000).startswith(b"HTTP/1.1 100")
        refused = httpx.post(f"http://127.0.0.1:{proxy}/v1/predictions", content=bytes(5_000_000))
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=elsewhere) as another:
            answered = another.get(f"http://127.0.0.1:{proxy}/livez")
    assert _problem(refused, 429)["code"] == "busy"
    assert refused.headers["Retry-After"] == "1"
    assert answered.status_code == 200


def test_a_connection_that_waits_for_its_next_request_takes_no_place(
    shared: Serving, tmp_path: Path
) -> None:
    few = ("limit_conn ursa_addresses 100;", "limit_conn ursa_addresses 1;")
    with proxied(tmp_path, port(shared), few) as proxy, httpx.Client() as kept:
        assert kept.get(f"http://127.0.0.1:{proxy}/livez").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{proxy}/livez").status_code == 200


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_told_so_though_it_is_sent_to_its_end(
    shared: Serving, tmp_path: Path, *, is_chunked: bool
) -> None:
    body = bytes(22 * 1024 * 1024)
    with proxied(tmp_path, port(shared)) as proxy:
        told = httpx.post(
            f"http://127.0.0.1:{proxy}/v1/predictions", content=iter([body]) if is_chunked else body
        )
    assert _problem(told, 413)["code"] == "too_large"
    assert "Retry-After" not in told.headers


def test_no_service_is_a_problem_that_says_when_to_come_again(tmp_path: Path) -> None:
    with nobody() as port_of_nobody, proxied(tmp_path, port_of_nobody) as proxy:
        told = httpx.post(
            f"http://127.0.0.1:{proxy}/v1/predictions", headers={"X-Request-ID": "mine-4711"}
        )
        forged = httpx.get(f"http://127.0.0.1:{proxy}/v1/me", headers={"X-Request-ID": '","a":"'})
        head = httpx.head(f"http://127.0.0.1:{proxy}/v1/me")
    problem = _problem(told, 502)
    assert problem["code"] == "unavailable"
    assert problem["request_id"] == "mine-4711"
    assert told.headers["Retry-After"] == "2"
    assert re.fullmatch(r"[0-9a-f]{32}", _problem(forged, 502)["request_id"])
    assert (head.status_code, head.headers["Retry-After"], head.content) == (502, "2", b"")


def test_a_browser_is_told_by_a_page(tmp_path: Path) -> None:
    asks = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    with nobody() as port_of_nobody, proxied(tmp_path, port_of_nobody) as proxy:
        page = httpx.get(f"http://127.0.0.1:{proxy}/review", headers=asks)
        program = httpx.get(f"http://127.0.0.1:{proxy}/v1/models", headers=asks)
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html")
    assert page.headers["Retry-After"] == "2"
    assert "No service could answer" in page.text
    assert "nginx" not in page.text
    _problem(program, 502)


def test_a_service_that_does_not_answer_is_a_problem(tmp_path: Path) -> None:
    soon = ("proxy_read_timeout 75s;", "proxy_read_timeout 200ms;")
    # the system takes connections in for it
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        proxied(tmp_path, silent.getsockname()[1], soon) as proxy,
    ):
        told = httpx.post(f"http://127.0.0.1:{proxy}/v1/predictions", content=b"picture")
    assert _problem(told, 504)["code"] == "unavailable"
    assert told.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET /livez HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"what is this\r\n\r\n", 400, "bad_request"),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400, "bad_request"),
        (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 9000), 431, "too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: %s\r\n\r\n" % (b"a" * 9000), 431, "too_large"),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 403, "refused"),
        (
            b"GET /ursa-told/problem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            404,
            "not_found",
        ),
        (b"GET /ursa-told/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "not_found"),
    ],
)
def test_whatever_nginx_refuses_is_a_problem(
    tmp_path: Path, request_: bytes, status: int, code: str
) -> None:
    with (
        nobody() as port_of_nobody,
        proxied(tmp_path, port_of_nobody) as proxy,
        socket.create_connection(("127.0.0.1", proxy), 20) as connection,
    ):
        connection.sendall(request_)
        head, _, body = _all_of(connection).partition(b"\r\n\r\n")
    assert int(head.split(b" ")[1]) == status
    assert b"Content-Type: application/problem+json\r\n" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)


def test_a_body_that_stalls_is_ended(shared: Serving, tmp_path: Path) -> None:
    assert _shipped(r"client_body_timeout (\d+)s;") <= shared.settings.upload_seconds
    soon = ("client_body_timeout 10s;", "client_body_timeout 200ms;")
    with (
        proxied(tmp_path, port(shared), soon) as proxy,
        socket.create_connection(("127.0.0.1", proxy), 20) as connection,
    ):
        connection.sendall(UNFINISHED)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(b"a part")
        assert ended(connection)


def test_a_head_that_comes_byte_by_byte_is_ended(shared: Serving, tmp_path: Path) -> None:
    assert _shipped(r"client_header_timeout (\d+)s;") <= 10
    soon = ("client_header_timeout 10s;", "client_header_timeout 200ms;")
    with (
        proxied(tmp_path, port(shared), soon) as proxy,
        socket.create_connection(("127.0.0.1", proxy), 0.02) as connection,
        pytest.raises(ConnectionError),
    ):
        _send_for_ever(connection)


def test_what_a_service_says_is_passed_on_as_it_is_and_nginx_says_no_less(
    shared: Serving, tmp_path: Path
) -> None:
    known = {"X-Request-ID": "mine-4711"}
    with proxied(tmp_path, port(shared)) as proxy:
        direct = httpx.post(f"{shared.url}/v1/predictions", headers=known)
        passed = httpx.post(f"http://127.0.0.1:{proxy}/v1/predictions", headers=known)
        own = httpx.get(f"http://127.0.0.1:{proxy}/metrics", headers=known)
    assert passed.status_code == direct.status_code == 401
    assert passed.content == direct.content
    connection = {"date", "server", "connection"}
    assert _headers(passed, connection) == _headers(direct, connection)
    # nginx's own page loads nothing at all: its policy is a stricter one
    differing = connection | {"content-length", "content-security-policy", "www-authenticate"}
    assert _headers(own, differing) == _headers(direct, differing)
    assert own.headers.get_list("content-security-policy") != []
    assert "'self'" not in own.headers["content-security-policy"]
    assert _problem(own, 403).keys() == direct.json().keys()


def _headers(answer: httpx.Response, without: set[str]) -> list[tuple[str, str]]:
    return sorted(
        (name.lower(), value)
        for name, value in answer.headers.multi_items()
        if name.lower() not in without
    )


def _problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"urn:ursa:problem:{problem['code']}"
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert problem["title"]
    assert problem["detail"].endswith(".")
    return problem


def _shipped(pattern: str) -> int:
    (found,) = re.findall(pattern, SHIPPED)
    return int(found)


def _all_of(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def _send_for_ever(connection: socket.socket) -> None:
    connection.sendall(b"GET /livez HTTP/1.1\r\nX-A: ")
    while True:
        connection.sendall(b"a")
        try:
            # its time-out is the pause between two bytes
            if not connection.recv(1000):
                raise ConnectionResetError
        except TimeoutError:
            continue
