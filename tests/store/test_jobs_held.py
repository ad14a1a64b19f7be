import threading

import pytest
from sqlalchemy import text

from store import jobs
from store.database import Database
from store.jobs import LEASE_SECONDS, Claimed, Hold, Lost
from store.tables import Job
from tests.store.given import later
from tests.store.working import Clock, ask, claim, claimed, finish, kept, row


def test_a_beat_holds_the_job_and_says_how_far_it_is(database: Database) -> None:
    asked = ask(database)
    job = claimed(database)
    jobs.beat(database, job, later(seconds=LEASE_SECONDS - 1), {"share": 0.5})
    jobs.beat(database, job, later(seconds=LEASE_SECONDS - 1))
    assert claim(database, LEASE_SECONDS + 1) is None
    assert row(database, asked).progress == {"share": 0.5}


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LEASE_SECONDS", 0.06)


@pytest.mark.usefixtures("quick_beats")
def test_a_hold_keeps_the_job_alive_while_the_work_goes_on(database: Database) -> None:
    asked, clock = ask(database), Clock()
    with Hold(database, claimed(database), clock) as hold:
        clock.wait(4)
        hold.check()
        hold.progress(share=0.5)
    held_until = row(database, asked).lock_until
    assert held_until is not None
    assert held_until >= later(seconds=4)
    assert row(database, asked).progress == {"share": 0.5}


@pytest.mark.usefixtures("quick_beats")
def test_a_hold_notices_that_the_job_is_lost(database: Database) -> None:
    ask(database)
    job, clock = claimed(database), Clock()
    assert claim(database, 1) is not None  # somebody took this worker for dead
    with Hold(database, job, clock) as hold:
        clock.wait(1)
    with pytest.raises(Lost):
        hold.check()


@pytest.mark.usefixtures("quick_beats")
def test_a_hold_survives_a_database_that_is_away_for_a_moment(database_url: str) -> None:
    holder, worker = Database(database_url), Database(database_url, wait_seconds=0.01)
    asked, clock = ask(holder), Clock()
    job = claimed(worker)
    with holder.write() as session:
        session.get_one(Job, asked, with_for_update=True)
        with Hold(worker, job, clock) as hold:
            clock.wait(3)
        hold.check()
    finish(worker, job)
    assert row(holder, asked).status == "done"
    worker.dispose()
    holder.dispose()


def test_a_job_that_is_lost_in_the_middle_of_its_work_writes_nothing(database: Database) -> None:
    asked = ask(database)
    heirs: list[Claimed] = []

    def work(job: Claimed, hold: Hold) -> None:
        heirs.append(claimed(database, LEASE_SECONDS))
        hold.progress(share=0.9)
        finish(database, job)

    failures: list[Exception] = []
    jobs.do(database, claimed(database), work, Clock(), lambda _, error: failures.append(error))
    assert (failures, kept(database)) == ([], [])
    assert (row(database, asked).status, row(database, asked).progress) == ("doing", {})
    finish(database, heirs[0])


def test_the_loop_does_what_is_due_survives_failures_and_stops(database: Database) -> None:
    asked = [ask(database, "good"), ask(database, "bad"), ask(database, "good")]
    stop, done = threading.Event(), []
    failures: list[tuple[str, str]] = []

    def good(job: Claimed, _hold: Hold) -> None:
        finish(database, job)
        done.append(job.id)
        if len(done) == 2:
            stop.set()

    def bad(_job: Claimed, _hold: Hold) -> None:
        raise RuntimeError("no luck")

    def note(job: Claimed, error: Exception) -> None:
        failures.append((job.id, str(error)))

    jobs.run(database, {"good": good, "bad": bad}, "worker", Clock(), stop, failed=note)
    assert done == [asked[0], asked[2]]
    assert failures == [(asked[1], "no luck")]
    assert row(database, asked[1]).status == "todo"
    assert row(database, asked[1]).error == "RuntimeError: no luck"


def test_the_loop_goes_on_when_the_database_is_back(database_url: str) -> None:
    holder, worker = Database(database_url), Database(database_url, wait_seconds=0.05)
    asked, stop, clock = ask(holder), threading.Event(), Clock()

    def work(job: Claimed, _hold: Hold) -> None:
        finish(worker, job)
        stop.set()

    loop = threading.Thread(
        target=jobs.run,
        args=(worker, {"window": work}, "worker", clock, stop),
        kwargs={"idle_seconds": 0.01},
    )
    with holder.write() as session:
        if not holder.is_sqlite:
            session.execute(text("LOCK TABLE jobs"))
        loop.start()
        clock.wait(3)  # it looked, was refused, and looked again
    loop.join(30)
    assert row(holder, asked).status == "done"
    worker.dispose()
    holder.dispose()
