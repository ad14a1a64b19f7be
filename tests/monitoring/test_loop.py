import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from monitoring import loop, metrics, rollout_turns, window_turns
from monitoring.monitor import Monitor, Stop, Stopped
from monitoring.references import References
from store import heartbeats, jobs, models, predictions, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.models import NewVersion
from store.objects import Objects
from store.rollouts import Actor
from store.tables import Prediction
from store.tables.reviews import LANES
from tests.monitoring.given import Clock, Watched, opinions, settings
from tests.monitoring.seen import done, kept, sample
from tests.store.given import PENDING, entry, keep, later


@contextmanager
def away(watched: Watched) -> Iterator[Monitor]:
    """A monitor whose database does not let it write meanwhile."""
    database = Database(watched.database.url, wait_seconds=0.05)
    with watched.database.write() as session:
        if not watched.database.is_sqlite:
            session.execute(text("LOCK TABLE jobs, rollouts, predictions, heartbeats"))
        yield replace(watched.monitor, database=database)
    database.dispose()


def test_where_no_model_answers_there_is_nothing_to_check(watched: Watched) -> None:
    loop.look(watched.monitor)
    assert (kept(watched), done(watched)) == ([], [])
    assert sample("ursa_rollout_model_version", role="incumbent") == 0
    assert sample("ursa_window_end_timestamp_seconds") == 0


