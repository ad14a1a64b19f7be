"""Connections: how many there may be, and how long one may take over saying what it wants."""

import pytest

from service import connections
from tests.service.conftest import Start
from tests.service.knocking import UNREAD, connect, ended, full_house, told
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
