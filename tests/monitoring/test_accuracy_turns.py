from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from monitoring import accuracy_recompute, accuracy_turns
from monitoring.monitor import Monitor
from monitoring.references import References
from store import accuracies, alarms, jobs, rollouts
from store.accuracies import NewAccuracy
from store.bundles import BundleStore
from store.database import Database
from store.errors import NotFound
from store.objects import Objects
from store.rollouts import Actor
from store.tables import Accuracy, Alarm, Job
from tests.monitoring.audited import Audited
from tests.monitoring.given import Clock, settings
from tests.store.given import NOW, PENDING, later

PROMISED = {"unseen": {"right": 98, "pictures": 100, "share": 0.98, "low": 0.93, "high": 0.995}}


class Watching:
    """Monitors over one database, and people who audit. Answers are made from NOW on, looks end at whole hours."""

    def __init__(self, database: Database, folder: Path, **card: Any) -> None:
        self.database, self.folder, self.clock = database, folder, Clock()
        self.audited = Audited(database, card)

    def monitor(self, name: str = "one", **changes: Any) -> Monitor:
        changes = {"accuracy_every_seconds": 3600.0, **changes}
        known = settings(self.database.url, self.folder, **changes)
        bundles = BundleStore(Objects(str(self.folder / "storage")), self.folder / name)
        return Monitor(known, self.clock, self.database, References(bundles), name)

    def look(self, **changes: Any) -> Sequence[Accuracy]:
        """An hour and a little later a turn; the rows of the newest look."""
        self.clock.pass_by(hours=1, minutes=2)
        accuracy_turns.turn(self.monitor(**changes))
        with self.database.read() as session:
            return accuracies.newest(session)

    def alarms(self) -> Sequence[Alarm]:
        with self.database.read() as session:
            return alarms.newest(session, 10)

    def jobs(self) -> Sequence[Job]:
        with self.database.read() as session:
            return jobs.newest(session, "accuracy")


@pytest.fixture
def watching(database: Database, tmp_path: Path) -> Watching:
    return Watching(database, tmp_path, **PROMISED)


def test_a_look_keeps_a_row_for_every_slice(watching: Watching) -> None:
    watching.audited.answer(38, ["grizzly"], segment="north")
    watching.audited.answer(2, ["teddy", "teddy"], segment="north")
    watching.audited.answer(60)
    rows = watching.look()
    version = watching.audited.version.id
    slices: list[tuple[str | None, str, str]] = [
        (None, "all", ""),
        (None, "class", "grizzly"),
        (None, "segment", "north"),
    ]
    slices += [(version, kind, name) for _, kind, name in slices]
    assert [(one.model_version_id, one.slice_kind, one.slice_name) for one in rows] == slices
    overall = rows[0]
    assert (overall.labels, overall.estimate) == (40, 0.95)
    assert overall.low is not None
    assert overall.high is not None
    assert 0.8 < overall.low < 0.95 < overall.high < 1
    assert (overall.ends_at, overall.starts_at) == (later(hours=1), later(hours=1 - 28 * 24))
    counts = ("answers", "drawn", "answered", "open", "waiting", "read_twice", "not_usable")
    assert [overall.detail[name] for name in counts] == [100, 40, 40, 0, 0, 2, 0]
    daily = rows[3].detail["sequence"]
    assert (daily["labels"], daily["right"]) == (40, 38)
    assert daily["low"] < overall.low < overall.high < daily["high"]


def test_nothing_is_shown_below_thirty_effective_labels(watching: Watching) -> None:
    watching.audited.answer(29, ["grizzly"])
    row = watching.look()[0]
    assert (row.labels, row.effective_labels) == (29, 29)
    assert (row.estimate, row.low, row.high, row.detail["bounds"]) == (None, None, None, None)
    watching.audited.answer(1, ["grizzly"])
    assert watching.look()[0].estimate == 1.0


def test_what_is_open_is_missing_and_bounded(watching: Watching) -> None:
    watching.audited.answer(40, ["grizzly"])
    watching.audited.answer(4, [])
    watching.audited.answer(2, ["teddy"])  # a second reader is wanted, and there was none
    watching.audited.answer(3, ["not_usable", "not_usable"])
    watching.audited.answer(5, **PENDING)
    row = watching.look()[0]
    counts = ("answers", "held", "drawn", "answered", "open", "waiting", "not_usable")
    assert [row.detail[name] for name in counts] == [49, 5, 49, 45, 4, 2, 3]
    assert row.labels == 42
    assert row.estimate == pytest.approx(40 / 42)  # counted as wrong until somebody reads again
    low, high = row.detail["bounds"]
    assert low <= 40 / 46
    assert high == 1.0  # all that is open could be right


def test_the_plain_share_of_right_reviews_stands_beside_it_and_is_another(
    watching: Watching,
) -> None:
    watching.audited.answer(36, ["grizzly"])
    for one in watching.audited.answer(12, lane="rule", decision="answer_and_review"):
        watching.audited.read(one, "teddy")
    watching.audited.answer(1, lane="rule", decision="answer_and_review")  # nobody labelled it
    watching.audited.answer(600)
    row = watching.look()[0]
    assert row.detail["plain"] == {"reviews": 48, "share": 0.75}
    assert row.estimate == 1.0


