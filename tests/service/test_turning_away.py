"""Refusing at a request's head: the same words as the door's, counted and logged alike, and the connection goes on."""

import json
from collections.abc import Sequence

import httpx
import pytest
from fastapi import FastAPI

from service import known, metrics
from service.turning_away import TurnAway, turn_away
from tests.service import serving
from tests.service.conftest import Start
from tests.service.knocking import connect, full_house, send
from tests.service.serving import Serving

TIGHT = {"cores": 1, "queue_per_core": 1, "queue_seconds": 0}


def count(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def counts() -> tuple[float, float]:
    return (
        count("ursa_problems_total", code="busy"),
        count("ursa_requests_total", area="predictions", status="429"),
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each picture's head: whether it was answered before the door."""
    said = []

    def watched(app: FastAPI) -> TurnAway:
        refuse = turn_away(app)

        def watch(url: bytes, lines: Sequence[tuple[bytes, bytes]], scheme: str) -> bytes | None:
            answer = refuse(url, lines, scheme)
            said.append(answer is not None)
            return answer

        return watch

    monkeypatch.setattr(serving, "turn_away", watched)
    # on a busy machine a second may pass between two requests, and then the door has to look the key up
    monkeypatch.setattr(known, "SECONDS", 3600.0)
    return said


def test_it_says_what_the_door_says(start: Start, told: list[bool]) -> None:
    served = start(**TIGHT)
    with full_house(served), served.http() as client:
        for lines in HEADS:
            told.clear()
            before = counts()
            here = knock(client, "/v1/predictions", lines)
            between = counts()
            # the same address in other words, which only the door understands
            there = knock(client, "/v1/predictions?", lines)
            after = counts()
            assert told == [True, False], lines
            assert without_id(here) == without_id(there), lines
            assert [b - a for a, b in zip(before, between, strict=True)] == [1, 1]
            assert [b - a for a, b in zip(between, after, strict=True)] == [1, 1]
            assert here.status_code == 429
            assert here.headers["retry-after"]
            is_strict = "strict-transport-security" in here.headers
            assert is_strict == (lines in STRICT)


@pytest.mark.parametrize("own", ["12345678", "a.client-s_own", "x" * 64])
def test_a_name_that_the_client_gave_is_said_back(start: Start, own: str) -> None:
    served = start(**TIGHT)
    with full_house(served), served.http() as client:
        here, there = (
            knock(client, f"/v1/predictions{more}", [("X-Request-ID", own)]) for more in ("", "?")
        )
    assert here.headers["x-request-id"] == own
    assert here.content == there.content
    assert lines_of(here) == lines_of(there)


def test_a_proxy_that_is_not_believed_changes_nothing(
    start: Start, told: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    served = start(**TIGHT)
    with full_house(served), served.http() as client:
        told.clear()
        here, there = (knock(client, f"/v1/predictions{more}", STRICT[0]) for more in ("", "?"))
    assert told == [True, False]
    assert without_id(here) == without_id(there)
    assert "strict-transport-security" not in here.headers


Lines = list[tuple[str, str]]
ELSEWHERE, HTTPS = ("Host", "ursa.example"), ("X-Forwarded-Proto", "https")
# what the project's own proxy says, and what it says that speaks TLS
STRICT: list[Lines] = [
    [ELSEWHERE, ("X-Forwarded-For", "192.0.2.7"), HTTPS],
    [ELSEWHERE, ("X-Forwarded-Proto", "http"), HTTPS],
    [ELSEWHERE, HTTPS, ("X-Request-ID", "of-a-client")],
]
HEADS: list[Lines] = [
    [],
    [ELSEWHERE, ("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "http")],
    *STRICT,
    [HTTPS],
    [("Host", "localhost:8000"), HTTPS],
    [ELSEWHERE, HTTPS, ("X-Forwarded-Proto", "http")],
    [ELSEWHERE, ("X-Forwarded-Proto", "wss")],
    [ELSEWHERE, ("X-Forwarded-Proto", "HTTPS")],
    [("X-Request-ID", "first-of-two"), ("X-Request-ID", "second-of-two")],
    [("X-Request-ID", "short")],
    [("X-Request-ID", "with a space")],
    [("X-Request-ID", "x" * 65)],
    [("X-Request-ID", "")],
]


def knock(client: httpx.Client, address: str, lines: Lines) -> httpx.Response:
    own = [(name, value) for name, value in client.headers.items() if name == "authorization"]
    return client.post(address, files={"image": b"a"}, headers=[*own, *lines])


def lines_of(answer: httpx.Response) -> list[tuple[bytes, bytes]]:
    """The head in its order, but for the moment."""
    return [(name, value) for name, value in answer.headers.raw if name.lower() != b"date"]


def without_id(answer: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, head and body, with a name of the server's own replaced, which differs from one request to the next."""
    request_id = answer.headers["x-request-id"].encode()
    assert answer.json()["request_id"].encode() == request_id
    other = request_id if b"-" in request_id else b"0" * 32
    assert len(other) == len(request_id)
    of_it = [(name, value.replace(request_id, other)) for name, value in lines_of(answer)]
    return answer.status_code, of_it, answer.content.replace(request_id, other)


def test_two_refusals_have_two_ids(start: Start) -> None:
    served = start(**TIGHT)
    with full_house(served), served.http() as client:
        first, second = send(client), send(client)
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_the_same_connection_is_answered_once_there_is_room(start: Start) -> None:
    served = start(**TIGHT)
    with served.http() as client:
        with full_house(served):
            refused = send(client)
            port = _port(refused)
        answered = send(client)
        assert _port(answered) == port
    assert (refused.status_code, answered.status_code) == (429, 200)


def test_a_head_with_more_requests_behind_it_is_answered_in_order(start: Start) -> None:
    served = start(**TIGHT)
    picture = b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd"
    alive = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with full_house(served), connect(served, picture * 2 + alive) as connection:
        told = b""
        while part := connection.recv(65536):
            told += part
    statuses = [line for line in told.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    # a body has no line's end behind it: two of the three stand behind one
    assert told.count(b"HTTP/1.1 429") == 2
    assert told.rindex(b"HTTP/1.1 200") > told.rindex(b"HTTP/1.1 429")
    assert statuses


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/predictions HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd",
    ],
)
def test_who_keeps_no_connection_is_refused_at_the_door(start: Start, head: bytes) -> None:
    served = start(**TIGHT)
    with full_house(served), connect(served, head) as connection:
        told = b""
        while part := connection.recv(65536):
            told += part
    assert b" 429 " in told.split(b"\r\n")[0]
    assert json.loads(told.split(b"\r\n\r\n")[1])["code"] == "busy"


def _port(answer: httpx.Response) -> int:
    stream = answer.extensions["network_stream"]
    port: int = stream.get_extra_info("client_addr")[1]
    return port


def test_a_process_that_is_leaving_says_so_as_well(start: Start) -> None:
    served: Serving = start(**TIGHT)
    with full_house(served), served.http() as client:
        served.app.state.leaving = True
        try:
            answer = send(client)
        finally:
            served.app.state.leaving = False
    assert answer.status_code == 429
    assert answer.headers["connection"] == "close"
