from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring import loop, paging
from store import alarms, windows
from store.database import Database
from store.tables import Alarm, Window
from store.windows import NewWindow
from tests.monitoring.given import Watched, opinions
from tests.monitoring.seen import kept
from tests.store import given
from tests.store.given import later
from tests.store.rolling import OPS


class Checks:
    """Windows of one version as they would be judged, an hour each."""

    def __init__(self, database: Database) -> None:
        self.database, self.number = database, 0
        with database.write() as session:
            self.version = given.version(session).id

    def check(self, p: float, kind: str = "time", segment: str = "") -> Window:
        """A window whose flags have this p-value; drift from 0.02 down."""
        self.number += 1
        now = later(hours=self.number)
        test = {"family": "flags", "p_value": p, "threshold": 0.02, "drift": p <= 0.02}
        new = NewWindow(
            self.version, segment, f"{self.number:03}", f"{self.number:03}", now - timedelta(hours=1),
            now, 60, "drift" if p <= 0.02 else "quiet", {"flagged_pictures": test}, {}, kind,
        )  # fmt: skip
        with self.database.write() as session:
            day = paging.of_the_day(session, 0.05, now)
            window = windows.add(session, paging.decided(session, new, day, now), None, now)
            paging.tell(session, window, now)
        return window

    def open(self) -> list[Alarm]:
        with self.database.read() as session:
            return list(alarms.open_alarms(session, paging.KIND))


@pytest.fixture
def checks(database: Database) -> Checks:
    return Checks(database)


def test_what_is_far_beyond_chance_raises_an_alarm_at_once(checks: Checks) -> None:
    window = checks.check(1e-6)
    (alarm,) = checks.open()
    assert window.pages
    assert (alarm.window_id, alarm.stream, alarm.pages) == (window.id, "", True)
    assert alarm.detail["moved"] == ["flagged_pictures"]
    assert alarm.detail["windows_in_a_row"] == 1


def test_a_verdict_that_may_be_chance_is_shown_and_pages_nobody(checks: Checks) -> None:
    assert (checks.check(0.01).verdict, checks.open()) == ("drift", [])


def test_drift_that_stays_pages_and_is_one_alarm(checks: Checks) -> None:
    assert [checks.check(0.005).pages for _ in range(4)] == [False, True, True, True]
    (alarm,) = checks.open()
    assert alarm.times == 3


def test_a_quiet_window_or_an_accepted_one_ends_the_run(checks: Checks) -> None:
    checks.check(0.005)
    checks.check(0.5)
    assert not checks.check(0.005).pages
    last = checks.check(0.5)
    first = checks.check(0.005)
    with checks.database.write() as session:
        windows.accept(session, first.id, OPS, "a holiday", last.created_at)
    assert not checks.check(0.005).pages


def test_kinds_and_segments_are_streams_of_their_own(checks: Checks) -> None:
    for kind, segment in (("time", ""), ("count", ""), ("time", "zoo"), ("count", "zoo")):
        assert not checks.check(0.005, kind, segment).pages


def test_two_quiet_windows_of_its_kind_clear_the_alarm(checks: Checks) -> None:
    checks.check(1e-6)
    checks.check(0.5)
    checks.check(0.5, "count")
    checks.check(0.5, "count")
    checks.check(0.5, "time", "zoo")
    assert len(checks.open()) == 1
    checks.check(0.5)
    assert checks.open() == []


def test_the_share_of_a_window_falls_with_the_windows_of_the_last_day(checks: Checks) -> None:
    shares = [
        checks.check(0.01, "time", str(number)).config["budget"]["share"] for number in range(40)
    ]
    # an hour each: a day never has more than 24 of them
    assert set(shares) == {0.05 / 24 / 2}


def budget(window: Window) -> Any:
    return window.config["budget"]


def test_the_real_loop_pages_for_sketches_and_says_why(watched: Watched, bundle: Path) -> None:
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60, shift="sketch"))
    loop.look(watched.monitor)
    (window,) = kept(watched)
    with watched.database.read() as session:
        (alarm,) = alarms.open_alarms(session, paging.KIND)
    assert window.pages
    assert budget(window)["p_value"] <= budget(window)["share"]
    assert alarm.window_id == window.id
    assert "flagged_pictures" in alarm.detail["moved"]


def test_a_version_that_answers_no_more_leaves_no_alarm(
    watched: Watched, bundle: Path, small: Path
) -> None:
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60, shift="sketch"))
    loop.look(watched.monitor)
    watched.promote(small)
    loop.look(watched.monitor)
    with watched.database.read() as session:
        assert alarms.open_alarms(session, paging.KIND) == []


def test_a_swap_is_no_drift_by_itself(
    sqlite_url: str, tmp_path: Path, bundle: Path, other: Path
) -> None:
    watched = Watched(Database(sqlite_url), tmp_path)
    seen = 0
    for turn in range(4):
        using = (bundle, other)[turn % 2]
        version = watched.promote(using)
        # the old version's pictures do not join the new one's window
        watched.answer(version, opinions(using, 60, first=1000 * (turn + 1)))
        loop.look(watched.monitor)
        window = kept(watched)[0]
        assert (window.model_version_id, window.pictures) == (version.id, 60)
        seen += window.verdict == "drift"
        assert not window.pages
    assert len(kept(watched)) == 4
    # at 5 % each, more than one of four happen in 1.4 % of runs
    assert seen <= 1
    with watched.database.read() as session:
        assert alarms.open_alarms(session, paging.KIND) == []
    watched.database.dispose()