def test_a_storage_that_is_away_is_tried_again(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    elsewhere = watched.storage.rename(watched.folder / "elsewhere")
    failures = sample("ursa_monitoring_failures_total", part="windows")
    loop.look(watched.monitor)
    assert [job.status for job in done(watched)] == ["todo"]
    assert sample("ursa_monitoring_failures_total", part="windows") == failures + 1
    elsewhere.rename(watched.storage)
    loop.look(watched.monitor)  # not due yet
    assert kept(watched) == []
    watched.clock.pass_by(minutes=1)
    loop.look(watched.monitor)
    assert len(kept(watched)) == 1


def fail_for_good(watched: Watched) -> None:
    """Look as soon as the job is due again, while the storage is away, until it is given up."""
    for times in range(1, 1 + jobs.MOST_CUT_OFF):
        loop.look(watched.monitor)
        watched.clock.pass_by(seconds=10 * (1 + times))
    loop.look(watched.monitor)


def test_what_fails_for_good_is_asked_again_after_a_pause(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    watched.storage.rename(watched.folder / "elsewhere")
    fail_for_good(watched)
    watched.clock.pass_by(minutes=1)
    assert [job.status for job in done(watched)] == ["failed"]
    loop.look(watched.monitor)
    assert len(done(watched)) == 1
    watched.clock.pass_by(minutes=2)
    loop.look(watched.monitor)
    assert [job.status for job in done(watched)] == ["todo", "failed"]


def test_a_window_that_failed_for_good_is_not_passed_over(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    elsewhere = watched.storage.rename(watched.folder / "elsewhere")
    fail_for_good(watched)
    elsewhere.rename(watched.storage)
    watched.answer(version, opinions(small, 60, 60))
    watched.clock.pass_by(minutes=2)
    for _ in range(2):
        loop.look(watched.monitor)
    assert sorted(one.pictures for one in kept(watched)) == [60, 60]
    with watched.database.read() as session:
        first = session.scalar(select(func.min(Prediction.id)))
    assert min(one.first_prediction_id for one in kept(watched)) == first


def test_of_several_monitors_at_once_one_checks(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    monitors = [watched.another(f"monitor {number}") for number in range(4)]
    for turn in range(1, 4):
        watched.answer(version, opinions(small, 60))
        together = threading.Barrier(len(monitors))

        def at_once(monitor: Monitor, together: threading.Barrier = together) -> None:
            together.wait(30)
            loop.look(monitor)

        with ThreadPoolExecutor(len(monitors)) as looking:
            list(looking.map(at_once, monitors))
        assert len(kept(watched)) == turn
    assert {job.status for job in done(watched)} <= {"done", "todo"}


def test_a_stretch_that_another_monitor_has_kept_is_skipped(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    loop.look(watched.monitor)
    (job,) = done(watched)
    with watched.database.write() as session:
        jobs.add(
            session, window_turns.WINDOW, job.payload, watched.clock(), asked_by="another monitor"
        )
    loop.look(watched.monitor)
    assert len(kept(watched)) == 1
    assert {"skipped": "another monitor was first"} in [one.result for one in done(watched)]


def test_a_stretch_whose_predictions_are_gone_is_skipped(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    gone = {"model_version_id": version.id, "first_prediction_id": "a", "last_prediction_id": "b"}
    with watched.database.write() as session:
        jobs.add(session, window_turns.WINDOW, gone, watched.clock(), asked_by="a test")
    loop.look(watched.monitor)
    assert [job.result for job in done(watched)] == [{"skipped": "the predictions are gone"}]


def test_a_dead_monitors_window_is_taken_up(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    with watched.database.read() as session:
        ids = [one.id for one in predictions.of_version(session, version.id, 60)]
    stretch = {
        "model_version_id": version.id,
        "first_prediction_id": ids[0],
        "last_prediction_id": ids[-1],
    }
    with watched.database.write() as session:
        jobs.add(session, window_turns.WINDOW, stretch, watched.clock(), asked_by="a test")
    assert jobs.claim(watched.database, [window_turns.WINDOW], "dead", watched.clock()) is not None
    loop.look(watched.monitor)
    assert kept(watched) == []
    watched.clock.pass_by(seconds=jobs.LEASE_SECONDS)
    loop.look(watched.monitor)
    assert len(kept(watched)) == 1


def test_the_loop_goes_on_when_the_database_is_back(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    with away(watched) as monitor:
        loop.look(monitor)
        assert kept(watched) == []
    loop.look(watched.monitor)
    assert len(kept(watched)) == 1
    assert sample("ursa_monitoring_database_up") == 1


def test_a_database_that_cannot_be_read_is_seen_in_the_metrics(tmp_path: Path) -> None:
    nowhere = Database(f"postgresql+psycopg://nobody@/nothing?host={tmp_path}")
    references = References(BundleStore(Objects(str(tmp_path / "storage")), tmp_path / "cache"))
    monitor = Monitor(settings(nowhere.url, tmp_path), Clock(), nowhere, references, "lonely")
    failures = sample("ursa_monitoring_failures_total", part="gauges")
    loop.look(monitor)
    assert sample("ursa_monitoring_database_up") == 0
    assert sample("ursa_monitoring_failures_total", part="gauges") == failures + 1


def test_the_gauges_are_what_the_rows_say(watched: Watched, small: Path) -> None:
    watched.promote(small)
    keep(
        watched.database,
        [
            entry(watched.consumer, 10, lane="held", inside=False, **PENDING),
            entry(watched.consumer, 20, lane="audit", audited=True),
            entry(watched.consumer, 30, lane="audit"),
            entry(watched.consumer, 40),
        ],
    )
    with watched.database.write() as session:
        second = models.register(session, NewVersion("b" * 64, 1, ["a", "b"], {}), later())
        rollouts.open_rollout(session, second.id, Actor("system", "a test"), "new", later())
    heartbeats.beat(watched.database, "retrain", "one", {}, later(seconds=50))
    watched.clock.pass_by(seconds=100)
    loop.look(watched.monitor)
    lanes = {lane: sample("ursa_queue_reviews", lane=lane) for lane in LANES}
    assert lanes == {"held": 1, "evidence": 0, "audit": 2, "feedback": 0, "rule": 0}
    assert sample("ursa_queue_oldest_age_seconds") == 90
    kinds = {kind: sample("ursa_predictions_last_hour", kind=kind) for kind in metrics.TRAFFIC}
    assert kinds == {"all": 4, "pending": 1, "reviewed": 3, "out_of_domain": 1, "audited": 1}
    assert sample("ursa_rollout_model_version", role="candidate") == 2
    alive = later(seconds=50).timestamp()
    assert sample("ursa_heartbeat_timestamp_seconds", program="retrain") == alive
    assert sample("ursa_heartbeat_timestamp_seconds", program="service") == 0
    watched.clock.pass_by(hours=2)
    loop.look(watched.monitor)
    assert sample("ursa_predictions_last_hour", kind="all") == 0


def test_the_loop_says_that_it_is_alive_and_stops_when_told(watched: Watched, small: Path) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    stop = Stop()

    def clock() -> datetime:
        # it is asked at every step of the loop: by then it has done all that it should
        if kept(watched) and heartbeat(watched):
            stop.asked = True
        return watched.clock()

    loop.work(replace(watched.monitor, clock=clock), stop)
    assert heartbeat(watched) == watched.clock()
    assert len(kept(watched)) == 1


def test_a_loop_that_is_blind_to_candidates_gives_no_sign_of_life(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = watched.clock()
    watched.clock.pass_by(minutes=3)
    loop.beat(watched.monitor, began)
    assert heartbeat(watched) == watched.clock()
    before = watched.clock()
    watched.clock.pass_by(seconds=1)
    loop.beat(watched.monitor, began)
    assert heartbeat(watched) == before
    assert loop.look(watched.monitor)

    def broken(_: Monitor) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(rollout_turns, "turn", broken)
    assert not loop.look(watched.monitor)


def test_a_stop_is_raised_once_and_remembered() -> None:
    stop = Stop()
    stop.wait(0)
    with pytest.raises(Stopped):
        stop()
    stop()  # the second Ctrl-C of an impatient hand does not interrupt what the first one ends
    stop.wait(1e6)  # and nothing is waited for any more


def test_a_check_that_is_interrupted_is_given_back(
    watched: Watched, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = watched.promote(small)
    watched.answer(version, opinions(small, 60))
    stop = Stop()
    monkeypatch.setattr(watched.monitor.references, "of", stop)  # a signal at that very moment
    with pytest.raises(Stopped):
        loop.work(watched.monitor, stop)
    (job,) = done(watched)
    assert (job.status, job.attempts, kept(watched)) == ("todo", 0, [])
    loop.look(watched.another("monitor two"))
    assert len(kept(watched)) == 1


def heartbeat(watched: Watched) -> datetime | None:
    with watched.database.read() as session:
        return heartbeats.last(session).get("monitoring")
