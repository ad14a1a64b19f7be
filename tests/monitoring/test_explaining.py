"""Alarms of both kinds explained by the loop itself, from what a toy model answered."""

from dataclasses import replace
from pathlib import Path

from monitoring import explaining, loop
from monitoring.monitor import Monitor
from store import alarms, windows
from store.alarms import NewAlarm
from store.tables import Alarm
from tests.monitoring.given import Watched, opinions
from tests.monitoring.seen import kept


def the_alarm(watched: Watched) -> Alarm:
    with watched.database.read() as session:
        return alarms.open_alarms(session)[-1]


def settled(watched: Watched) -> Monitor:
    watched.clock.pass_by(minutes=1)
    return watched.monitor


def test_an_online_alarm_is_explained_in_the_look_that_raised_it(
    watched: Watched, bundle: Path
) -> None:
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 60), segment="zoo")
    watched.answer(version, opinions(bundle, 40, 1000, "grey"), segment="shop")
    loop.look(settled(watched))
    with watched.database.read() as session:
        found = [one for one in alarms.open_alarms(session, "online") if one.stream == ""]
    assert len(found) == 1
    why = found[0].detail["why"]
    assert found[0].explained_at is not None
    assert "no colour" in why["sentence"] or "pale colours" in why["sentence"]
    assert {one["segment"] for one in why["pictures"]} == {"shop"}
    assert 0 < len(why["pictures"]) <= 24


def test_a_window_alarm_is_explained_by_the_windows_own_pictures(
    watched: Watched, bundle: Path
) -> None:
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 45), segment="zoo")
    watched.answer(version, opinions(bundle, 15, 2000, "grey"), segment="shop")
    loop.look(watched.monitor)
    window = next(one for one in kept(watched) if one.segment == "")
    with watched.database.write() as session:
        alarms.raise_alarm(
            session, NewAlarm("window", "", version.id, window.id, {}), watched.clock()
        )
    explaining.turn(watched.monitor)
    with watched.database.read() as session:
        why = alarms.open_alarms(session, "window")[0].detail["why"]
    assert why["of"] == windows_pictures(watched, window.id)
    shop = sum(one["segment"] == "shop" for one in why["pictures"][:15])
    # nine in ten, less two for a reference of 120 toys
    assert shop >= 11
    assert why["segment"]["name"] == "shop"


def windows_pictures(watched: Watched, window_id: str) -> int:
    with watched.database.read() as session:
        return windows.get(session, window_id).pictures


def test_what_cannot_be_explained_says_so_and_is_asked_no_more(
    watched: Watched, small: Path
) -> None:
    version = watched.promote(small)
    gone = {"first_prediction_id": "0", "last_prediction_id": "1"}
    with watched.database.write() as session:
        new = NewAlarm("online", "", version.id, None, gone)
        alarms.raise_alarm(session, new, watched.clock())
        alarms.raise_alarm(session, replace(new, model_version_id=None), watched.clock())
        alarms.raise_alarm(session, replace(new, kind="accuracy"), watched.clock())
    explaining.turn(watched.monitor)
    with watched.database.read() as session:
        assert alarms.unexplained(session, explaining.KINDS, 9) == []
        for one in alarms.open_alarms(session, "online"):
            assert "gone" in one.detail["why"]["sentence"]
        assert alarms.open_alarms(session, "accuracy")[0].explained_at is None
