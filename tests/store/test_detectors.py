from dataclasses import replace
from datetime import timedelta

import pytest

from store import detectors
from store.database import Database
from store.ids import first_id, new_id, time_of
from tests.monitoring import flags
from tests.store.given import NOW, consumer, later, version


def test_what_is_unread_comes_in_order_and_ends_where_it_is_not_settled(database: Database) -> None:
    with database.write() as session:
        mine, other = version(session, "one").id, version(session, "two").id
        who = consumer(session)
        new = flags.rows(who, mine, [False, True, False, True])
        new += flags.rows(who, other, [True], first=2)
        new[2] = replace(new[2], segment="zoo", picture_digest=new[0].picture_digest)
        new[3] = replace(new[3], inside=None)
        flags.add(session, new[::-1])
    with database.read() as session:
        found = detectors.unread(session, mine, None, later(seconds=1), 9)
        assert [(one.flagged, one.segment, one.repeated) for one in found] == [
            (False, None, False),
            (True, None, False),
            (False, "zoo", True),
        ]
        assert [one.repeated_in_segment for one in found] == [False, False, False]
        assert detectors.unread(session, mine, found[0].id, later(seconds=1), 1) == found[1:2]
        early = NOW + timedelta(milliseconds=150)
        assert detectors.unread(session, mine, None, early, 9) == found[:2]


def test_a_detector_is_begun_once_and_kept_as_it_is_given(database: Database) -> None:
    with database.write() as session:
        mine = version(session).id
        assert detectors.locked(session, mine) == {}
        detectors.begin(session, mine, {"plan": 1}, NOW)
        detectors.begin(session, mine, {"plan": 2}, NOW)
    with database.write() as session:
        assert detectors.locked(session, mine)[""].state == {"plan": 1}
        detectors.keep(session, mine, "", 7, "id", {"plan": 1, "statistic": 3}, later(hours=1))
        detectors.keep(session, mine, "zoo", 2, "id", {}, later(hours=1))
    with database.read() as session:
        assert [(one.stream, one.seen) for one in detectors.of_version(session, mine)] == [
            ("", 7),
            ("zoo", 2),
        ]
        assert detectors.updated_since(session, later(minutes=59)) == [mine]
        assert detectors.updated_since(session, later(minutes=61)) == []


@pytest.mark.parametrize("micros", [0, 1, 999, 123456])
def test_the_first_id_of_a_moment_divides_what_is_before_from_what_is_not(micros: int) -> None:
    at = NOW + timedelta(microseconds=micros)
    assert first_id(at) <= new_id(at)
    assert new_id(at - timedelta(milliseconds=1)) < first_id(at)
    assert time_of(first_id(at)) <= at
