import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, update

from retrain import metrics, worker
from retrain.program import Program
from store import heartbeats, jobs, models
from store.database import Database
from store.jobs import Claimed, Hold
from store.tables import Backtest, Job, Rollout
from tests.disks import fill, full
from tests.retrain.conftest import label_some
from tests.retrain.given import World, changed

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore")]

ROOT = Path(__file__).parent.parent.parent


def ask(program: Program, kind: str = "train") -> str:
    with program.database.write() as session:
        payload = {"model_version_id": "nobody"} if kind == "backtest" else {}
        return jobs.add(session, kind, payload, program.clock(), asked_by="a test").id


def row(program: Program, job_id: str) -> Job:
    with program.database.read() as session:
        return jobs.get(session, job_id)


def counted(kind: str, outcome: str) -> float:
    labels = {"kind": kind, "outcome": outcome}
    return metrics.REGISTRY.get_sample_value("ursa_retrain_jobs_total", labels) or 0.0


class Stops(threading.Event):
    """A stop that is set as soon as the loop has nothing to do, or at once when asked to."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None and timeout < worker.HEARTBEAT_SECONDS:
            self.set()
        return super().wait(timeout)


def test_the_loop_does_what_is_asked_and_says_that_it_lives(world: World) -> None:
    program = changed(world.program)
    label_some(world)
    before = counted("train", "done"), counted("backtest", "failed")
    train, hopeless = ask(program), ask(program, "backtest")
    worker.work(program, Stops())
    done = row(program, train)
    assert done.status == "done", done.error
    assert done.progress["phase"] == "backtest"
    # a version that is not there will not be there next time: one try is enough
    failed = row(program, hopeless)
    assert (failed.status, failed.attempts) == ("failed", 1)
    assert failed.error == "There is no such model version."
    with program.database.read() as session:
        assert "retrain" in heartbeats.last(session)
        assert models.newest_first(session)[0].number == 2
    assert (counted("train", "done"), counted("backtest", "failed")) == (
        before[0] + 1,
        before[1] + 1,
    )
    page = generate_latest(metrics.REGISTRY).decode()
    assert "ursa_retrain_job_seconds" in {one.name for one in text_string_to_metric_families(page)}


def test_told_to_stop_it_gives_the_job_back_at_the_next_step(world: World) -> None:
    program = world.program
    label_some(world)
    job_id = ask(program)
    stop = threading.Event()

    def act(_program: Program, _job: Claimed, watch: object) -> str:
        assert callable(watch)
        watch("train", 0.1, "epoch 1 of 8")
        stop.set()
        watch("train", 0.2, "epoch 1 of 8")
        return "done"

    _do(program, act, stop)
    given_back = row(program, job_id)
    assert (given_back.status, given_back.attempts, given_back.progress) == ("todo", 0, {})


def test_a_job_whose_lock_is_lost_ends_at_the_next_step(world: World) -> None:
    program = world.program
    job_id = ask(program)
    reached = []

    def act(_program: Program, _job: Claimed, watch: object) -> str:
        assert callable(watch)
        with program.database.write() as session:
            session.execute(update(Job).values(lock_token="somebody else's"))
        watch("train", 0.1, "epoch 1 of 8")
        reached.append(True)
        return "done"

    before = counted("train", "lost")
    _do(program, act, threading.Event())
    assert (reached, counted("train", "lost")) == ([], before + 1)
    assert row(program, job_id).lock_token == "somebody else's"


def _do(program: Program, act: worker.Act, stop: threading.Event) -> None:
    job = jobs.claim(program.database, ["train"], "a test", program.clock())
    assert job is not None
    with Hold(program.database, job, program.clock) as hold:
        worker.do(program, act, stop, job, hold)


def test_a_training_without_room_waits_and_is_done_once_there_is_some(
    world: World, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = changed(world.program)
    label_some(world)
    job_id = ask(program)
    # the folder that the libraries ask for once has been asked for
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    with full(small_disk):
        _loop(program)
    begun = row(program, job_id)
    assert (begun.status, begun.attempts, begun.cut_off) == ("todo", 0, 1)
    assert begun.error == "The disk of the temporary folder is full: 0 MiB are left."
    assert (begun.due_at - program.clock()).total_seconds() > jobs.FULL_SECONDS / 2
    _now_due(program)
    # full in the midst of it
    with monkeypatch.context() as changing:
        changing.setattr(worker._Reporter, "__call__", _filling(small_disk))
        _loop(program)
    cut = row(program, job_id)
    assert (cut.status, cut.attempts, cut.cut_off) == ("todo", 0, 2)
    assert cut.error == "The disk of the temporary folder is full."
    assert [one.name for one in small_disk.iterdir()] == ["filler"]
    (small_disk / "filler").unlink()
    _now_due(program)
    _loop(program)
    done = row(program, job_id)
    assert (done.status, done.attempts) == ("done", 1), done.error


def _loop(program: Program) -> None:
    worker.work(program, Stops())


def _now_due(program: Program) -> None:
    with program.database.write() as session:
        session.execute(update(Job).values(due_at=program.clock()))


def _filling(disk: Path) -> Callable[..., None]:
    """What is told before every batch and step, once the disk is filled with the training."""

    def told(_self: object, phase: str, *_: object) -> None:
        if phase == "train" and not (disk / "filler").exists():
            fill(disk)

    return told


def test_a_database_that_does_not_answer_yet_is_waited_for(world: World, tmp_path: Path) -> None:
    away = Database(f"postgresql+psycopg://nobody@/nothing?host={tmp_path}")
    log, ticking = tmp_path / "worker.log", threading.Event()
    with running(replace(world.program, database=away), log, epochs=1) as process:
        for _ in range(1200):
            if log.read_text().count("waiting for the database") > 1:
                break
            assert process.poll() is None, log.read_text()
            ticking.wait(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, log.read_text()
    away.dispose()


def test_a_killed_workers_job_is_taken_up_and_a_stopped_ones_too(
    world: World, tmp_path: Path
) -> None:
    program = world.program
    label_some(world)
    with program.database.write() as session:
        job_id = jobs.add(session, "train", {}, datetime.now(UTC), asked_by="a test").id
    with running(program, tmp_path / "first.log", epochs=5000) as first:
        _wait_until_training(program, job_id, first, tmp_path / "first.log")
        first.send_signal(signal.SIGKILL)
        first.wait()
    dead = row(program, job_id)
    assert (dead.status, dead.attempts) == ("doing", 1)
    with program.database.write() as session:
        # what the clock would do in half a minute
        session.execute(
            update(Job).values(lock_until=datetime(2026, 1, 1, tzinfo=UTC), progress={})
        )
    with running(program, tmp_path / "second.log", epochs=5000) as second:
        _wait_until_training(program, job_id, second, tmp_path / "second.log")
        assert row(program, job_id).locked_by != dead.locked_by
        second.send_signal(signal.SIGTERM)
        assert second.wait(timeout=60) == 0, (tmp_path / "second.log").read_text()
    left = row(program, job_id)
    # neither worker's try counts: nothing was wrong with the job
    assert (left.status, left.attempts, left.cut_off, left.lock_token) == ("todo", 0, 1, None)
    with program.database.read() as session:
        assert [one.number for one in models.newest_first(session)] == [1]


def test_between_registering_and_finishing_no_kill_makes_a_second_version(
    world: World, tmp_path: Path
) -> None:
    program = world.program
    label_some(world)
    job_id = ask(program)
    # the version is registered; then all is written that ends the job, and not committed
    for number, place in enumerate(("compare", "send_on_its_way"), 1):
        log = tmp_path / f"{place}.log"
        with running(program, log, epochs=1, words=("tests.retrain.dying", place)) as dying:
            assert dying.wait(timeout=300) == -signal.SIGKILL, log.read_text()
        left = row(program, job_id)
        assert (left.status, left.cut_off, left.attempts) == ("doing", number - 1, 1)
        with program.database.write() as session:
            assert [one.number for one in models.newest_first(session)] == [2, 1]
            assert session.scalars(select(Backtest)).all() == []
            # what the clock would do in half a minute
            session.execute(update(Job).values(lock_until=datetime(2026, 1, 1, tzinfo=UTC)))
    worker.work(changed(program), Stops())
    done = row(program, job_id)
    assert (done.status, done.cut_off, done.attempts) == ("done", 2, 1)
    with program.database.read() as session:
        second, first = models.newest_first(session)
        [backtest] = session.scalars(select(Backtest))
        opened = session.scalars(select(Rollout).where(Rollout.model_version_id == second.id))
        assert (second.number, second.job_id, first.job_id) == (2, job_id, None)
        assert backtest.model_version_id == second.id
        assert len(opened.all()) == int(backtest.verdict != "worse")


@contextmanager
def running(
    program: Program, log: Path, epochs: int, words: Sequence[str] = ("retrain", "work")
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m retrain work`, or other words, on the same store, ended in any case."""
    settings = program.settings
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},  # noqa: TID251  # what a started program needs of this one's
        "URSA_DATABASE_URL": program.database.url,
        "URSA_STORAGE_URL": settings.store.storage_url,
        "URSA_SECRET_KEY": settings.store.secret_key,
        "URSA_BUNDLE_CACHE": str(settings.bundle_cache),
        "URSA_RETRAIN_EPOCHS": str(epochs),
        "URSA_RETRAIN_THREADS": "1",
        "URSA_RETRAIN_DEVICE": "cpu",
    }
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_training(
    program: Program, job_id: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    ticking = threading.Event()
    for _ in range(1200):
        assert process.poll() is None, log.read_text()
        if row(program, job_id).progress.get("phase") == "train":
            return
        ticking.wait(0.1)
    pytest.fail(f"no training after two minutes:\n{log.read_text()}")
