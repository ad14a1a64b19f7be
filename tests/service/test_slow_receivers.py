import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from service import delivering
from service.background import Background
from service.clock import wall_clock
from service.delivering import NotAccepted
from service.unnamed import Unnamed
from store import jobs, webhooks
from store.database import Database
from store.webhooks import Parcel
from tests.service.deliverer import announce, empty, hook, wait_for, worker
from tests.service.receiver import Dripping, Receiver, dripping, receiver
from tests.store import given
from tests.store.given import NOW, later

SECRET = "whsec_" + "A" * 44
HEAD = Dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", b"\r\nContent-Length: 0\r\n\r\n")
ENDLESS = Dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
READING = Dripping(b"", b"", b"HTTP/1.1 200 OK\r\n\r\n")
# the beginning of a handshake that says it has 16 KB, of which a byte comes at a time
HANDSHAKE = Dripping(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb", b"\x03")


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "DEADLINE_SECONDS", 0.5)
    monkeypatch.setattr(delivering, "SLOW_SECONDS", 0.1)


@pytest.fixture
def slow(_soon: None) -> Iterator[Dripping]:
    with dripping(Dripping(HEAD.first, HEAD.drip, HEAD.last)) as one:
        yield one


@pytest.fixture
def taking() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


def tell(database: Database, consumer: str, count: int) -> None:
    with database.write() as session:
        for number in range(count):
            cause = f"prediction {number}"
            # one after the other, and before whatever else
            at = later(seconds=-1, milliseconds=number)
            webhooks.announce(session, "prediction.answered", cause, {}, at, consumer)


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize(
    ("how", "scheme", "size"),
    [
        pytest.param(HEAD, "http", 2, id="a head in drips"),
        pytest.param(ENDLESS, "http", 2, id="never the last answer"),
        pytest.param(READING, "http", 12_000_000, id="read in drips"),
        pytest.param(HANDSHAKE, "https", 2, id="TLS in drips"),
    ],
)
def test_a_try_ends_whatever_the_receiver_does(how: Dripping, scheme: str, size: int) -> None:
    with dripping(Dripping(how.first, how.drip, how.last)) as slow, httpx.Client() as client:
        parcel = Parcel("one", slow.url.replace("http", scheme), SECRET, "x" * size)
        before = threading.active_count()
        with pytest.raises(NotAccepted, match=r"no answer within 0\.5 s"):
            delivering.send(client, parcel, NOW, private=False)
        # no timer and no look-up stays, and the other side's end of the connection is closed too
        assert [one.name for one in threading.enumerate() if isinstance(one, threading.Timer)] == []
        assert threading.active_count() <= before + 1, "that of the receiver"
        assert slow.gone.wait(10)


@pytest.mark.usefixtures("_soon")
def test_a_name_that_is_looked_up_for_ever_is_waited_for_as_long_and_by_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()

    def hangs(*_: object, **__: object) -> list[tuple[object, ...]]:
        over.wait(5)
        raise OSError("nobody knows it")

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    parts = delivering.check("https://hangs.example.com/", private=False)
    for _ in range(2):
        with pytest.raises(NotAccepted, match=r"within 0\.5 s"):
            delivering.resolve(parts, private=False)
    [looking] = [one for one in threading.enumerate() if one.name == "look-up"]
    over.set()
    looking.join(10)
    with pytest.raises(NotAccepted, match="nobody knows it"):
        delivering.resolve(parts, private=False)


def test_a_delivery_that_is_cut_is_a_failed_try(database: Database, slow: Dripping) -> None:
    hook_id = hook(database, slow)
    announce(database, 1)
    assert empty(worker(database)) == 1
    with database.read() as session:
        [one] = webhooks.deliveries(session, hook_id)
        [job] = jobs.newest(session, webhooks.JOB)
    assert (one.said, one.delivered_at) == ("no answer within 0.5 s", None)
    assert (job.status, job.attempts, job.due_at) == ("todo", 1, later(seconds=21))


@pytest.mark.parametrize("status", [200, 503])
def test_a_webhook_that_is_slow_each_time_is_told_in_turns_with_the_others(
    database: Database, taking: Receiver, status: int
) -> None:
    with receiver() as slow:
        slow.status = status
        with database.write() as session:
            shop = given.consumer(session)
        hook(database, slow, shop)
        tell(database, shop, 5)
        hook(database, taking)
        announce(database, 2)
        # by this clock each request to the slow one takes 14 seconds
        deliveries = worker(database, lambda: later(seconds=1 + 14 * len(slow.arrivals)))
        turns = []
        for _ in range(7):
            assert deliveries.turn()
            turns.append(len(taking.arrivals))
        assert turns == [0, 1, 2, 2, 2, 2, 2], "it was due first, and then the others were"
        assert len({identity for identity, _ in slow.arrivals}) == 5


def test_one_that_is_slow_and_alone_loses_no_time_and_is_told_in_order(database: Database) -> None:
    with receiver() as slow:
        with database.write() as session:
            shop = given.consumer(session)
        hook(database, slow, shop)
        tell(database, shop, 3)
        deliveries = worker(database, lambda: later(seconds=1 + 14 * len(slow.arrivals)))
        assert deliveries.turn()
        with database.write() as session:
            webhooks.announce(
                session, "prediction.answered", "one more", {}, later(seconds=16), shop
            )
        assert empty(deliveries) == 3
        told = [identity for identity, _ in slow.arrivals]
    assert told == sorted(told)


def test_what_is_announced_behind_others_comes_behind_what_waits_already(
    database: Database, taking: Receiver
) -> None:
    with receiver() as slow:
        with database.write() as session:
            shop = given.consumer(session)
        hook(database, slow, shop)
        tell(database, shop, 3)
        hook(database, taking)
        announce(database, 1)
        deliveries = worker(database, lambda: later(seconds=1 + 14 * len(slow.arrivals)))
        assert deliveries.turn()
        with database.write() as session:
            webhooks.announce(
                session, "prediction.answered", "one more", {}, later(seconds=16), shop
            )
        assert empty(deliveries) == 4
        told = [identity for identity, _ in slow.arrivals]
    assert (told, len(taking.accepted)) == (sorted(told), 1)


def test_an_alarm_leaves_while_a_slow_receiver_has_had_all_workers(
    database: Database, slow: Dripping, taking: Receiver
) -> None:
    with database.write() as session:
        shop = given.consumer(session)
    hook_id = hook(database, slow, shop)
    tell(database, shop, 8)
    hook(database, taking)
    announce(database, 1)
    background = Background(database, wall_clock, Unnamed(), private=False)
    background.start()
    try:
        wait_for(lambda: len(taking.accepted) == 1, seconds=10)
    finally:
        background.stop()
    with database.read() as session:
        tried = [one.said for one in webhooks.deliveries(session, hook_id) if one.said]
    assert len(tried) <= 4
    assert set(tried) == {"no answer within 0.5 s"}
