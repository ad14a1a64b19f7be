import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from store import pictures, predictions, reviews
from store.database import Database
from store.errors import Conflict, Unavailable
from store.prediction_log import (
    STOPPED,
    TOO_LATE,
    Entry,
    FirstAnswer,
    NewShadow,
    PredictionLog,
    _Handed,
)
from store.tables import IdempotencyKey, Prediction, Review, ShadowAnswer, StoredPicture
from tests.store.given import NOW, consumer, digest, entry, later, version
from tests.store.log import ids, kept, outcomes, running, with_key


@pytest.fixture
def shop(database: Database) -> str:
    with database.write() as session:
        return consumer(session)


def test_an_entry_is_one_commit_of_everything_it_brings(database: Database, shop: str) -> None:
    with database.write() as session:
        other = version(session).id
    full = replace(
        entry(shop, 1, lane="audit", audited=True, features=b"\x00\x01", reference="R-1"),
        shadows=(NewShadow(other, "black", 0.6, {"black": 0.6}, None, 12.5),),
        first_answer=FirstAnswer("key", digest("request"), b'{"id": 1}'),
    )
    with running(database) as log:
        log.keep(full)
    identity = full.prediction.id
    with database.read() as session:
        row = predictions.get(session, identity)
        for name, value in vars(full.prediction).items():
            assert getattr(row, name) == value, name
        assert [one.label for one in predictions.shadows(session, identity)] == ["black"]
        assert [one.lane for one in reviews.of_prediction(session, identity)] == ["audit"]
        assert pictures.purposes(session, [digest(1)])[digest(1)][1] == "audit"
        first = predictions.first_answer(session, shop, "key", later(hours=23))
        assert first is not None
        assert first.answer == b'{"id": 1}'


def test_requests_in_flight_share_a_commit(database: Database, shop: str) -> None:
    entries = [entry(shop, number) for number in range(32)]
    handed_over = threading.Semaphore(0)
    commits = []

    @event.listens_for(database.engine, "commit")
    def first_waits_for_the_others(_connection: Any) -> None:
        commits.append(1)
        if len(commits) == 1:
            for _ in entries:
                assert handed_over.acquire(timeout=30)

    with running(database, wait_seconds=60) as log:

        def keep(one: Entry) -> None:
            handed_over.release()
            log.keep(one)

        assert outcomes(keep, entries) == [None] * 32
    assert kept(database) == ids(entries)
    assert len(commits) < len(entries)


def test_a_bad_entry_hurts_only_itself(database: Database, shop: str) -> None:
    wrong: list[dict[str, Any]] = [
        {"consumer_id": "nobody"},
        {"decision": "perhaps"},
        {"created_at": NOW.replace(tzinfo=None)},
        {"properties": {"not JSON": object()}},
    ]
    good = [entry(shop, number) for number in range(12)]
    bad = [entry(shop, 20 + number) for number in range(len(wrong))]
    bad = [
        replace(one, prediction=replace(one.prediction, **changes))
        for one, changes in zip(bad, wrong, strict=True)
    ]
    log = PredictionLog(database, wait_seconds=60)
    with ThreadPoolExecutor(16) as requests:
        mixed = [*good[:5], *bad, *good[5:]]
        told = {one.prediction.id: requests.submit(log.keep, one) for one in mixed}
        log.start()
    log.stop()
    assert {one for one, future in told.items() if future.exception()} == ids(bad)
    assert kept(database) == ids(good)


def test_the_same_picture_in_many_entries_is_one_picture(database: Database, shop: str) -> None:
    entries = [
        entry(shop, number, picture_digest=digest("same"), audited=number == 5)
        for number in range(12)
    ]
    with running(database) as log:
        assert outcomes(log.keep, entries) == [None] * 12
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(StoredPicture)) == 1
        assert pictures.purposes(session, [digest("same")])[digest("same")][1] == "audit"


def test_a_key_is_a_consumers_own(database: Database, shop: str) -> None:
    with database.write() as session:
        other = consumer(session, "another shop")
    with running(database) as log:
        log.keep(with_key(entry(shop, 1)))
        log.keep(with_key(entry(other, 2)))
    assert len(kept(database)) == 2


def test_a_key_is_free_again_after_24_hours(database: Database, shop: str) -> None:
    day = 24 * 3600
    with running(database) as log:
        log.keep(with_key(entry(shop, 0)))
        with pytest.raises(Conflict):
            log.keep(with_key(entry(shop, day - 1)))
        with database.read() as session:
            assert predictions.first_answer(session, shop, "key", later(seconds=day - 1))
            assert predictions.first_answer(session, shop, "key", later(seconds=day)) is None
        again = with_key(entry(shop, day))
        log.keep(again)
    with database.read() as session:
        (row,) = session.scalars(select(IdempotencyKey))
        assert row.prediction_id == again.prediction.id


