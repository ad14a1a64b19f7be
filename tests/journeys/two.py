"""Two services and two monitors over one database, with a version that answers and one that can become a candidate."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from service.client import Client
from store import models, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.models import NewBacktest, NewVersion
from store.objects import Objects
from store.rollouts import Actor
from tests.journeys.programs import Programs, programs
from tests.toy import toy_bundle

SYSTEM = Actor("system", "a journey")
FAST = {"URSA_MONITORING_POLL_SECONDS": "0.5", "URSA_AUDIT_RATE": "0.000001"}


class Two:
    """`one` and `other`: a service and a monitor each."""

    def __init__(self, one: Programs, other: Programs, database: Database) -> None:
        self.one, self.other, self.database = one, other, database

    def service(self, programs: Programs) -> httpx.Client:
        """Plain HTTP with an operator's key."""
        return httpx.Client(
            base_url=programs.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30
        )

    def client(self, programs: Programs) -> Client:
        """The client that operators use."""
        return Client(programs.url, self.key)

    @property
    def key(self) -> str:
        """An operator's."""
        if not hasattr(self, "_key"):
            self._key = self.one.command(
                "service", "key", "add", "ops", "--role", "operator", "--reason", "a test"
            ).strip()
        return self._key

    def events(self) -> list[tuple[str, str]]:
        """Move and kind of actor, newest first."""
        with self.database.read() as session:
            return [(event.move, event.actor_kind) for event in rollouts.events(session)]


@contextmanager
def two_of_each(
    sqlite_url: str,
    folder: Path,
    versions: Sequence[Mapping[str, Any]],
    classes: Sequence[str] = ("bear", "teddy"),
    **settings: str,
) -> Iterator[Two]:
    """Everything runs; the first of the versions (changes of the toy bundle) answers."""
    storage = str(folder / "storage")
    bundles = BundleStore(Objects(storage), folder / "cache")
    database = Database(sqlite_url)
    now = datetime.now(UTC)
    incumbent = ""
    with database.write() as session:
        for number, changes in enumerate(versions):
            bundle = toy_bundle(folder / f"bundle{number}", classes, **changes)
            new = NewVersion(bundles.keep(bundle), 1, list(classes), {})
            version = models.register(session, new, now)
            if number > 0:
                pair = (version.id, incumbent)
                told = NewBacktest(*pair, "cannot_tell", 90, 0.9, 0.9, 0.0, -0.1, 0.1, {})
                models.add_backtest(session, told, now)
            else:
                incumbent = version.id
                first = rollouts.open_rollout(session, version.id, SYSTEM, "the first", now)
                rollouts.move(session, first.id, "promote", SYSTEM, "the first", now)
    with ExitStack() as stack:
        here, there = folder / "one", folder / "other"
        here.mkdir()
        there.mkdir()
        same = {"URSA_STORAGE_URL": storage, **FAST, **settings}
        one = stack.enter_context(programs(here, sqlite_url, **same))
        same["URSA_SECRET_KEY"] = one.environ["URSA_SECRET_KEY"]
        other = stack.enter_context(programs(there, sqlite_url, **same))
        for each in (one, other):
            each.start("service")
            each.start("monitoring")
        yield Two(one, other, database)
    database.dispose()
