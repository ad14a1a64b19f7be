from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from store import alarms
from store.alarms import NewAlarm
from store.database import Database
from store.errors import Conflict, Invalid, NotFound
from store.tables import Alarm
from tests.store.given import NOW, later, version


def new(stream: str = "", kind: str = "online") -> NewAlarm:
    return NewAlarm(kind, stream, None, None, {"index": 7})


def raised(database: Database, one: NewAlarm, hours: int = 0) -> Alarm:
    with database.write() as session:
        return alarms.raise_alarm(session, one, later(hours=hours))


def every(database: Database) -> Sequence[Alarm]:
    with database.read() as session:
        return alarms.newest(session, 50)


def test_an_alarm_that_is_raised_again_is_the_open_one_and_counts(database: Database) -> None:
    first = raised(database, new())
    again = raised(database, replace(new(), detail={"index": 9}, pages=True), hours=1)
    assert (again.id, again.times, again.detail) == (first.id, 2, {"index": 7})
    assert (first.pages, again.pages) == (False, True)
    assert (again.raised_at, again.last_raised_at) == (NOW, later(hours=1))
    assert raised(database, new(), hours=2).pages
    assert len(every(database)) == 1


def test_kinds_streams_and_versions_have_alarms_of_their_own(database: Database) -> None:
    with database.write() as session:
        one = version(session).id
    others = [new(), new("zoo"), new(kind="window"), replace(new(), model_version_id=one)]
    assert len({raised(database, other).id for other in others}) == 4
    with database.read() as session:
        assert len(alarms.open_alarms(session)) == 4
        assert [alarm.kind for alarm in alarms.open_alarms(session, "window")] == ["window"]
        assert {alarm.stream for alarm in alarms.left_behind(session, "online", [one])} == {
            "",
            "zoo",
        }


def test_of_monitors_that_raise_at_once_all_get_one_row(database: Database) -> None:
    with ThreadPoolExecutor(4) as monitors:
        rows = list(monitors.map(lambda _: raised(database, new()).id, range(12)))
    assert len(set(rows)) == 1
    assert every(database)[0].times == 12


def test_after_it_is_cleared_the_next_one_is_new_and_open_ones_come_first(
    database: Database,
) -> None:
    first = raised(database, new("zoo"))
    newer = raised(database, new("shop"), hours=1)
    with database.write() as session:
        alarms.clear(session, newer.id, later(hours=2))
    with database.write() as session:
        cleared = alarms.clear(session, newer.id, later(hours=3))
    assert (cleared.cleared_at, cleared.cleared_by) == (later(hours=2), "monitoring")
    assert [alarm.id for alarm in every(database)] == [first.id, newer.id]
    assert raised(database, new("shop"), hours=4).id != newer.id
    with database.read() as session:
        assert len(alarms.open_alarms(session)) == 2


def test_who_acknowledges_says_why_and_it_stays_open(database: Database) -> None:
    alarm = raised(database, new())
    with database.write() as session:
        alarms.acknowledge(session, alarm.id, "olga", " the camera is being mended ", NOW)
    with database.read() as session:
        seen = alarms.get(session, alarm.id)
        assert [one.id for one in alarms.open_alarms(session)] == [alarm.id]
    assert (seen.acknowledged_by, seen.acknowledged_at) == ("olga", NOW)
    assert seen.acknowledged_why == "the camera is being mended"
    with pytest.raises(Conflict, match="olga"), database.write() as session:
        alarms.acknowledge(session, alarm.id, "otto", "me too", NOW)


def test_what_cannot_be_acknowledged(database: Database) -> None:
    alarm = raised(database, new())
    with pytest.raises(Invalid), database.write() as session:
        alarms.acknowledge(session, alarm.id, "olga", "  ", NOW)
    with pytest.raises(NotFound), database.write() as session:
        alarms.acknowledge(session, "nothing", "olga", "why", NOW)
    with database.write() as session:
        alarms.clear(session, alarm.id, NOW, by="olga")
    with pytest.raises(Conflict), database.write() as session:
        alarms.acknowledge(session, alarm.id, "olga", "why", NOW)
    with pytest.raises(NotFound), database.read() as session:
        alarms.get(session, "nothing")


def test_an_explanation_is_added_once(database: Database) -> None:
    alarm = raised(database, new())
    with database.read() as session:
        assert [one.id for one in alarms.unexplained(session, ["online"], 9)] == [alarm.id]
        assert alarms.unexplained(session, ["window"], 9) == []
    for why, first in (({"pictures": 24}, True), ({"pictures": 3}, False)):
        with database.write() as session:
            assert alarms.explain(session, alarm.id, why, NOW) is first
    assert every(database)[0].detail == {"index": 7, "why": {"pictures": 24}}
    with database.read() as session:
        assert alarms.unexplained(session, ["online"], 9) == []