def test_a_database_that_is_locked_is_unavailable_and_nothing_comes_later(
    database_url: str,
) -> None:
    holder, waiter = Database(database_url), Database(database_url, wait_seconds=0.05)
    with holder.write() as session:
        shop = consumer(session)
    entries = [entry(shop, number, lane="audit") for number in range(4)]
    with running(waiter, wait_seconds=30) as log:
        with holder.write() as session:
            if not holder.is_sqlite:
                session.execute(text("LOCK TABLE predictions"))
            told = outcomes(log.keep, entries)
        assert all(isinstance(error, Unavailable) for error in told)
        log.keep(entry(shop, 9))
    with holder.read() as session:
        assert session.scalar(select(func.count()).select_from(Prediction)) == 1
        assert session.scalar(select(func.count()).select_from(Review)) == 0
    holder.dispose()
    waiter.dispose()


def test_a_request_that_was_told_no_in_time_is_never_written(database: Database, shop: str) -> None:
    late, patient = entry(shop, 1), entry(shop, 2)
    log = PredictionLog(database, wait_seconds=0.05)
    with pytest.raises(Unavailable):
        log.keep(late)  # nobody writes yet
    log.start()
    log.keep(patient)
    log.stop()
    assert kept(database) == ids([patient])


def test_stopping_writes_what_waits_and_takes_nothing_more(database: Database, shop: str) -> None:
    entries = [entry(shop, number) for number in range(48)]
    log = PredictionLog(database, largest_batch=4, wait_seconds=60)
    told: list[Future[None]] = []
    with ThreadPoolExecutor(48) as requests:
        told = [requests.submit(log.keep, one) for one in entries]
        log.start()
        log.stop()
    acknowledged = []
    for one, future in zip(entries, told, strict=True):
        error = future.exception()
        if error is None:
            acknowledged.append(one)
        else:
            assert isinstance(error, Unavailable)
            assert error.code == "stopping"
    assert kept(database) == ids(acknowledged)
    with pytest.raises(Unavailable) as refused:
        log.keep(entry(shop, 99))
    assert refused.value.code == "stopping"


def test_what_a_model_could_not_say_is_kept_as_absent(database: Database, shop: str) -> None:
    silent = entry(
        shop, label=None, confidence=None, probabilities=None, status="pending", answer=None,
        answered_by=None, answered_at=None, decision="hold", inside=None,
    )  # fmt: skip
    with running(database) as log:
        log.keep(silent)
    with database.read() as session:
        empty = select(Prediction.id).where(Prediction.probabilities.is_(None))
        assert session.scalar(empty) == silent.prediction.id
        assert session.scalar(select(func.count()).select_from(ShadowAnswer)) == 0


def test_what_would_be_committed_too_long_after_its_id_was_given_is_refused(
    database: Database, shop: str
) -> None:
    entries = [entry(shop, number) for number in range(3)]
    with running(database, latest_seconds=0.0) as log:
        told = outcomes(log.keep, entries)
    assert [one.code for one in told if one] == [TOO_LATE] * 3
    assert kept(database) == set()


def test_who_came_later_is_not_to_blame_for_who_is_too_late(database: Database, shop: str) -> None:
    old, new = entry(shop, 1), entry(shop, 2)
    log = PredictionLog(database, latest_seconds=10.0)
    waited = [_Handed(old, Future(), monotonic() - 11), _Handed(new, Future(), monotonic())]
    log._write(waited)
    refused = waited[0].done.exception()
    assert isinstance(refused, Unavailable)
    assert refused.code == TOO_LATE
    assert waited[1].done.exception() is None
    assert kept(database) == ids([new])
    assert not log.failing


def test_what_may_not_be_given_any_more_is_not_kept_and_the_rest_of_its_batch_is(
    database: Database, shop: str
) -> None:
    good = [entry(shop, number) for number in range(4)]
    bad = [replace(entry(shop, 10 + number), still=lambda: False) for number in range(2)]
    log = PredictionLog(database, wait_seconds=60)
    with ThreadPoolExecutor(6) as requests:
        told = [requests.submit(log.keep, one) for one in (*good[:2], *bad, *good[2:])]
        log.start()
    errors = [one.exception() for one in told]
    assert [one.code for one in errors if isinstance(one, Unavailable)] == [STOPPED] * 2
    assert not log.failing
    log.stop()
    assert kept(database) == ids(good)
