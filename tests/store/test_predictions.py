from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from store import predictions
from store.database import Database
from store.errors import NotFound
from store.prediction_log import NewShadow
from store.tables import Feedback, StoredPolicy
from tests.store.given import NOW, PENDING, consumer, digest, entry, keep, later, version


def test_a_prediction_is_not_found_by_another_consumer(database: Database) -> None:
    with database.write() as session:
        shop, other = consumer(session), consumer(session, "other")
    mine = entry(shop)
    keep(database, [mine])
    with database.read() as session:
        assert predictions.get(session, mine.prediction.id).id == mine.prediction.id
        assert predictions.get(session, mine.prediction.id, shop).id == mine.prediction.id
        for identity, who in ((mine.prediction.id, other), (digest("nothing")[:36], None)):
            with pytest.raises(NotFound):
                predictions.get(session, identity, who)


def test_pages_go_on_where_they_ended(database: Database) -> None:
    with database.write() as session:
        shop = consumer(session)
    entries = [entry(shop, number) for number in range(7)]
    keep(database, entries)
    newest_first = [one.prediction.id for one in reversed(entries)]
    read: list[str] = []
    with database.read() as session:
        while page := predictions.recent(session, 3, read[-1] if read else None):
            read.extend(one.id for one in page)
        assert predictions.count(session) == 7
    assert read == newest_first


def test_what_a_version_answered_comes_in_the_order_of_time(database: Database) -> None:
    with database.write() as session:
        shop = consumer(session)
        one, other = version(session, "one").id, version(session, "other").id
    entries = [
        entry(shop, number, model_version_id=(one, other)[number % 2]) for number in range(8)
    ]
    keep(database, entries)
    ids = [made.prediction.id for made in entries]
    with database.read() as session:

        def found(limit: int, after: str = "") -> list[str]:
            return [row.id for row in predictions.of_version(session, one, limit, after)]

        assert found(10) == ids[0::2]
        assert found(2, ids[0]) == [ids[2], ids[4]]
        latest = [(ids[4], later(seconds=4)), (ids[6], later(seconds=6))]
        assert predictions.latest_ids(session, one, 2) == latest
        assert predictions.latest_ids(session, one, 2, ids[4]) == latest[1:]
        assert predictions.latest_ids(session, one, 2, ids[7]) == []
        newest = predictions.latest_of_version(session, one, 2)
        assert [row.id for row in newest] == [ids[4], ids[6]]
        assert predictions.version_number(session, other) == 2
        assert predictions.version_number(session, None) is None


def test_what_a_shadow_said_stands_beside_the_answer(database: Database) -> None:
    with database.write() as session:
        shop, other = consumer(session), version(session).id
    failed = NewShadow(other, None, None, None, "the network failed", 3.0)
    one = replace(entry(shop), shadows=(failed,))
    keep(database, [one])
    with database.read() as session:
        (shadow,) = predictions.shadows(session, one.prediction.id)
    assert (shadow.label, shadow.error, shadow.probabilities) == (None, "the network failed", None)


def test_feedback_is_appended(database: Database) -> None:
    with database.write() as session:
        shop = consumer(session)
    one = entry(shop)
    keep(database, [one])
    with database.write() as session:
        row = predictions.get(session, one.prediction.id)
        for note in ("wrong", "really wrong"):
            predictions.add_feedback(session, row, label=None, correct=False, note=note, now=NOW)
    with database.read() as session:
        assert session.scalars(select(Feedback.note)).all() == ["wrong", "really wrong"]


def test_a_policy_is_kept_once(database: Database) -> None:
    for text in ("costs = 1", "costs = 1"):
        with database.write() as session:
            predictions.keep_policy(session, digest("policy"), text, NOW)
    with database.read() as session:
        assert session.scalars(select(StoredPolicy.text)).all() == ["costs = 1"]


def test_traffic_counts_what_came_since(database: Database) -> None:
    with database.write() as session:
        shop = consumer(session)
    keep(
        database,
        [
            entry(shop, 0, lane="audit"),  # before
            entry(shop, 10),
            entry(shop, 11, lane="audit", audited=True),
            entry(shop, 12, lane="held", inside=False, **PENDING),
            entry(shop, 13, inside=None),
        ],
    )
    with database.read() as session:
        counted = predictions.traffic(session, later(seconds=10))
        nothing = predictions.traffic(session, NOW + timedelta(days=1))
    assert vars(counted) == {
        "predictions": 4, "pending": 1, "reviewed": 2, "out_of_domain": 1, "audited": 1
    }  # fmt: skip
    assert set(vars(nothing).values()) == {0}
