"""Cores for pictures that pages show: behind consumers, never in their way, and not kept away for ever."""

import threading

import pytest

from service.cores import Busy, Cores, Loan
from tests.service.test_cores import full, wait_until


def shows(cores: Cores, order: list[str], hold: threading.Event | None = None) -> threading.Thread:
    """A page's picture, begun."""

    def show() -> None:
        with cores.show():
            order.append("page")
            if hold is not None:
                hold.wait()

    thread = threading.Thread(target=show)
    thread.start()
    return thread


def answers(cores: Cores, order: list[str]) -> threading.Thread:
    """A consumer, begun."""

    def answer() -> None:
        with cores.work():
            order.append("consumer")

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("seconds", "served"), [(60.0, ["consumer", "page"]), (0.0, ["page", "consumer"])]
)
def test_a_picture_on_a_page_stands_back_for_consumers_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, seconds: float, served: list[str]
) -> None:
    monkeypatch.setattr("service.cores.SHOW_SECONDS", seconds)
    cores, order = Cores(1, 4), list[str]()
    with cores.work():
        page = shows(cores, order)
        wait_until(lambda: len(cores._shown_next) == 1)
        consumer = answers(cores, order)
        wait_until(lambda: len(cores._queue) == 1)
    page.join(10)
    consumer.join(10)
    assert order == served
    # and the core is free for who only watches
    Loan(cores).begin(0)


def test_pictures_on_pages_refuse_no_consumer_whether_they_wait_or_are_decoded() -> None:
    cores, order, go_on = Cores(2, 1), list[str](), threading.Event()
    pages = [shows(cores, order, go_on) for _ in range(20)]
    wait_until(lambda: len(cores._shown_next) == 18)
    assert not cores.pressed
    # as many as without them
    places = [cores.announce() for _ in range(2)]
    assert not full(cores)
    with pytest.raises(Busy):
        Loan(cores).begin(0)
    places.append(cores.announce())
    assert full(cores)
    for one in places:
        one.end()
    go_on.set()
    for page in pages:
        page.join(10)
    assert order == ["page"] * 20
