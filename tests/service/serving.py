"""The real application behind a real server in a thread of the test's process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn
from fastapi import FastAPI
from sqlalchemy import make_url

from service.app import create_app
from service.client import Client
from service.clock import Clock, wall_clock
from service.connections import connection_class
from service.program import Program
from service.settings import Settings
from service.turning_away import turn_away
from store import labels, models, people, pictures, reviews, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.ids import new_id
from store.labels import Answer
from store.models import NewVersion
from store.pictures import NewPicture
from store.rollouts import Actor
from store.tables import Review
from tests.toy import toy_bundle

POLICY = """
review_below = 0.6
review_out_of_domain = true
hold_below = 0.0
answer_at = 0.0
"""
TESTER = Actor("person", "tester")


@dataclass(frozen=True)
class Serving:
    """A service that answers at `url`."""

    url: str
    app: FastAPI
    settings: Settings

    @property
    def program(self) -> Program:
        """What it holds."""
        program: Program = self.app.state.program
        return program

    @property
    def database(self) -> Database:
        """The service's own way into its database."""
        return self.program.database

    def key(self, consumer: str = "shop", role: str = "consumer") -> str:
        """A new key."""
        key, now = people.new_key(), wall_clock()
        with self.database.write() as session:
            people.add_key(session, people.add_consumer(session, consumer, now), key, role, now)
        return key

    def client(self, consumer: str = "shop", role: str = "consumer", **options: Any) -> Client:
        """The typed client with a new key."""
        return Client(self.url, self.key(consumer, role), **options)

    def http(self, consumer: str = "shop", role: str = "consumer") -> httpx.Client:
        """A bare client with a new key."""
        headers = {"Authorization": f"Bearer {self.key(consumer, role)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def keep(self, data: bytes) -> str:
        """Keep bytes with a row, as those of every picture that somebody sent; the digest."""
        digest = self.program.pictures.keep(data)
        new = NewPicture(digest, "jpeg", len(data), 600, 800)
        with self.database.write() as session:
            pictures.record(session, [new], "training", wall_clock())
        return digest

    def register(self, folder: Path, **bundle: Any) -> int:
        """Register a toy model version; its number."""
        program = self.program
        written = toy_bundle(folder, **bundle)
        digest = BundleStore(program.objects, self.settings.bundle_cache).keep(written)
        classes = list(bundle.get("classes", ("bear", "teddy")))
        with self.database.write() as session:
            new = NewVersion(digest, 1, classes, {"about": folder.name})
            return models.register(session, new, wall_clock()).number

    def open(self, number: int) -> str:
        """Put a version on its way, in `manual`; the rollout's id."""
        with self.database.write() as session:
            version = models.by_number(session, number)
            rollout = rollouts.open_rollout(session, version.id, TESTER, "a test", wall_clock())
        self.program.live.refresh()
        return rollout.id

    def move(self, rollout: str, move: str) -> None:
        """Move a rollout, without asking for evidence."""
        with self.database.write() as session:
            rollouts.move(session, rollout, move, TESTER, "a test", wall_clock())
        self.program.live.refresh()

    def promote(self, number: int) -> None:
        """Let a version answer, without asking for evidence."""
        now = wall_clock()
        with self.database.write() as session:
            version = models.by_number(session, number)
            rollout = rollouts.open_rollout(session, version.id, TESTER, "a test", now)
            rollouts.move(session, rollout.id, "promote", TESTER, "a test", now)
        self.program.live.refresh()

    def review(self, prediction_id: str) -> Review:
        """The one review about a prediction."""
        (review,) = self.reviews(prediction_id)
        return review

    def reviews(self, prediction_id: str) -> list[Review]:
        """Every review about a prediction."""
        with self.database.read() as session:
            return list(reviews.of_prediction(session, prediction_id))

    def label(self, prediction_id: str, label: str) -> None:
        """Let a reviewer answer the prediction's review."""
        review, now = self.review(prediction_id), wall_clock()
        with self.database.write() as session:
            person = people.add_person(session, new_id(now), "0123456789", "reviewer", now)
            lease = reviews.lease_again(session, reviews.get(session, review.id), person.id, now)
            given = Answer(review.id, person.id, lease.token, "class", label, new_id(now))
            labels.give(session, given, ["bear", "teddy"], now)

    def model(self, folder: Path, **bundle: Any) -> int:
        """Register a toy version and let it answer; its number."""
        number = self.register(folder, **bundle)
        self.promote(number)
        return number


@dataclass
class Hands:
    """A clock that is moved by hand."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextmanager
def serving(settings: Settings, clock: Clock = wall_clock, **changes: Any) -> Iterator[Serving]:
    """Answers until the end of the block; a service that cannot start raises."""
    settings = replace(settings, **changes)
    app = create_app(settings, clock)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    connection = connection_class(settings.connections, settings.upload_seconds, turn_away(app))
    server = _Server(
        uvicorn.Config(app, http=connection, log_config=None, access_log=False, ws="none")
    )

    def run() -> None:
        try:
            server.run(sockets=[listener])
        except SystemExit:
            pass
        finally:
            server.ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        server.ready.wait()
        if not server.started:
            raise RuntimeError("the service did not start")
        yield Serving(f"http://127.0.0.1:{listener.getsockname()[1]}", app, settings)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def away(served: Serving) -> Iterator[None]:
    """The database cannot be reached until the end of the block."""
    if served.database.is_sqlite:
        _let_go(served)
        with _moved(Path(make_url(served.database.url).database or "")):
            # those that something behind the requests has opened meanwhile
            _let_go(served)
            yield
    else:
        with _closed(served.database.url):
            yield


def _let_go(served: Serving) -> None:
    """A connection that is open would go on with the file that was moved."""
    served.database.dispose()
    served.program.probes.dispose()


@contextmanager
def _moved(file: Path) -> Iterator[None]:
    elsewhere = file.with_name("elsewhere")
    elsewhere.mkdir()
    parts = list(file.parent.glob(f"{file.name}*"))
    for part in parts:
        part.rename(elsewhere / part.name)
    file.mkdir()
    yield
    file.rmdir()
    for part in parts:
        (elsewhere / part.name).rename(part)


@contextmanager
def _closed(url: str) -> Iterator[None]:
    name = make_url(url).database
    server = make_url(url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(
        server.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
