from concurrent.futures import ThreadPoolExecutor

import pytest

from store import jobs
from store.database import Database
from store.errors import NotFound, Unavailable
from store.jobs import LEASE_SECONDS, Claimed, Hold, Lost
from tests.store.given import NOW, later
from tests.store.working import Clock, ask, claim, claimed, finish, kept, row


def test_a_job_is_there_only_if_its_cause_is(database: Database) -> None:
    with pytest.raises(KeyError), database.write() as session:
        raise KeyError(jobs.add(session, "window", {}, NOW, asked_by="a test").id)
    assert claim(database) is None


def test_of_many_workers_one_gets_the_job(database: Database) -> None:
    asked = ask(database)
    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(lambda _: claim(database), range(8)))
    (job,) = [one for one in found if one is not None]
    assert (job.id, job.payload, job.attempt) == (asked, {"about": "window"}, 1)
    assert row(database, asked).status == "doing"


def test_many_jobs_and_many_workers_do_each_once(database: Database) -> None:
    asked = {ask(database) for _ in range(12)}

    def work(_: int) -> list[str]:
        done = []
        while (job := claim(database)) is not None:
            finish(database, job)
            done.append(job.id)
        return done

    with ThreadPoolExecutor(4) as workers:
        done = [one for mine in workers.map(work, range(4)) for one in mine]
    assert sorted(done) == sorted(asked)
    with database.read() as session:
        assert jobs.unfinished(session, "window") == []
        assert len(jobs.newest(session, "window", 5)) == 5


def test_the_oldest_due_job_of_ones_own_kinds_comes_first(database: Database) -> None:
    ask(database, "export")
    ask(database, due_at=later(seconds=60))
    second = ask(database, due_at=later(seconds=20))
    first = ask(database, due_at=later(seconds=10))
    assert claim(database, 9) is None
    assert [claimed(database, 30).id, claimed(database, 30).id] == [first, second]
    assert claim(database, 30) is None


def test_of_a_kind_that_runs_alone_one_job_runs(database: Database) -> None:
    first, second = ask(database, "train"), ask(database, "train")
    job = claimed(database, 0, "train")
    assert (job.id, claim(database, 1, "train")) == (first, None)
    finish(database, job)
    assert claimed(database, 2, "train").id == second


def test_a_job_that_waits_for_its_turn_does_not_hold_up_other_kinds(database: Database) -> None:
    ask(database, "train")
    ask(database, "train")
    other = ask(database, "backtest")
    claimed(database, 0, "train")
    job = jobs.claim(database, ["train", "backtest"], "worker", NOW)
    assert job is not None
    assert job.id == other


def test_of_a_kind_that_runs_alone_one_is_claimed_also_by_many_at_once(database: Database) -> None:
    for _ in range(6):
        ask(database, "train")
    with ThreadPoolExecutor(6) as workers:
        found = list(workers.map(lambda _: claim(database, 0, "train"), range(6)))
    assert len([job for job in found if job is not None]) == 1


def test_a_failed_job_lets_the_next_of_its_kind_run(database: Database) -> None:
    first, second = ask(database, "train"), ask(database, "train")
    jobs.fail(database, claimed(database, 0, "train"), "no luck", NOW, final=True)
    assert claimed(database, 0, "train").id == second
    assert (row(database, first).status, row(database, first).error) == ("failed", "no luck")


def test_a_dead_workers_job_is_taken_up_and_the_dead_one_can_write_nothing(
    database: Database,
) -> None:
    asked = ask(database, "train")
    dead = claimed(database, 0, "train")
    assert claim(database, LEASE_SECONDS - 0.1, "train") is None
    heir = claimed(database, LEASE_SECONDS, "train")
    assert (heir.id, heir.attempt, heir.token == dead.token) == (asked, 1, False)
    with pytest.raises(Lost):
        finish(database, dead)
    with pytest.raises(Lost):
        jobs.beat(database, dead, later(seconds=LEASE_SECONDS), {"share": 0.5})
    with pytest.raises(Lost):
        jobs.fail(database, dead, "too late", later(seconds=LEASE_SECONDS))
    assert kept(database) == []
    assert (row(database, asked).status, row(database, asked).progress) == ("doing", {})
    finish(database, heir)
    assert kept(database) == [f"kept by {heir.token}"]
    assert row(database, asked).result == {"done": True}
    with pytest.raises(Lost):
        finish(database, heir)  # once


