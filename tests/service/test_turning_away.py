"""Refusing at a request's head: the same words as the door's, counted and logged alike, and the connection goes on."""

import json

import httpx
import pytest

from service import metrics
from tests.service.conftest import Start
from tests.service.knocking import connect, full_house, send
from tests.service.serving import Serving

TIGHT = {"cores": 1, "queue_per_core": 1, "queue_seconds": 0}
OWN_ID = "the-client-s-own-id"


def without_ids(answer: httpx.Response) -> tuple[int, dict[str, str], dict[str, object]]:
    """Status, headers and body, but for what differs from one request to the next."""
    body = answer.json()
    assert body.pop("request_id") == answer.headers["x-request-id"]
    of_it = {name: value for name, value in answer.headers.items() if name not in DIFFERENT}
    return answer.status_code, of_it, body


DIFFERENT = ("date", "x-request-id", "content-length")


def count(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def counts() -> tuple[float, float]:
    return (
        count("ursa_problems_total", code="busy"),
        count("ursa_requests_total", area="predictions", status="429"),
    )


def test_it_says_what_the_door_says(start: Start) -> None:
    served = start(**TIGHT)
    with full_house(served), served.http() as client:
        before = counts()
        here = send(client)
        between = counts()
        # a request with a name of its own goes on to the door
        named = {"X-Request-ID": OWN_ID}
        there = client.post("/v1/predictions", files={"image": b"a"}, headers=named)
        after = counts()
    assert there.headers["x-request-id"] == OWN_ID
    assert without_ids(here) == without_ids(there)
    assert here.status_code == 429
    assert here.headers["retry-after"]
    assert [b - a for a, b in zip(before, between, strict=True)] == [1, 1]
    assert [b - a for a, b in zip(between, after, strict=True)] == [1, 1]


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