def test_several_monitors_take_one_look(watching: Watching) -> None:
    watching.audited.answer(1, ["grizzly"])
    watching.clock.pass_by(hours=1, minutes=2)
    for name in ("one", "two", "one"):
        accuracy_turns.turn(watching.monitor(name))
    assert len(watching.jobs()) == 1
    watching.look()
    assert len(watching.jobs()) == 2


def test_without_a_prediction_there_is_nothing_to_look_at(watching: Watching) -> None:
    assert watching.look() == []
    assert watching.jobs() == []


def test_a_row_computes_again_bit_for_bit_whatever_came_later(watching: Watching) -> None:
    ids = watching.audited.answer(40, ["grizzly"], segment="north")
    watching.audited.answer(3, ["teddy", "teddy"])
    watching.audited.answer(30)
    rows = watching.look()
    watching.audited.answers += 7200
    watching.audited.answer(5, ["teddy", "teddy"])
    watching.audited.read(ids[0], "teddy", at=later(hours=2))
    for row in rows:
        with watching.database.read() as session:
            kept, computed = accuracy_turns.again(session, row.id)
        assert {name: getattr(kept, name) for name in asdict(computed)} == asdict(computed)
        assert accuracies.identity(NewAccuracy(**asdict(computed))) == row.id
        done = accuracy_recompute.accuracy(watching.database, row.id)
        assert (done.same, "bit for bit" in done.sentence) == (True, True)


def test_a_row_that_was_changed_or_whose_method_is_gone_is_not_the_same(
    watching: Watching,
) -> None:
    watching.audited.answer(1, ["grizzly"])
    (first, second, *_) = watching.look()
    with watching.database.write() as session:
        accuracies.get(session, first.id).labels = 2
        accuracies.get(session, second.id).method = "guessing"
    changed = accuracy_recompute.accuracy(watching.database, first.id)
    assert (changed.same, "differs in its labels" in changed.sentence) == (False, True)
    unknown = accuracy_recompute.accuracy(watching.database, second.id)
    assert (unknown.same, "another method (guessing)" in unknown.sentence) == (False, True)
    with pytest.raises(NotFound):
        accuracy_recompute.accuracy(watching.database, "nothing")


def test_a_fall_below_what_the_version_promised_raises_one_alarm_a_month(
    watching: Watching,
) -> None:
    watching.audited.answer(30, ["grizzly"])
    watching.look()
    assert watching.alarms() == []
    watching.audited.answer(12, ["teddy", "teddy"])
    row = watching.look()[2]
    test = row.detail["test"]
    assert (test["target"], test["declared"], test["fall"]) == (0.93, False, 0.05)
    assert test["e_value"] > 20
    (alarm,) = watching.alarms()
    assert (alarm.kind, alarm.stream, alarm.pages) == ("accuracy", "", True)
    assert alarm.model_version_id == watching.audited.version.id
    assert (alarm.detail["target"], alarm.detail["right"]) == (0.93, 30)
    with watching.database.write() as session:
        alarms.clear(session, alarm.id, watching.clock())
    watching.look()
    assert len(watching.alarms()) == 1


def test_the_alarm_of_a_version_that_answers_nobody_any_more_is_over(watching: Watching) -> None:
    actor, version = Actor("system", "a test"), watching.audited.version
    with watching.database.write() as session:
        rollout = rollouts.open_rollout(session, version.id, actor, "new", NOW)
        rollouts.move(session, rollout.id, "promote", actor, "try", NOW)
    watching.audited.answer(12, ["teddy", "teddy"])
    watching.look()
    watching.look()
    assert [one.cleared_at for one in watching.alarms()] == [None]
    with watching.database.write() as session:
        rollouts.move(session, rollout.id, "revert", actor, "it is often wrong", NOW)
    watching.look()
    assert [one.cleared_by for one in watching.alarms()] == ["monitoring"]


def test_labels_that_wait_for_a_second_reader_raise_no_alarm(watching: Watching) -> None:
    watching.audited.answer(30, ["grizzly"])
    watching.audited.answer(12, ["teddy"])
    daily = watching.look()[2].detail["sequence"]
    assert (daily["labels"], daily["right"], daily["waiting"]) == (42, 30, 12)
    assert daily["high"] == 1.0
    assert watching.alarms() == []


def test_a_declared_target_goes_before_the_promised_one(watching: Watching) -> None:
    watching.audited.answer(1, ["grizzly"])
    test = watching.look(accuracy_target=0.9)[2].detail["test"]
    assert (test["target"], test["declared"], test["at"]) == (0.9, True, None)


def test_without_a_target_nothing_is_tested(database: Database, tmp_path: Path) -> None:
    watching = Watching(database, tmp_path)
    watching.audited.answer(1, ["grizzly"])
    assert [one.detail.get("test") for one in watching.look() if one.slice_kind == "all"] == [
        None
    ] * 2


def test_a_month_begins_anew_but_a_look_that_ends_with_it_belongs_to_it(
    watching: Watching,
) -> None:
    watching.audited.answer(3, ["grizzly"])
    watching.clock.now = later(days=30, hours=12, minutes=2)  # midnight, 1 April
    watching.clock.pass_by(hours=-1, minutes=-2)
    since = watching.look(accuracy_days=60)[2].detail["sequence"]
    assert (since["since"], since["labels"]) == ((NOW.replace(hour=0)).isoformat(), 3)
    since = watching.look(accuracy_days=60)[2].detail["sequence"]
    assert (since["since"][:10], since["labels"]) == ("2026-04-01", 0)