def test_what_fails_is_tried_again_later_and_later_and_then_no_more(database: Database) -> None:
    asked = ask(database, max_attempts=3)
    second, waits = 0.0, []
    for attempt in (1, 2, 3):
        job = claimed(database, second)
        assert job.attempt == attempt
        jobs.fail(database, job, f"failure {attempt}", later(seconds=second))
        due = (row(database, asked).due_at - NOW).total_seconds()
        waits.append(due - second)
        if attempt < 3:
            assert claim(database, due - 1) is None
        second = due
    assert waits == sorted(waits)
    last = row(database, asked)
    assert (last.status, last.error, last.finished_at is None) == ("failed", "failure 3", False)
    assert claim(database, 1e6) is None


@pytest.mark.parametrize("kind", ["window", "backtest", "train"])
def test_a_job_that_ends_each_worker_is_failed_in_the_end_and_the_next_one_is_given(
    database: Database, kind: str
) -> None:
    asked, lease = ask(database, kind), jobs.lease_seconds(kind)
    for worker in range(1 + jobs.MOST_CUT_OFF):
        if worker:
            assert claim(database, worker * lease - 0.1, kind) is None
        assert claimed(database, worker * lease, kind).id == asked
    following = ask(database, kind)
    over = (1 + jobs.MOST_CUT_OFF) * lease
    # of a kind that runs alone the turn is seen to be free at the next look
    job = claim(database, over, kind) or claimed(database, over, kind)
    assert job.id == following
    assert row(database, asked).status == "failed"
    assert "died" in (row(database, asked).error or "")


def test_a_window_is_taken_over_soon() -> None:
    assert jobs.lease_seconds("window") < 15 < jobs.lease_seconds("train")


def test_deaths_of_workers_take_none_of_a_jobs_tries(database: Database) -> None:
    asked, second = ask(database, "train", max_attempts=2), 0.0
    for _ in range(3):
        job = claimed(database, second, "train")
        second += LEASE_SECONDS
    job = claimed(database, second, "train")
    jobs.fail(database, job, "its own fault", later(seconds=second))
    assert (row(database, asked).status, row(database, asked).attempts) == ("todo", 1)
    job = claimed(database, second + 1000, "train")
    jobs.fail(database, job, "its own fault again", later(seconds=second + 1000))
    last = row(database, asked)
    assert (last.status, last.attempts, last.cut_off) == ("failed", 2, 3)


def test_a_database_that_goes_away_takes_none_of_a_jobs_tries_but_not_for_ever(
    database: Database,
) -> None:
    asked, clock = ask(database, max_attempts=1), Clock()

    def work(_job: Claimed, _hold: Hold) -> None:
        raise Unavailable("The database does not answer.", "database_unavailable")

    for times in range(1, 2 + jobs.MOST_CUT_OFF):
        job = claimed(database, 1000 * times)
        jobs.do(database, job, work, clock)
        assert (row(database, asked).attempts, row(database, asked).cut_off) == (0, times)
    assert row(database, asked).status == "failed"


@pytest.mark.parametrize("code", ["disk_full", "storage_unavailable"])
def test_a_full_disk_takes_none_of_a_jobs_tries_and_is_waited_for_longer(
    database: Database, code: str
) -> None:
    asked, clock = ask(database, "train", max_attempts=1), Clock()

    def work(_job: Claimed, _hold: Hold) -> None:
        # whatever it is told as
        raise Unavailable("The disk of the temporary folder is full.", code) from OSError(28, "")

    jobs.do(database, claimed(database, kind="train"), work, clock)
    waiting = row(database, asked)
    assert (waiting.status, waiting.attempts, waiting.cut_off) == ("todo", 0, 1)
    assert waiting.error == "The disk of the temporary folder is full."
    assert (waiting.due_at - clock()).total_seconds() == pytest.approx(jobs.FULL_SECONDS, abs=5)


def test_a_job_that_nobody_asked_for_is_not_found(database: Database) -> None:
    with database.read() as session, pytest.raises(NotFound):
        jobs.get(session, "nothing")


def test_a_job_that_is_given_back_is_due_at_once_and_was_not_tried(database: Database) -> None:
    asked = ask(database, "train", max_attempts=1)
    job = claimed(database, kind="train")
    jobs.beat(database, job, NOW, {"share": 0.5})
    jobs.give_back(database, job, NOW)
    assert (row(database, asked).status, row(database, asked).progress) == ("todo", {})
    with pytest.raises(Lost):
        finish(database, job)
    again = claimed(database, kind="train")
    assert (again.id, again.attempt) == (asked, 1)
    finish(database, again)
