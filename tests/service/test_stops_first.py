"""A stop stands behind nobody: it is found, checked and done while every thread that all requests share is taken."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.service.browsing import Browser
from tests.service.conftest import Start
from tests.service.serving import Serving

# far more than a stop takes; the threads are not given back meanwhile
SECONDS = 10.0


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """No stop asks the database."""
    return sqlite_url


@pytest.fixture
def served(start: Start) -> Serving:
    """A service with few threads."""
    return start(threads=4, inside_limit=1)


@pytest.fixture
def take_all(served: Serving) -> Iterator[Callable[[], None]]:
    """Take every thread that requests share, until the test is over."""
    taken, go_on = threading.Semaphore(0), threading.Event()

    @served.app.get("/test/hold")
    def hold() -> None:
        taken.release()
        go_on.wait()

    def ask() -> int:
        return httpx.get(f"{served.url}/test/hold", timeout=60).status_code

    threads = served.settings.threads
    with ThreadPoolExecutor(threads) as askers:

        def take() -> None:
            for _ in range(threads):
                askers.submit(ask)
            for _ in range(threads):
                assert taken.acquire(timeout=SECONDS)

        yield take
        go_on.set()


def test_a_program_stops_all_models_while_every_thread_is_taken(
    served: Serving, take_all: Callable[[], None]
) -> None:
    with served.http(role="operator") as client:
        take_all()
        told = client.post("/v1/kill", json={"to": "manual", "reason": "smoke"}, timeout=SECONDS)
    assert told.status_code == 200, told.text
    assert served.program.live.standing.killed


def test_a_person_stops_all_models_while_every_thread_is_taken(
    served: Serving, take_all: Callable[[], None]
) -> None:
    olga = Browser(served, "olga", "operator")
    take_all()
    olga.http.timeout = httpx.Timeout(SECONDS)
    told = olga.submit("/rollout/kill", to="manual", reason="smoke")
    assert told.status_code == 303, told.text
    assert served.program.live.standing.killed


def test_who_may_not_stop_is_refused_while_every_thread_is_taken(
    served: Serving, take_all: Callable[[], None]
) -> None:
    anna, olga = Browser(served, "anna"), Browser(served, "olga", "operator")
    take_all()
    for browser in (anna, olga):
        browser.http.timeout = httpx.Timeout(SECONDS)
    fields = {"to": "manual", "reason": "smoke"}
    assert anna.submit("/rollout/kill", **fields).status_code == 403
    assert olga.http.post("/rollout/kill", data=fields).status_code == 403
    assert not served.program.live.standing.killed
