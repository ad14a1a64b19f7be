import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from service import delivering
from service.delivering import NotAccepted
from store import alarms, jobs, labels, reviews, webhooks
from store.alarms import NewAlarm
from store.database import Database
from store.errors import Invalid, NotFound
from store.labels import Answer
from store.webhooks import ATTEMPTS, Parcel
from tests.service.deliverer import announce, empty, hook, wait_for, worker
from tests.service.receiver import Receiver, receiver
from tests.store import given
from tests.store.given import NOW, PENDING, later
from tests.store.given import entry as log_entry

ROOT = Path(__file__).parents[2]
EVENTS = 40


@pytest.fixture
def taking() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


def process(database: Database, ahead: float, *more: str) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "tests.service.deliverer", database.url, str(ahead), *more]
    return subprocess.Popen(words, cwd=ROOT)


def test_an_event_is_accepted_once_though_its_senders_are_killed(
    database: Database, taking: Receiver
) -> None:
    hook_id = hook(database, taking)
    announce(database, EVENTS)
    senders = [process(database, 0) for _ in range(2)]
    try:
        wait_for(lambda: len(taking.accepted) >= 10)
        # from now on both are killed in the middle: the receiver has the event, the sender has no answer
        taking.silent.set()
        before = len(taking.arrivals)
        wait_for(lambda: len(taking.arrivals) >= before + 2)
    finally:
        for sender in senders:
            sender.send_signal(signal.SIGKILL)
            sender.wait()
    held = {identity for identity, _ in taking.arrivals[before:]}
    taking.silent.clear()
    # the leases of the dead have lapsed by this clock
    after = [process(database, 3600) for _ in range(3)]
    try:
        with database.read() as session:
            ids = [one.id for one in webhooks.deliveries(session, hook_id)]

        def all_done() -> bool:
            with database.read() as session:
                return webhooks.outbox(session, NOW).waiting == 0

        wait_for(all_done)
    finally:
        for sender in after:
            sender.send_signal(signal.SIGKILL)
            sender.wait()
    assert set(taking.accepted) == set(ids)
    assert len(ids) == EVENTS
    times = Counter(identity for identity, _ in taking.arrivals)
    repeated = {identity for identity, count in times.items() if count > 1}
    # only what its sender had not recorded came twice, with the same bytes
    assert held <= repeated
    assert len(repeated) <= 4
    assert all(body == taking.accepted[identity] for identity, body in taking.arrivals)
    assert taking.forged == 0
    # and what is recorded as done is never sent again
    arrivals = len(taking.arrivals)
    assert empty(worker(database, lambda: datetime.now(UTC) + timedelta(days=30))) == 0
    assert len(taking.arrivals) == arrivals


def test_a_sender_killed_between_the_answer_and_the_row_sends_again_under_the_same_id(
    database: Database, taking: Receiver
) -> None:
    hook_id = hook(database, taking)
    announce(database, 1)
    assert process(database, 0, "accepted").wait(60) == -signal.SIGKILL
    with database.read() as session:
        [waiting] = webhooks.deliveries(session, hook_id)
    [first] = taking.arrivals
    assert waiting.delivered_at is None
    # the lease of the dead has lapsed by this clock
    assert empty(worker(database, lambda: datetime.now(UTC) + timedelta(hours=1))) == 1
    with database.read() as session:
        [done] = webhooks.deliveries(session, hook_id)
    assert taking.arrivals == [first, first]
    assert first[0] == done.id
    assert done.delivered_at is not None
    assert empty(worker(database, lambda: datetime.now(UTC) + timedelta(days=30))) == 0


def test_what_is_refused_is_tried_again_later_with_the_same_id(
    database: Database, taking: Receiver
) -> None:
    hook_id = hook(database, taking)
    announce(database, 1)
    taking.status = 503
    clock = [later(seconds=1)]
    deliveries = worker(database, lambda: clock[0])
    assert empty(deliveries) == 1
    assert empty(deliveries) == 0, "it waits a while first"
    clock[0] = later(minutes=1)
    taking.status = 200
    assert empty(deliveries) == 1
    assert len(taking.arrivals) == 2
    assert len(set(taking.arrivals)) == 1
    with database.read() as session:
        (one,) = webhooks.deliveries(session, hook_id)
    assert (one.delivered_at, one.said) == (later(minutes=1), "HTTP 200")


def test_after_its_last_attempt_a_delivery_is_given_up_and_counted(
    database: Database, taking: Receiver
) -> None:
    hook(database, taking)
    announce(database, 1)
    taking.status = 500
    clock = [later(seconds=1)]
    deliveries = worker(database, lambda: clock[0])
    for day in range(1, ATTEMPTS + 3):
        empty(deliveries)
        clock[0] = later(days=day)
    assert len(taking.arrivals) == ATTEMPTS
    with database.read() as session:
        outbox = webhooks.outbox(session, NOW)
    assert (outbox.waiting, outbox.given_up) == (0, 1)


