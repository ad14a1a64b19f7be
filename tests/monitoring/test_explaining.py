"""Alarms of both kinds explained by the loop itself, from what a toy model answered."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from monitoring import explaining, loop
from monitoring.monitor import Monitor
from store import alarms, detectors, labels, predictions, reviews, windows
from store.alarms import NewAlarm
from store.ids import new_id
from store.labels import Answer
from store.tables import Alarm
from store.windows import NewWindow
from tests.monitoring.given import Watched, opinions
from tests.monitoring.seen import kept
from tests.store import given
from tests.toy import CLASSES


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
        month = {name: watched.clock().isoformat() for name in ("since", "ends_at")}
        alarms.raise_alarm(session, replace(new, kind="accuracy", detail=month), watched.clock())
        alarms.raise_alarm(session, replace(new, kind="rollout_guard"), watched.clock())
    explaining.turn(watched.monitor)
    with watched.database.read() as session:
        assert alarms.unexplained(session, explaining.KINDS, 9) == []
        for kind, count in (("online", 2), ("accuracy", 1)):
            said = [one.detail["why"]["sentence"] for one in alarms.open_alarms(session, kind)]
            assert [("gone" in one) for one in said] == [True] * count
        assert alarms.open_alarms(session, "rollout_guard")[0].explained_at is None


def test_alarms_of_the_small_segments_together_are_explained_by_their_pictures(
    watched: Watched, bundle: Path
) -> None:
    version = watched.promote(bundle)
    watched.answer(version, opinions(bundle, 30), segment="zoo")
    for number in range(4):
        strange = opinions(bundle, 30, 1000, "grey")[number * 5 : number * 5 + 5]
        watched.answer(version, strange, segment=f"small {number}")
    with watched.database.read() as session:
        rows = predictions.of_version(session, version.id, 100, "")
    first, last = rows[0].id, rows[-1].id
    window = NewWindow(
        version.id, "other", first, last, rows[0].created_at, rows[-1].created_at, 20, "drift", {},
        {"without": ["zoo"]},
    )  # fmt: skip
    counted = {"first_prediction_id": first, "last_prediction_id": last}
    with watched.database.write() as session:
        kept_window = windows.add(session, window, None, watched.clock())
        for stream in ("", "zoo", "other"):
            detectors.keep(session, version.id, stream, 1, last, {}, watched.clock())
        for new in (
            NewAlarm("window", "other", version.id, kept_window.id, {}),
            NewAlarm("online", "other", version.id, None, counted),
        ):
            alarms.raise_alarm(session, new, watched.clock())
    explaining.turn(watched.monitor)
    with watched.database.read() as session:
        for one in alarms.open_alarms(session):
            assert one.detail["why"]["of"] == 20, one.kind
            came_from = {shown["segment"] for shown in one.detail["why"]["pictures"]}
            assert came_from == {f"small {number}" for number in range(4)}, one.kind


def test_an_accuracy_alarm_is_explained_by_the_answers_that_people_found_wrong(
    watched: Watched, bundle: Path
) -> None:
    version = watched.promote(bundle)
    right, wrong = opinions(bundle, 40), opinions(bundle, 12, 3000, "grey")
    wrong = [replace(one, label="bear") for one in wrong]
    for some, segment in ((right, "zoo"), (wrong, "shop")):
        watched.answer(version, some, lane="audit", segment=segment, audited=True)
    with watched.database.write() as session:
        readers = [given.person(session, name) for name in ("rita", "otto")]
        for row in predictions.of_version(session, version.id, 100, ""):
            (review,) = reviews.of_prediction(session, row.id)
            said = "teddy" if row.segment == "shop" else str(row.label)
            # what differs is read twice
            for reader in readers[: 2 if row.segment == "shop" else 1]:
                key = new_id(watched.clock())
                token = reviews.lease_again(session, review, reader, watched.clock()).token
                answer = Answer(review.id, reader, token, "class", said, key)
                labels.give(session, answer, CLASSES, watched.clock())
        since = watched.clock() - timedelta(hours=1)
        watched.clock.pass_by(minutes=1)
        month = {"since": since.isoformat(), "ends_at": watched.clock().isoformat()}
        new = NewAlarm("accuracy", "", version.id, None, month, pages=True)
        alarms.raise_alarm(session, new, watched.clock())
    explaining.turn(watched.monitor)
    with watched.database.read() as session:
        why = alarms.open_alarms(session, "accuracy")[0].detail["why"]
    assert "12 of 52 answers that people read are wrong" in why["sentence"]
    assert "12 of them were answered bear, and people said teddy" in why["sentence"]
    assert "no colour" in why["sentence"] or "pale colours" in why["sentence"]
    assert "12 of the wrong ones come from shop, which sent 23% of those" in why["sentence"]
    assert (len(why["pictures"]), why["segment"]["name"]) == (12, "shop")
    assert {(one["answer"], one["truth"]) for one in why["pictures"]} == {("bear", "teddy")}
