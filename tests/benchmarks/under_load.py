"""The real service with a network that costs what a user's first model costs, and requests to put it under load with.

On SQLite and a folder, with its own settings unless others are given.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from service.clock import wall_clock
from store import migrate, models, people, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.models import NewVersion
from store.objects import Objects
from store.rollouts import Actor
from tests.benchmarks.leaving import InHand
from tests.benchmarks.networks import costly_bundle
from tests.benchmarks.sending import Sent, passed_on, request
from tests.benchmarks.serving import body
from tests.classifier.files import blocks, encode
from tests.journeys.programs import Programs, programs
from tests.toy import CLASSES

# so many that no key's own rate is what refuses
CONSUMERS = 16
PICTURES = 64


@dataclass(frozen=True)
class Ready:
    """A service that answers, and requests for it."""

    running: Programs
    requests: Sequence[bytes]

    @property
    def pid(self) -> int:
        """The service's process."""
        return self.running.running["service"].pid

    def in_hand(self) -> InHand:
        """What the process holds now."""
        folder = self.running.folder
        # as whoever balances does all the time; threads of the pool that are idle end when it is used
        httpx.get(f"{self.running.url}/readyz", timeout=30).raise_for_status()
        return InHand.of(self.pid, folder / "tmp", folder / "storage")


@contextmanager
def prepared(
    folder: Path, files: Sequence[bytes], *, proxied: bool = True, **settings: str
) -> Iterator[Ready]:
    """A service with a costly network and several consumers; `proxied`: half of the requests come by a proxy."""
    (folder / "tmp").mkdir()
    url = f"sqlite:///{folder / 'ursa.db'}"
    with programs(folder, url, TMPDIR=str(folder / "tmp"), **settings) as running:
        keys = register(folder, url)
        running.start("service")
        bodies = [body(one) for one in files]
        made = []
        for n, one in enumerate(bodies * len(keys)):
            more = passed_on(n) if proxied and (n + n // len(bodies)) % 2 else ""
            made.append(request(one, keys[n % len(keys)], more))
        yield Ready(running, made)


def register(folder: Path, url: str) -> list[str]:
    """A database with a model at `full`; keys of several consumers."""
    migrate.upgrade(url)
    database, now = Database(url), wall_clock()
    actor = Actor("system", "benchmark")
    store = BundleStore(Objects(str(folder / "storage")), folder / "unused")
    digest = store.keep(costly_bundle(folder / "made"))
    keys = [people.new_key() for _ in range(CONSUMERS)]
    with database.write() as session:
        for number, key in enumerate(keys):
            consumer = people.add_consumer(session, f"consumer {number}", now)
            people.add_key(session, consumer, key, "consumer", now)
        version = models.register(session, NewVersion(digest, 1, list(CLASSES), {}), now)
        rollout = rollouts.open_rollout(session, version.id, actor, "benchmark", now)
        rollouts.move(session, rollout.id, "promote", actor, "benchmark", now)
    database.dispose()
    return keys


def pictures(folder: Path | None) -> list[bytes]:
    """Files to send: of the folder, else drawn ones of 227 pixels a side."""
    if folder is not None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png"))
        return [path.read_bytes() for path in paths[:: max(1, len(paths) // PICTURES)]][:PICTURES]
    return [encode(blocks(227, 227, seed), "jpeg", quality=90) for seed in range(PICTURES)]


def say(what: str, sent: Sent) -> None:
    """One line of the table."""
    refused, statuses = sent.of(429), sorted(set(sent.statuses))
    print(
        f"{what}: {sent.goodput:.1f} answers/s of {len(sent.statuses) / sent.wall:.1f},"
        f" answered {_percentiles(sent.of(200))}, refused {_percentiles(refused)},"
        f" statuses { {one: sent.statuses.count(one) for one in statuses} },"
        f" sender {100 * sent.processor:.0f} % of a core, late {_percentiles(sent.late)},"
        f" load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _percentiles(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    p50, p95, p99 = 1000 * np.quantile(seconds, (0.5, 0.95, 0.99))
    return f"p50 {p50:.1f} p95 {p95:.1f} p99 {p99:.1f} ms"