def test_a_delivery_to_what_is_no_name_is_given_up_as_any_other(database: Database) -> None:
    with database.write() as session:
        webhooks.add(session, "https://a..b.com/x", None, NOW)
    announce(database, 1)
    clock = [later(seconds=1)]
    deliveries = worker(database, lambda: clock[0])
    for day in range(1, ATTEMPTS + 3):
        empty(deliveries)
        clock[0] = later(days=day)
    with database.read() as session:
        outbox = webhooks.outbox(session, NOW)
    assert (outbox.waiting, outbox.given_up) == (0, 1)


def test_an_alarm_is_told_when_it_is_raised_and_when_it_is_cleared_each_once(
    database: Database, taking: Receiver
) -> None:
    hook(database, taking)
    new = NewAlarm("window", "north", None, None, {}, pages=True)
    with database.write() as session:
        raised = alarms.raise_alarm(session, new, NOW)
        alarms.raise_alarm(session, new, NOW)
        alarms.clear(session, raised.id, later(seconds=0.5))
        alarms.clear(session, raised.id, later(seconds=0.5))
    empty(worker(database))
    told = [json.loads(body) for _, body in taking.arrivals]
    assert [one["type"] for one in told] == ["alarm.raised", "alarm.cleared"]
    assert told[0]["data"] == {
        "alarm": raised.id,
        "kind": "window",
        "segment": "north",
        "pages": True,
        "raised_at": NOW.isoformat(),
        "page": f"/drift?alarm={raised.id}",
    }
    assert [identity for identity, _ in taking.arrivals] == [one["id"] for one in told]


def test_what_is_rolled_back_is_not_told(database: Database, taking: Receiver) -> None:
    hook(database, taking)
    with pytest.raises(RuntimeError), database.write() as session:  # noqa: PT012
        alarms.raise_alarm(session, NewAlarm("window", "", None, None, {}), NOW)
        raise RuntimeError
    assert empty(worker(database)) == 0


def test_a_consumer_is_told_of_its_own_pending_answers_only(
    database: Database, taking: Receiver
) -> None:
    with database.write() as session:
        shop, other = given.consumer(session), given.consumer(session, "another")
    hook(database, taking, shop)
    given.keep(
        database,
        [
            log_entry(shop, 1, "held", reference="order 7", **PENDING),
            log_entry(other, 2, "held", **PENDING),
        ],
    )
    with database.write() as session:
        person = given.person(session)
        while lease := reviews.lease_next(session, person, NOW):
            answer = Answer(lease.review_id, person, lease.token, "class", "teddy", lease.review_id)
            labels.give(session, answer, given.CLASSES, NOW)
    empty(worker(database))
    (told,) = [json.loads(body) for _, body in taking.arrivals]
    assert told["type"] == "prediction.answered"
    assert told["data"]["reference"] == "order 7"
    assert (told["data"]["label"], told["data"]["answered_by"]) == ("teddy", "person")


def test_who_is_removed_is_told_nothing_more(database: Database, taking: Receiver) -> None:
    hook_id = hook(database, taking)
    announce(database, 2)
    with database.write() as session:
        assert webhooks.remove(session, hook_id, NOW) == 2
    announce(database, 1, first=2)
    empty(worker(database))
    assert taking.arrivals == []
    with database.write() as session, pytest.raises(NotFound):
        webhooks.remove(session, hook_id, NOW)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook", "ftp://example.com", "https://", "nothing", "https://me:pw@example.com", "https://:pw@example.com",
        "http://10.0.0.1/", "https://example.com:0/", "http://[::1", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_an_address_that_is_not_https_or_of_this_machine_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        delivering.check(url, private=False)


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.2", "100.64.0.1", "0.0.0.0",  # noqa: S104  # it is refused
        "[fd00::1]", "[fec0::1]", "[::ffff:10.0.0.1]", "[::10.0.0.1]", "[2002:a00:1::]", "[64:ff9b::a9fe:a9fe]",
    ],
)  # fmt: skip
def test_nothing_is_sent_into_our_own_network(host: str) -> None:
    parts = delivering.check(f"https://{host}/hook", private=False)
    with pytest.raises(NotAccepted, match="outside"):
        delivering.resolve(parts, private=False)
    assert delivering.resolve(parts, private=True)


def test_a_redirect_is_not_followed(taking: Receiver) -> None:
    taking.secret, taking.status = "whsec_" + "A" * 44, 307
    parcel = Parcel("one", taking.url, taking.secret, "{}")
    with httpx.Client() as client, pytest.raises(NotAccepted, match="307"):
        delivering.send(client, parcel, NOW, private=False)
    assert len(taking.arrivals) == 1


def test_a_signature_is_that_of_standard_webhooks() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = delivering.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_job_whose_delivery_is_done_sends_nothing(database: Database, taking: Receiver) -> None:
    hook_id = hook(database, taking)
    announce(database, 1)
    empty(worker(database))
    with database.write() as session:
        (one,) = webhooks.deliveries(session, hook_id)
        jobs.add(session, webhooks.JOB, {"delivery_id": one.id}, NOW, asked_by="a test")
    assert empty(worker(database)) == 1
    assert len(taking.arrivals) == 1
