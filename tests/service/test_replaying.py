"""Idempotency: one key, one prediction, one answer, whoever asks again, when and where."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from service.replaying import FirstAnswers
from service.settings import Settings
from store import predictions
from store.errors import Unavailable
from tests.service.conftest import Start
from tests.service.serving import Hands, Serving, serving
from tests.toy import draw


def send(
    client: httpx.Client, key: str, image: bytes | None = None, **fields: str
) -> httpx.Response:
    return client.post(
        "/v1/predictions",
        files={"image": ("a.png", image or draw(0, 1))},
        data=fields,
        headers={"Idempotency-Key": key},
    )


def test_the_same_key_gives_the_first_answer_byte_for_byte(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    with served.http() as client:
        first, second = send(client, "k", segment="web"), send(client, "k", segment="web")
        served.model(tmp_path / "two", order=(1, 0))
        third = send(client, "k", segment="web")
    assert first.content == second.content == third.content
    replayed = [one.headers.get("idempotent-replayed") for one in (first, second, third)]
    assert replayed == [None, "true", "true"]
    assert count(served) == 1


@pytest.mark.parametrize(
    ("image", "fields"),
    [
        (draw(0, 2), {}),
        (draw(0, 1), {"segment": "app"}),
        (draw(0, 1), {"captured_at": "2026-01-01T00:00:00Z"}),
    ],
)
def test_the_same_key_with_another_request_is_refused(
    served: Serving, image: bytes, fields: dict[str, str]
) -> None:
    with served.http() as client:
        assert send(client, "k").status_code == 200
        refused = send(client, "k", image, **fields)
    assert refused.status_code == 409
    assert refused.json()["code"] == "idempotency_key_reused"
    assert count(served) == 1


def test_keys_belong_to_their_consumers(served: Serving) -> None:
    with served.http("shop") as shop, served.http("zoo") as zoo:
        ids = {send(shop, "k").json()["id"], send(zoo, "k").json()["id"]}
    assert len(ids) == 2


def test_after_a_day_a_key_is_new_again(settings: Settings) -> None:
    clock = Hands()
    with serving(settings, clock) as served, served.http() as client:
        first = send(client, "k")
        clock.now += timedelta(hours=23, minutes=59)
        second = send(client, "k")
        clock.now += timedelta(minutes=1)
        third = send(client, "k")
    assert first.content == second.content
    assert third.json()["id"] != first.json()["id"]


def test_a_refused_request_does_not_use_its_key_up(served: Serving) -> None:
    with served.http() as client:
        assert send(client, "k", b"no picture").status_code == 415
        assert send(client, "k").status_code == 200


def test_twins_at_once_are_one_prediction(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    answers = at_once(8, lambda client, _: send(client, "k"), served)
    assert {one.status_code for one in answers} == {200}
    assert len({one.content for one in answers}) == 1
    assert [one.headers.get("idempotent-replayed") for one in answers].count(None) == 1
    assert count(served) == 1


def test_twins_at_two_processes_are_one_prediction(start: Start, tmp_path: Path) -> None:
    one, other = start(), start()
    one.model(tmp_path / "one")
    other.program.live.refresh()
    for number in range(5):
        answers = at_once(6, lambda client, _, key=f"k{number}": send(client, key), one, other)  # type: ignore[misc]  # the loop's own key
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
    assert count(one) == 5


def test_a_twin_goes_on_by_itself_when_its_first_has_failed(served: Serving) -> None:
    program = served.program
    first_answers = FirstAnswers(program.database, program.clock)
    underway, fail = threading.Event(), threading.Event()
    outcomes: list[str] = []

    def failing() -> bytes:
        underway.set()
        fail.wait()
        raise Unavailable("away", "away")

    def first() -> None:
        with pytest.raises(Unavailable):
            first_answers.give("c", "k", "sha", failing)
        outcomes.append("failed")

    def twin() -> None:
        outcomes.append(first_answers.give("c", "k", "sha", lambda: b"mine").body.decode())

    threads = [threading.Thread(target=first), threading.Thread(target=twin)]
    threads[0].start()
    underway.wait()
    threads[1].start()
    fail.set()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["failed", "mine"]


def test_who_waits_for_a_twin_gives_its_place_back(served: Serving) -> None:
    firsts = FirstAnswers(served.database, served.program.clock)
    begun, told, waiting = threading.Event(), threading.Event(), threading.Event()

    def answer() -> bytes:
        begun.set()
        told.wait(30)
        raise Unavailable("not now", "away")

    def first() -> None:
        with pytest.raises(Unavailable):
            firsts.give("c", "k", "r", answer)

    def twin() -> None:
        assert firsts.give("c", "k", "r", lambda: b"its own", waiting.set).body == b"its own"

    threads = [threading.Thread(target=first), threading.Thread(target=twin)]
    threads[0].start()
    begun.wait(30)
    assert not waiting.is_set()
    threads[1].start()
    # told of it before the first has its answer
    assert waiting.wait(30)
    told.set()
    for thread in threads:
        thread.join()


def at_once(
    number: int, send: Callable[[httpx.Client, int], httpx.Response], *services: Serving
) -> list[httpx.Response]:
    """The answers to requests that leave together, spread over the services."""
    together = threading.Barrier(number)
    answers: list[httpx.Response] = []
    # one consumer: all with keys of the same one
    clients = [services[one % len(services)].http() for one in range(number)]

    def go(one: int) -> None:
        together.wait()
        answers.append(send(clients[one], one))

    threads = [threading.Thread(target=go, args=(one,)) for one in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert len(answers) == number
    return answers


def count(served: Serving) -> int:
    with served.database.read() as session:
        return predictions.count(session)
