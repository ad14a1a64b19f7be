from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitoring import hours, loop
from monitoring.due import Stretch
from monitoring.hours import Hours
from store import predictions, slices, windows
from store.database import Database
from store.windows import NewWindow
from tests.monitoring.given import Watched, opinions
from tests.monitoring.seen import kept
from tests.store import given
from tests.store.given import NOW, entry, keep
from tests.store.rolling import OPS

LEAST = 60


class Days:
    """Nights of one version, 30 pictures each at the same hour, and the windows by time that were made of them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as session:
            self.shop, self.version = given.consumer(session), given.version(session).id

    def night(self, day: int, hour: int = 0, verdict: str = "quiet", check: bool = True) -> Stretch:
        first = day * 86400 + hour * 3600
        entries = [
            entry(
                self.shop,
                first + 60 * number,
                model_version_id=self.version,
                inside=number % 10 > 0,
            )
            for number in range(30)
        ]
        keep(self.database, entries)
        ends = entries[0].prediction.id, entries[-1].prediction.id
        stretch = Stretch(self.version, *ends, kind="time")
        if check:
            times = (entries[0].prediction.created_at, entries[-1].prediction.created_at)
            new = NewWindow(
                self.version, "", *ends, *times, 30, verdict, {}, {"without": []}, "time"
            )
            with self.database.write() as session:
                windows.add(session, new, None, NOW)
        return stretch

    def reference(self, stretch: Stretch, least: int = LEAST) -> Hours | None:
        with self.database.read() as session:
            ends = stretch.first_prediction_id, stretch.last_prediction_id
            rows = slices.rows(session, slices.ids_between(session, stretch.slice, *ends))
            return hours.reference(session, stretch, rows, least)


@pytest.fixture
def days(database: Database) -> Days:
    return Days(database)


def test_three_quiet_nights_are_a_reference_of_the_fourth(days: Days) -> None:
    for day in range(3):
        days.night(day)
    found = days.reference(days.night(3, check=False))
    assert found is not None
    assert (len(found.against.table), len(found.window_ids)) == (90, 3)
    assert (found.against.rank, found.against.calibration, found.against.traffic) == (9, 90, True)


def test_two_nights_or_too_few_pictures_are_none(days: Days) -> None:
    for day in range(2):
        days.night(day)
    assert days.reference(days.night(2, check=False)) is None
    for day in (3, 4):
        days.night(day)
    assert days.reference(days.night(5, check=False)) is not None
    assert days.reference(days.night(6, check=False), least=200) is None


def test_other_hours_do_not_count_and_neither_does_drift_until_it_is_accepted(days: Days) -> None:
    for day in range(3):
        days.night(day, hour=12)
        days.night(day, verdict="drift")
    tonight = days.night(3, check=False)
    assert days.reference(tonight) is None
    with days.database.write() as session:
        for one in windows.newest(session):
            if one.verdict == "drift":
                windows.accept(session, one.id, OPS, "it is night", NOW)
    found = days.reference(tonight)
    assert found is not None
    assert len(found.window_ids) == 3


def test_the_reference_stays_the_first_nights(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hours, "MOST_REFERENCE", 90)
    for day in range(3):
        days.night(day)
    first = days.reference(days.night(3))
    later_on = days.reference(days.night(9, check=False))
    assert first is not None
    assert later_on is not None
    assert (first.window_ids, first.digest) == (later_on.window_ids, later_on.digest)


def test_nights_that_retention_has_begun_to_take_are_no_reference_and_later_ones_are(
    days: Days,
) -> None:
    nights = [days.night(day) for day in range(6)]
    now = days.night(6, check=False)
    with days.database.write() as session:
        # the first night's first prediction has gone, the second night's features too, and the others have theirs
        rows = [predictions.get(session, one.first_prediction_id) for one in nights]
        session.delete(rows[0])
        for row in [*rows[2:], predictions.get(session, now.first_prediction_id)]:
            row.features = b"\0\0"
    found = days.reference(now)
    assert found is not None
    with days.database.read() as session:
        firsts = [windows.get(session, one).first_prediction_id for one in found.window_ids]
    assert firsts == [one.first_prediction_id for one in nights[2:]]


def test_a_window_of_many_hours_has_no_hour(days: Days) -> None:
    for day in range(3):
        days.night(day)
    long = days.night(3, check=False)
    last = days.night(3, hour=6, check=False)
    whole = Stretch(days.version, long.first_prediction_id, last.last_prediction_id, kind="time")
    assert days.reference(whole) is None


def test_night_pictures_are_drift_until_the_nights_are_known(
    sqlite_url: str, tmp_path: Path, bundle: Path
) -> None:
    watched = Watched(Database(sqlite_url), tmp_path)
    version = watched.promote(bundle)
    verdicts = []
    midnight = datetime.combine(watched.clock().date(), datetime.min.time(), watched.clock().tzinfo)
    for day in range(1, 5):
        watched.clock.now = midnight + timedelta(days=day)
        watched.answer(version, opinions(bundle, 59, first=100 * day, shift="dark"))
        watched.clock.pass_by(hours=1)
        loop.look(watched.monitor)
        # a look may check the same pictures by count as well: those know no hours
        window = next(one for one in kept(watched) if one.kind == "time")
        assert window.ends_at >= watched.clock.now - timedelta(hours=1)
        verdicts.append(window.verdict)
        with watched.database.write() as session:
            windows.accept(session, window.id, OPS, "it is night", watched.clock())
    assert verdicts[:3] == ["drift"] * 3
    assert verdicts[3:] == ["quiet"]
    watched.database.dispose()
