"""The client: it waits when told to, sends again what may be sent again, and gives up in the end."""

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from service.client import Client, Refused
from store import predictions
from tests.service.conftest import Start
from tests.service.serving import Serving, away
from tests.toy import draw


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What a client does is the same before both databases."""
    return sqlite_url


def test_everything_that_can_be_told_arrives(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    taken = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with served.client() as client:
        answer = client.predict(
            draw(0, 1), segment="web", subject="s", reference="r", captured_at=taken
        )
    with served.database.read() as session:
        row = predictions.get(session, answer.id)
    assert (row.segment, row.subject, row.reference) == ("web", "s", "r")
    assert row.captured_at == taken
    assert answer.created_at.tzinfo is not None
    assert abs((row.created_at - answer.created_at).total_seconds()) < 0.001


def test_who_is_told_to_wait_waits_and_gets_through(start: Start) -> None:
    served = start(rate_per_second=20, rate_burst=1)
    waited: list[float] = []
    # asking again at once is refused again, until a twentieth of a second is over
    with Client(served.url, served.key(), pause=waited.append, attempts=1000) as client:
        ids = {client.predict(draw(0, number)).id for number in range(2)}
    assert len(ids) == 2
    assert set(waited) <= {1.0}


def test_a_prediction_that_was_sent_again_is_one_prediction(served: Serving) -> None:
    with served.client() as client:
        first = client.predict(draw(0, 1), idempotency_key="order-1")
        second = client.predict(draw(0, 1), idempotency_key="order-1")
    assert first == second


def test_while_the_service_cannot_it_asks_as_often_as_told(served: Serving) -> None:
    waited: list[float] = []
    key = served.key()
    with (
        Client(served.url, key, pause=waited.append, attempts=3) as client,
        away(served),
        pytest.raises(Refused) as refused,
    ):
        client.predict(draw(0, 1))
    assert (refused.value.status, refused.value.code) == (503, "database_unavailable")
    assert waited == [2.0, 2.0]


def test_what_would_not_change_is_not_sent_again(served: Serving) -> None:
    waited: list[float] = []
    with (
        Client(served.url, served.key(), pause=waited.append) as client,
        pytest.raises(Refused) as refused,
    ):
        client.predict(b"no picture")
    assert (refused.value.code, refused.value.reason) == ("bad_picture", "not_a_picture")
    assert waited == []


@pytest.mark.parametrize("status", [502, 504])
def test_what_a_proxy_lost_is_sent_again_where_that_makes_no_second_one(status: int) -> None:
    waited, asked = list[float](), list[httpx.Request]()

    def proxy(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, headers={"Retry-After": "2"}, json={"code": "unavailable"})

    with Client("http://proxy.example", "ursa_x", pause=waited.append, attempts=3) as client:
        client._http = httpx.Client(
            base_url="http://proxy.example", transport=httpx.MockTransport(proxy)
        )
        with pytest.raises(Refused) as refused:
            client.predict(draw(0, 1))
        assert (refused.value.status, waited) == (status, [2.0, 2.0])
        assert len({one.headers["Idempotency-Key"] for one in asked}) == 1
        with pytest.raises(Refused):
            client.retrain()
    assert len(asked) == 4


def test_where_nobody_listens_it_gives_up() -> None:
    waited: list[float] = []
    with (
        Client("http://127.0.0.1:9", "ursa_x", pause=waited.append, attempts=3) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.predict(draw(0, 1))
    assert waited == [1.0, 1.0]
