from datetime import timedelta

import pytest
from prometheus_client import generate_latest

from monitoring import gauges, metrics
from monitoring.snapshot import Described, Snapshot, few
from store import accuracies, alarms, heartbeats, rollouts, windows
from store.accuracies import NewAccuracy
from store.alarms import NewAlarm
from store.database import Database, Session
from store.ids import new_id
from store.rollouts import Actor
from store.tables import Detector, ModelVersion
from store.windows import NewWindow
from tests.monitoring.seen import sample
from tests.store import given
from tests.store.given import NOW, later

MOST_SERIES = 500


def answering(session: Session, name: str = "one", seconds: float = 0) -> ModelVersion:
    """A version that answers."""
    version = given.version(session, name, later(seconds=seconds))
    actor = Actor("system", "a test")
    rollout = rollouts.open_rollout(session, version.id, actor, "new", later(seconds=seconds))
    rollouts.move(session, rollout.id, "promote", actor, "try", later(seconds=seconds))
    return version


def window(
    session: Session, version: ModelVersion, segment: str, verdict: str, minute: int
) -> None:
    made = later(minutes=minute)
    ends = new_id(made)
    windows.add(
        session,
        NewWindow(version.id, segment, ends, ends, made, made, 100 + minute, verdict, {}, {}),
        None,
        made,
    )


def accuracy(version_id: str | None, by: str, name: str, estimate: float | None) -> NewAccuracy:
    low, high = (None, None) if estimate is None else (estimate - 0.05, estimate + 0.05)
    return NewAccuracy(
        version_id, by, name, "wilson", NOW, later(days=1), 400, 380.0, estimate, low, high, {}
    )


def refresh(database: Database, minutes: float = 60) -> None:
    with database.read() as session:
        gauges.refresh(session, later(minutes=minutes))


def test_a_scrape_stays_below_500_series_at_100_classes(database: Database) -> None:
    with database.write() as session:
        versions = [answering(session, f"bundle {number}", number) for number in range(6)]
        live = versions[-1]
        for number in range(40):
            window(session, live, f"segment {number}", "drift", number)
            session.add(
                Detector(
                    stream=f"segment {number}",
                    model_version_id=live.id,
                    seen=number,
                    state={"statistic": 1.0, "threshold": 9.0},
                    updated_at=NOW,
                )
            )
            for kind in ("window", "online", f"new kind {number}"):
                alarms.raise_alarm(session, NewAlarm(kind, str(number), live.id, None, {}), NOW)
        whose = (None, *(one.id for one in versions))
        slices = [("all", ""), *(("class", f"class {n}") for n in range(150))]
        slices += [("segment", f"segment {n}") for n in range(40)]
        look = [
            accuracy(version, by, name, 0.5 + len(name) / 1000)
            for version in whose
            for by, name in slices
        ]
        accuracies.keep(session, look, NOW)
    refresh(database)
    lines = generate_latest(metrics.REGISTRY).decode().splitlines()
    series = [line for line in lines if not line.startswith("#")]
    assert sum(line.startswith('ursa_accuracy_ratio{by="class"') for line in series) == 100
    assert sum(line.startswith('ursa_accuracy_low_ratio{by="class"') for line in series) == 20
    assert sum(line.startswith("ursa_segment_window_drift") for line in series) == 20
    assert len(series) <= MOST_SERIES


def test_each_segment_shows_its_newest_window(database: Database) -> None:
    with database.write() as session:
        version = answering(session)
        for minute, (segment, verdict) in enumerate(
            [
                ("", "quiet"),
                ("north", "drift"),
                ("north", "quiet"),
                ("", "drift"),
                ("south", "too_few"),
            ]
        ):
            window(session, version, segment, verdict, minute)
    refresh(database)
    assert sample("ursa_segment_window_drift", version="1", segment="north") == 0
    assert sample("ursa_segment_window_drift", version="1", segment="all") == 1
    assert sample("ursa_segment_window_pictures", version="1", segment="south") == 104
    text = generate_latest(metrics.REGISTRY).decode()
    assert 'ursa_segment_window_drift{segment="south"' not in text


