"""How fast the web process answers when every answer is durable: `make bench-serving`.

A real service process on SQLite and a folder, a toy network (so that what is measured is everything around a network),
clients in a process of their own. Beside it the floor: what the disk takes for the two syncs that an answer needs.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from service.clock import wall_clock
from store import migrate, models, people, predictions, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.models import NewVersion
from store.objects import Objects
from store.rollouts import Actor
from tests.benchmarks.bars import ending
from tests.benchmarks.floors import floors
from tests.journeys.programs import programs
from tests.toy import CLASSES, draw, toy_bundle

BOUNDARY = "picture-boundary"


def main() -> None:
    """Print one line for each number of clients, then one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--candidate", action="store_true", help="a second model runs alongside")
    given = parser.parse_args()
    with ending() as end, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        end.figures |= floors(folder)
        floor(folder)
        url = f"sqlite:///{folder / 'ursa.db'}"
        limits = {
            "URSA_RATE_PER_SECOND": "100000",
            "URSA_RATE_BURST": "100000",
            # whoever is there is answered: what is refused, and when, is measured by bench-overload
            "URSA_QUEUE_PER_CORE": "64",
        }
        with programs(folder, url, **limits) as running:
            key = prepare(folder, url, given.candidate)
            running.start("service")
            for clients in given.clients:
                found = measure(url, running.port, key, clients, given.seconds)
                end.figures |= {f"{what}_{clients}": value for what, value in found.items()}


def prepare(folder: Path, url: str, candidate: bool) -> str:
    """A database with a model at `full`, and a key."""
    migrate.upgrade(url)
    database, now = Database(url), wall_clock()
    key, actor = people.new_key(), Actor("system", "benchmark")
    store = BundleStore(Objects(str(folder / "storage")), folder / "unused")
    with database.write() as session:
        people.add_key(session, people.add_consumer(session, "bench", now), key, "consumer", now)
        for number in range(1 + candidate):
            digest = store.keep(toy_bundle(folder / f"toy-{number}", seed=number))
            version = models.register(session, NewVersion(digest, 1, list(CLASSES), {}), now)
            rollout = rollouts.open_rollout(session, version.id, actor, "benchmark", now)
            if number == 0:
                rollouts.move(session, rollout.id, "promote", actor, "benchmark", now)
    database.dispose()
    return key


def measure(url: str, port: int, key: str, clients: int, seconds: float) -> dict[str, float]:
    """Send as fast as answers come, from `clients` at a time, and count rows against answers; the figures."""
    before, spent = rows(url), processor(port)
    results: multiprocessing.Queue[list[float]] = multiprocessing.Queue()
    sender = multiprocessing.Process(target=send, args=(port, key, clients, seconds, results))
    sender.start()
    took = sorted(results.get())
    sender.join()
    kept, spent = rows(url) - before, processor(port) - spent
    percentiles = quantiles(took, n=100)
    print(
        f"{clients:3d} clients: {len(took) / seconds:6.1f} answers/s,"
        f" p50 {1000 * median(took):6.1f} ms, p99 {1000 * percentiles[98]:6.1f} ms,"
        f" {1000 * spent / len(took):.1f} ms of processor each,"
        f" {len(took)} answers, {kept} rows, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return {
        "answers_per_s": round(len(took) / seconds, 1),
        "p50_ms": round(1000 * median(took), 1),
        "p99_ms": round(1000 * percentiles[98], 1),
        "without_row": len(took) - kept,
    }


def processor(port: int) -> float:
    """Seconds of processor that the service has used so far."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    name = "process_cpu_seconds_total "
    return float(next(line for line in lines if line.startswith(name)).removeprefix(name))


def send(
    port: int, key: str, clients: int, seconds: float, results: "multiprocessing.Queue[list[float]]"
) -> None:
    """In a process of its own: the seconds that each answer took."""
    took: list[float] = []
    pictures = [body(draw(number % 2, number)) for number in range(50)]
    start = threading.Barrier(clients)

    def one(offset: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        start.wait()
        until, number = perf_counter() + seconds, offset
        while (began := perf_counter()) < until:
            connection.request("POST", "/v1/predictions", pictures[number % len(pictures)], headers)
            response = connection.getresponse()
            told = json.loads(response.read())
            if response.status != 200:
                sys.exit(f"{response.status}: {told}")
            took.append(perf_counter() - began)
            number += 1

    threads = [threading.Thread(target=one, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(took)


def body(image: bytes) -> bytes:
    """A multipart body with the picture alone."""
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
        'name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    return head.encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()


def rows(url: str) -> int:
    """Predictions in the database."""
    database = Database(url)
    with database.read() as session:
        number = predictions.count(session)
    database.dispose()
    return number


def floor(folder: Path, times: int = 200) -> None:
    """What the disk takes: a picture made durable (file and folder), and a commit of SQLite."""
    objects = Objects(str(folder / "floor"))
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (x)")
    files, commits = [], []
    for number in range(times):
        began = perf_counter()
        objects.put(f"pictures/{number}", bytes(4000))
        files.append(perf_counter() - began)
        began = perf_counter()
        connection.execute("INSERT INTO t VALUES (1)")
        commits.append(perf_counter() - began)
    connection.close()
    for name, took in (("picture made durable", files), ("SQLite commit", commits)):
        percentiles = quantiles(took, n=100)
        print(f"{name}: p50 {1000 * median(took):.2f} ms, p99 {1000 * percentiles[98]:.2f} ms")


if __name__ == "__main__":
    main()
