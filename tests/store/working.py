"""Jobs that are asked for, claimed and finished: what tests of jobs begin with."""

import threading
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from store import jobs, people
from store.database import Database
from store.jobs import Claimed
from store.tables import Consumer, Job
from tests.store.given import NOW, later

_order = count()


def ask(database: Database, kind: str = "window", **more: Any) -> str:
    """A job, asked for a little after the one before and before NOW in any case."""
    asked = later(hours=-1, milliseconds=next(_order))
    with database.write() as session:
        return jobs.add(session, kind, {"about": kind}, asked, asked_by="a test", **more).id


def claim(database: Database, seconds: float = 0, kind: str = "window") -> Claimed | None:
    return jobs.claim(database, [kind], "worker", later(seconds=seconds))


def claimed(database: Database, seconds: float = 0, kind: str = "window") -> Claimed:
    job = claim(database, seconds, kind)
    assert job is not None
    return job


def finish(database: Database, job: Claimed) -> None:
    with database.write() as session:
        people.add_consumer(session, f"kept by {job.token}", NOW)
        jobs.finish(session, job, {"done": True}, NOW)


def row(database: Database, job_id: str) -> Job:
    with database.read() as session:
        return jobs.get(session, job_id)


def kept(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Consumer.name)))


class Clock:
    """Time that passes by one second a look; `looks` are counted for whoever waits for them."""

    def __init__(self) -> None:
        self.now = NOW
        self.looks = threading.Semaphore(0)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        self.looks.release()
        return self.now

    def wait(self, looks: int) -> None:
        for _ in range(looks):
            assert self.looks.acquire(timeout=30)
