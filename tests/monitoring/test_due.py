import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from monitoring import due
from monitoring.due import Stretch
from store import slices, windows
from store.database import Database
from store.slices import ALL, OTHER
from store.windows import NewWindow
from tests.monitoring.given import settings
from tests.store import given
from tests.store.given import NOW, entry, keep, later

FULL, LEAST, WAIT = 10, 4, 100.0


class Log:
    """Predictions of two versions, one each second, and the windows that were checked."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.settings = settings(
            database.url, folder,
            window_predictions=FULL, window_minimum=LEAST, window_wait_seconds=WAIT,
        )  # fmt: skip
        with database.write() as session:
            self.shop = given.consumer(session)
            self.one = given.version(session, "one").id
            self.two = given.version(session, "two").id
        self.ids: list[str] = []

    def answer(self, *seconds: int, version: str | None = None, segment: str | None = None) -> None:
        entries = [
            entry(self.shop, one, model_version_id=version or self.one, segment=segment)
            for one in seconds
        ]
        keep(self.database, entries)
        self.ids.extend(one.prediction.id for one in entries)

    def all_due(self, second: float) -> list[Stretch]:
        with self.database.read() as session:
            return due.stretches(session, self.one, self.settings, later(seconds=second))

    def due(self, second: float) -> Stretch | None:
        """The stretch of all segments that is due, when only one is."""
        found = [one for one in self.all_due(second) if one.segment == ALL]
        assert len(found) <= 1
        return found[0] if found else None

    def check(self, stretch: Stretch | None, pictures: int, second: float) -> None:
        assert stretch is not None
        new = NewWindow(
            model_version_id=stretch.model_version_id, segment=stretch.segment, kind=stretch.kind,
            first_prediction_id=stretch.first_prediction_id,
            last_prediction_id=stretch.last_prediction_id,
            starts_at=NOW, ends_at=NOW, pictures=pictures, verdict="quiet", values={}, config={},
        )  # fmt: skip
        with self.database.write() as session:
            windows.add(session, new, None, later(seconds=second))


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Log:
    return Log(database, tmp_path)


def test_a_stretch_is_due_when_it_is_full(log: Log) -> None:
    assert log.due(0) is None
    log.answer(*range(FULL - 1))
    assert log.due(FULL) is None
    log.answer(FULL - 1)
    assert log.due(FULL) == Stretch(log.one, log.ids[0], log.ids[-1])


def test_of_more_than_a_window_the_next_are_checked_so_that_nothing_lies_between(log: Log) -> None:
    log.answer(*range(2 * FULL + 7))
    for start in (0, FULL):
        stretch = log.due(30)
        assert stretch == Stretch(log.one, log.ids[start], log.ids[start + FULL - 1])
        log.check(stretch, FULL, 30)
    assert log.due(30) is None


def test_what_came_long_ago_is_passed_over_for_the_latest(log: Log) -> None:
    log.settings = replace(log.settings, window_wait_seconds=1e6)
    late = int(due.LATE.total_seconds())
    log.answer(*range(FULL + 7))
    assert log.due(FULL - 1 + late) == Stretch(log.one, log.ids[0], log.ids[FULL - 1])
    assert log.due(FULL + late) == Stretch(log.one, log.ids[7], log.ids[-1])


def test_no_prediction_is_in_two_windows(log: Log) -> None:
    log.answer(*range(FULL))
    log.check(log.due(20), FULL, 20)
    assert log.due(20) is None
    log.answer(*range(21, 21 + FULL - 1))
    assert log.due(40) is None
    log.answer(40)
    assert log.due(40) == Stretch(log.one, log.ids[FULL], log.ids[-1])


def by_time(log: Log, first: int, last: int) -> Stretch:
    return Stretch(log.one, log.ids[first], log.ids[last], kind="time")


def test_by_time_whatever_came_is_checked_when_a_period_has_passed(log: Log) -> None:
    log.answer(*range(LEAST))
    assert log.due(WAIT - 1) is None
    stretch = log.due(WAIT)
    assert stretch == by_time(log, 0, -1)
    log.check(stretch, LEAST, WAIT)
    log.answer(int(WAIT) + 1)
    assert log.due(2 * WAIT) is None  # it has not waited long since the last look
    assert log.due(2 * WAIT + 1) == by_time(log, -1, -1)


def test_count_and_time_use_each_their_own_predictions_up(log: Log) -> None:
    log.answer(*range(FULL))
    by_count = log.due(FULL)
    log.check(by_count, FULL, FULL)
    assert log.due(WAIT) == by_time(log, 0, -1)
    log.check(log.due(WAIT), FULL, WAIT)
    assert log.all_due(WAIT) == []


def test_too_few_pictures_use_nothing_up_and_are_told_once_for_each_wait(log: Log) -> None:
    log.answer(*range(LEAST - 1))
    log.check(log.due(WAIT), LEAST - 1, WAIT)
    assert log.due(9 * WAIT) is None  # nothing has come since
    log.answer(200)
    assert log.due(2 * WAIT - 1) is None
    stretch = log.due(2 * WAIT)
    assert stretch == by_time(log, 0, -1)
    log.check(stretch, LEAST, 2 * WAIT)
    assert log.due(9 * WAIT) is None


def test_what_another_version_answered_is_not_counted(log: Log) -> None:
    log.answer(*range(FULL), version=log.two)
    assert log.due(9 * WAIT) is None
    log.answer(20)
    assert log.due(9 * WAIT) == by_time(log, -1, -1)


def test_what_was_made_just_now_is_left_alone(log: Log) -> None:
    log.settings = replace(log.settings, window_settle_seconds=15.0)
    log.answer(*range(FULL))
    assert log.due(FULL + 13) is None
    assert log.due(FULL + 14) == Stretch(log.one, log.ids[0], log.ids[-1])


def test_each_segment_has_windows_of_its_own(log: Log) -> None:
    log.answer(*range(FULL), segment="zoo")
    log.answer(*range(FULL, FULL + 4), segment="farm")
    log.answer(FULL + 5)
    zoo = Stretch(log.one, log.ids[0], log.ids[FULL - 1], "zoo")
    assert [one for one in log.all_due(20) if one.segment] == [zoo]
    log.check(zoo, FULL, 20)
    assert [one for one in log.all_due(20) if one.segment] == []
    later_on = {(one.segment, one.kind) for one in log.all_due(WAIT + 20) if one.segment}
    assert later_on == {("zoo", "time"), ("farm", "time")}


def test_a_segment_with_too_few_pictures_is_not_told_of(log: Log) -> None:
    log.answer(*range(LEAST - 1), segment="zoo")
    assert [one.segment for one in log.all_due(WAIT)] == [ALL]


def test_of_many_segments_the_busiest_are_watched_and_the_others_together(log: Log) -> None:
    log.settings = replace(log.settings, window_segments=2)
    for number, name in enumerate(("a", "b", "c", "d")):
        log.answer(*range(100 * number, 100 * number + 8 - number), segment=name)
    log.answer(*range(900, 906), segment=OTHER)  # a segment that is really called so
    log.answer(*range(910, 915))  # and pictures of none
    found = {one.segment: one for one in log.all_due(2000) if one.segment and one.kind == "count"}
    assert set(found) == {OTHER}
    other = found[OTHER]
    assert other.without == ("a", "b")
    with log.database.read() as session:
        ids = slices.ids_between(
            session, other.slice, other.first_prediction_id, other.last_prediction_id
        )
    assert ids == log.ids[15 + 1 : 26 + 6][-FULL:]


def test_a_stretch_is_the_same_after_the_way_through_a_job(log: Log) -> None:
    stretch = Stretch(log.one, "a", "b", OTHER, ("x", "y"), "time")
    assert Stretch.of(json.loads(json.dumps(stretch.payload()))) == stretch


def test_a_look_reads_as_much_whatever_the_log_holds(log: Log) -> None:
    log.answer(*range(40), segment="zoo")
    few = statements(log)
    for start in (100, 200, 300):
        log.answer(*range(start, start + 60), segment="zoo")
    assert statements(log) == few


def statements(log: Log) -> list[tuple[str, int]]:
    """What a look asks the database, and the most rows that each question can bring."""
    asked: list[tuple[str, int]] = []

    def hear(_c: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        if text.startswith("SELECT"):
            assert "LIMIT" in text
            numbers = values.values() if isinstance(values, dict) else values
            asked.append((text, max(one for one in numbers if isinstance(one, int))))

    event.listen(log.database.engine, "before_cursor_execute", hear)
    try:
        log.all_due(WAIT / 2)
    finally:
        event.remove(log.database.engine, "before_cursor_execute", hear)
    return asked
