"""Three times as much traffic as the service can bear, and clients that do not behave: `make bench-overload`.

Order: the floors (disk, machine); capacity, as the best of several closed loops, and 70 % of it, open loop; the overload,
open loop; both once more, since a machine's own speed drifts within minutes: goodput is held against the mean of both
capacities, the 99th percentile against that of both ordinary loads; then clients that leave in mid-upload and clients
that send a byte a second, while others are served. The service is the real program with its own settings on SQLite and
a folder; its network costs as much as a ResNet-18 at 96 pixels. The sender shares the cores, and says how much of one
it took. Half of the requests have the headers that a proxy adds.

Of the service and the processes that it has started, in MiB: `memory_growth_mib` is what they have at the end, when
nobody sends any more, beyond what they had before the overload; `memory_peak_mib` the most that they had meanwhile,
beyond the same. `capacity_kept` is the capacity after the overload as a share of that before. Prints a table, then one
JSON object; exit code 1 when anything hung, failed or was left behind, or the memory grew.
"""

import argparse
import asyncio
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter, sleep

import httpx
import numpy as np

from service.clock import wall_clock
from store import migrate, models, people, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.models import NewVersion
from store.objects import Objects
from store.rollouts import Actor
from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.leaving import (
    InHand,
    Watched,
    drip,
    leave_in_mid_upload,
    memory,
    settled,
)
from tests.benchmarks.networks import costly_bundle
from tests.benchmarks.sending import (
    BROKEN,
    HUNG,
    Sent,
    closed_loop,
    open_loop,
    passed_on,
    request,
)
from tests.benchmarks.serving import body
from tests.classifier.files import blocks, encode
from tests.journeys.programs import Programs, programs
from tests.toy import CLASSES

# so many that no key's own rate is what refuses
CONSUMERS = 16
PICTURES = 64
BARS = [
    *(
        Bar(name)
        for name in ("server_errors", "hung", "refused_without_retry_after", "left_behind")
    ),
    Bar("p99_ratio", 2, fails=False),
    Bar("goodput_ratio", 0.85, at_least=True, fails=False),
    # the machine drifts as well; a service that an overload damages for good is seen here
    Bar("capacity_kept", 0.85, at_least=True, fails=False),
    Bar("memory_growth_mib", 32),
    # a peak is what the moment needs
    Bar("memory_peak_mib", 32, fails=False),
    Bar("refusal_p95_ms", 50, fails=False),
]
TOLD = (
    "server_errors", "hung", "p99_ratio", "goodput_ratio", "memory_growth_mib", "refusal_p95_ms"
)  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """Seconds of each part and numbers of clients."""

    capacity: float = 10.0
    usual: float = 30.0
    overload: float = 180.0
    closed: tuple[int, ...] = (2, 4, 8, 10)
    leaving: int = 10_000
    dripping: int = 1_000


