"""Pictures that pages show: decoded where it harms nobody, and behind those that consumers wait for."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from classifier.core import Task
from service import core_process
from service.pages import pictures
from service.settings import Settings
from tests.service.browsing import Browser
from tests.service.conftest import Start
from tests.service.ending import children, deadly
from tests.service.serving import Serving, serving
from tests.toy import draw


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What a page shows is the same before both databases."""
    return sqlite_url


@pytest.fixture
def real(settings: Settings) -> Iterator[Serving]:
    """A service with one process for pictures."""
    with serving(settings, core_processes=True, cores=1) as running:
        yield running


def shown(task: Task) -> bool:
    return task.side is not None


@pytest.mark.parametrize("size", [160, 480, 1600])
def test_a_picture_is_the_same_wherever_it_is_decoded(
    real: Serving, start: Start, size: int
) -> None:
    there = start()
    anna, olga = Browser(real, "anna"), Browser(there, "olga")
    address = f"/pictures/{real.keep(draw(0, 1))}?size={size}"
    told = anna.http.get(address)
    assert told.status_code == 200
    assert told.content == olga.http.get(address).content
    assert told.headers["content-type"] == olga.http.get(address).headers["content-type"]


def test_a_picture_on_which_a_decoder_dies_is_shown_to_nobody_and_the_service_goes_on(
    real: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, digest = Browser(real, "anna"), real.keep(draw(0, 1))
    with monkeypatch.context() as dying:
        deadly(dying, shown, signal.SIGSEGV)
        assert anna.http.get(f"/pictures/{digest}?size=160").status_code == 404
        with real.http() as client:
            sent = client.post("/v1/predictions", files={"image": draw(0, 2)})
            assert sent.status_code == 200, sent.text
    # it is asked again: nothing was kept of it
    assert anna.http.get(f"/pictures/{digest}?size=160").status_code == 200


def test_a_picture_over_which_somebody_kills_the_decoders_is_to_come_again(
    real: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, digest = Browser(real, "anna"), real.keep(draw(0, 1))
    deadly(monkeypatch, shown, signal.SIGKILL)
    told = anna.http.get(f"/pictures/{digest}?size=160")
    assert told.status_code == 503
    assert told.headers["Retry-After"]


def test_a_decoder_that_does_not_come_back_from_a_picture_is_ended(
    real: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, digest = Browser(real, "anna"), real.keep(draw(0, 1))
    assert anna.http.get(f"/pictures/{digest}?size=480").status_code == 200
    (child,) = children()
    monkeypatch.setattr(core_process, "SECONDS", 0.2)
    os.kill(child, signal.SIGSTOP)
    assert anna.http.get(f"/pictures/{digest}?size=160").status_code == 404
    assert child not in children()


def test_a_hundred_pictures_on_pages_keep_nobody_else_out(start: Start) -> None:
    served = start(cores=1, queue_per_core=1, queue_seconds=0.0, threads=8, inside_limit=4)
    anna, digest = Browser(served, "anna"), served.keep(draw(0, 1))
    cores, number = served.program.cores, 100

    def show(_: int) -> int:
        return anna.http.get(f"/pictures/{digest}?size=480").status_code

    with ThreadPoolExecutor(number + 1) as askers, served.http() as client:
        with cores.work():
            asked = [askers.submit(show, one) for one in range(number)]
            # one waits for the core and one behind it, each with its bytes; the others have none yet
            places, _ = pictures._limiters_of(served.program)
            wait_until(lambda: places.statistics().tasks_waiting == number - 2)
            # one core, and one place before it
            assert not cores.full
            assert not cores.pressed
            assert anna.http.get("/guide", timeout=10).status_code == 200
            sent = askers.submit(client.post, "/v1/predictions", files={"image": draw(0, 2)})
            wait_until(lambda: len(cores._queue) == 1 or sent.done())
        assert sent.result().status_code == 200
        assert {one.result() for one in asked} == {200}


def wait_until(holds: Callable[[], bool]) -> None:
    """Threads tell nobody that they have begun to wait."""
    while not holds():
        threading.Event().wait(0.001)