def test_an_alarm_that_is_cleared_leaves_the_gauges(database: Database) -> None:
    with database.write() as session:
        version = given.version(session)
        new = NewAlarm("window", "", version.id, None, {}, pages=True)
        raised = alarms.raise_alarm(session, new, NOW)
    refresh(database)
    assert sample("ursa_alarms_open", kind="window", pages="true") == 1
    assert sample("ursa_alarms_open", kind="online", pages="true") == 0
    labels = {"kind": "window", "pages": "true", "alarm": raised.id}
    assert sample("ursa_alarm_raised_timestamp_seconds", **labels) == NOW.timestamp()
    with database.write() as session:
        alarms.clear(session, raised.id, later(minutes=1))
    refresh(database)
    assert sample("ursa_alarms_open", kind="window", pages="true") == 0
    assert "ursa_alarm_raised_timestamp_seconds{" not in generate_latest(metrics.REGISTRY).decode()


def test_accuracy_is_shown_as_it_was_estimated_and_not_at_all_where_too_little_is_known(
    database: Database,
) -> None:
    with database.write() as session:
        version = given.version(session)
        look = [
            accuracy(None, "all", "", 0.9),
            accuracy(version.id, "all", "", 0.8),
            accuracy(None, "class", "teddy", None),
        ]
        accuracies.keep(session, look, NOW)
    refresh(database)
    one = {"version": "all", "by": "all", "slice": "all"}
    shown = [
        sample(f"ursa_accuracy_{what}", **one)
        for what in ("low_ratio", "ratio", "high_ratio", "effective_labels")
    ]
    assert shown == [0.9 - 0.05, 0.9, 0.9 + 0.05, 380]
    assert sample("ursa_accuracy_ratio", version="1", by="all", slice="all") == 0.8
    assert 'slice="teddy"' not in generate_latest(metrics.REGISTRY).decode()
    assert sample("ursa_accuracy_end_timestamp_seconds") == later(days=1).timestamp()


def test_the_candidates_way_and_the_switches_are_told(database: Database) -> None:
    with database.write() as session:
        version = given.version(session)
        actor = Actor("person", "ops")
        rollout = rollouts.open_rollout(session, version.id, actor, "new", NOW)
        rollouts.move(
            session,
            rollout.id,
            "limit",
            Actor("system", "a test"),
            "try",
            NOW,
            share=0.05,
            scope={"segments": ["zoo"]},
        )
    refresh(database)
    assert sample("ursa_rollout_stage", stage="limited") == 1
    assert sample("ursa_rollout_stage", stage="manual") == 0
    assert sample("ursa_rollout_share_ratio") == 0.05
    assert sample("ursa_switch_thrown", switch="killed") == 0


def test_a_snapshot_refuses_what_nobody_described() -> None:
    snapshot = Snapshot([Described("ursa_x", "x", ("a",))])
    snapshot.show({"ursa_x": {("1",): 2.0}})
    (family,) = snapshot.collect()
    assert [(one.labels, one.value) for one in family.samples] == [({"a": "1"}, 2.0)]
    with pytest.raises(ValueError, match="ursa_y"):
        snapshot.show({"ursa_y": {}})


def test_the_largest_names_are_shown() -> None:
    assert few([("a", 1), ("b", 3), ("c", 3), ("d", 2)], 2) == {"b", "c"}


def test_instances_are_counted_while_they_are_alive(database: Database) -> None:
    heartbeats.beat(database, "service", "one", {}, NOW)
    heartbeats.beat(database, "service", "two", {}, NOW - timedelta(minutes=5))
    refresh(database, minutes=0.5)
    assert sample("ursa_heartbeat_instances", program="service") == 1
    refresh(database, minutes=5)
    assert sample("ursa_heartbeat_instances", program="service") == 0