@dataclass
class Found:
    """What each part came to; `memory` in MiB."""

    peak: float = 0.0
    peak_after: float = 0.0
    usual: list[Sent] = field(default_factory=list)
    over: Sent = field(default_factory=Sent)
    beside: Sent = field(default_factory=Sent)
    drips: dict[int, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    before: float = 0.0
    highest: float = 0.0
    after: float = 0.0


def main() -> None:
    """Measure, print a table, then one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="ten minutes of overload, not three")
    parser.add_argument("--seconds", type=float, help="another time of overload")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to send; else drawn")
    parser.add_argument("--direct", action="store_true", help="no request with a proxy's headers")
    given = parser.parse_args()
    sizes = Sizes(overload=given.seconds or (600.0 if given.long else 180.0))
    with ending(*TOLD) as end, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with prepared(folder, pictures(given.pictures), proxied=not given.direct) as ready:
            floors(ready.running, folder)
            found = measure(ready, sizes)
        report(found)
        end.figures |= judged(found)
        end.held_against(BARS, end.figures)


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


def measure(ready: Ready, sizes: Sizes) -> Found:
    """Every part in turn."""
    found, port = Found(), ready.running.port
    closed_loop(port, ready.requests, max(sizes.closed), sizes.capacity / 2)
    found.peak = capacity(ready, sizes)
    found.usual.append(usual(ready, sizes, 0.7 * found.peak, seed=1))
    before = ready.in_hand()
    with Watched(ready.pid) as watched:
        found.over = open_loop(port, ready.requests, 3 * found.peak, sizes.overload, seed=2)
        say("three times capacity", found.over)
        print(f"  memory {before.memory:.0f} MiB before, {memory(ready.pid):.0f} after")
        found.peak_after = capacity(ready, sizes)
        found.usual.append(usual(ready, sizes, 0.7 * found.peak, seed=4))
        found.drips, found.beside = misbehave(ready, sizes, 0.3 * found.peak)
        after = settled(ready.in_hand, before)
    found.left = after.beyond(before)
    found.before, found.highest, found.after = before.memory, watched.highest, after.memory
    return found


def capacity(ready: Ready, sizes: Sizes) -> float:
    """Answers a second, of the best of several closed loops."""
    best = 0.0
    for clients in sizes.closed:
        sent = closed_loop(ready.running.port, ready.requests, clients, sizes.capacity)
        say(f"{clients} at a time", sent)
        best = max(best, sent.goodput)
    return best


def usual(ready: Ready, sizes: Sizes, rate: float, seed: int) -> Sent:
    """What an ordinary load gets."""
    sent = open_loop(ready.running.port, ready.requests, rate, sizes.usual, seed=seed)
    say("70 % of capacity", sent)
    return sent


def misbehave(ready: Ready, sizes: Sizes, rate: float) -> tuple[dict[int, int], Sent]:
    """Clients that leave, then clients that drip while others are served at `rate`."""
    port, requests = ready.running.port, ready.requests
    began = monotonic()
    leave_in_mid_upload(port, requests, sizes.leaving)
    print(f"{sizes.leaving:,} clients left in mid-upload within {monotonic() - began:.0f} s")
    drips: dict[int, int] = {}
    # longer than the service listens to one body
    listens = float(ready.running.settings.get("URSA_UPLOAD_SECONDS", "30"))
    seconds = listens + 5
    dripping = threading.Thread(
        target=lambda: drips.update(asyncio.run(drip(port, requests, sizes.dripping, seconds)))
    )
    dripping.start()
    sleep(0.1 * listens)
    beside = open_loop(port, ready.requests, rate, 0.8 * listens, seed=3)
    say(f"beside {sizes.dripping:,} clients that send a byte a second", beside)
    dripping.join()
    print(f"  what those were told, by status (0: cut off): {drips}")
    return drips, beside


def floors(running: Programs, folder: Path) -> None:
    """What the disk and the machine take without us, printed."""
    took = []
    with (folder / "floor").open("wb", buffering=0) as file:
        for _ in range(300):
            file.write(bytes(4096))
            began = perf_counter()
            os.fdatasync(file.fileno())
            took.append(perf_counter() - began)
    print(f"floor of the disk, fdatasync: {_percentiles(took)}")
    alive = [b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
    say("floor of the machine, /livez", open_loop(running.port, alive, 100, 5, seed=0))


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


def judged(found: Found) -> dict[str, float | None]:
    """The figures that bars are set for; None where nothing was answered that it could be told from."""
    every = (*found.usual, found.over, found.beside)
    # no refusal at all is one within no time
    refused = found.over.of(429) or [0.0]
    return {
        "server_errors": sum(one.count(500, 599) for one in every)
        + sum(number for status, number in found.drips.items() if status >= 500),
        "hung": sum(one.count(HUNG, BROKEN) for one in every),
        "p99_ratio": _ratio(_p99(found.over), _p99(*found.usual)),
        "goodput_ratio": _ratio(found.over.goodput, (found.peak + found.peak_after) / 2),
        "goodput_of_first_peak": _ratio(found.over.goodput, found.peak),
        "capacity_kept": _ratio(found.peak_after, found.peak),
        "memory_growth_mib": round(found.after - found.before, 1),
        "memory_peak_mib": round(found.highest - found.before, 1),
        "refusal_p95_ms": round(1000 * float(np.quantile(refused, 0.95)), 1),
        "refused_without_retry_after": sum(
            status == 429 and not told
            for one in every
            for status, told in zip(one.statuses, one.told_when, strict=True)
        ),
        "left_behind": len(found.left),
        "capacity_before": round(found.peak, 1),
        "capacity_after": round(found.peak_after, 1),
    }


def _p99(*sent: Sent) -> float | None:
    answered = [took for one in sent for took in one.of(200)]
    return float(np.quantile(answered, 0.99)) if answered else None


def _ratio(one: float | None, other: float | None) -> float | None:
    return round(one / other, 3) if one is not None and other else None


def report(found: Found) -> None:
    """For people."""
    print(
        f"memory: {found.before:.0f} MiB before the overload, {found.highest:.0f} at its highest,"
        f" {found.after:.0f} after; left behind: {'; '.join(found.left) or 'nothing'}"
    )


if __name__ == "__main__":
    main()
