"""A service whose database goes away under load and comes back: what its consumers are told, and what it keeps of it.

The service is a process of its own, so that what the kernel says of it (threads, files, memory) is all its own.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
from sqlalchemy import make_url

from service.clock import wall_clock
from store import people
from store.database import Database
from tests.crash.load import Ledger, picture
from tests.journeys.programs import Programs, programs
from tests.postgres import Server

SENDERS = 6
Away = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Held:
    """What a process holds, as the kernel and the database count it."""

    threads: int
    files: int
    connections: int
    mib: float


@dataclass
class Outage:
    """Answers by status while the database was away; `slowest` and `back` are seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    slowest: float = 0.0
    back: float = 0.0
    ready: list[int] = field(default_factory=list)
    ready_after: int = 0
    alive: list[int] = field(default_factory=list)
    held: Held | None = None


@contextmanager
def service(folder: Path, url: str, **settings: str) -> Iterator["Service"]:
    """A service without a model, so that people are asked: the way into the log is all that counts here."""
    generous = {"URSA_RATE_PER_SECOND": "100000", "URSA_RATE_BURST": "100000"}
    with programs(folder, url, **generous, **settings) as made:
        made.start("service")
        yield Service(made, _key(url))


@dataclass
class Service:
    """One service, and the key of a consumer."""

    programs: Programs
    key: str
    numbers: Ledger = field(default_factory=Ledger)

    def held(self) -> Held:
        """What it holds now."""
        process = Path(f"/proc/{self.programs.running['service'].pid}")
        lines = dict(
            line.split(":", 1)
            for line in (process / "status").read_text().splitlines()
            if ":" in line
        )
        return Held(
            len(list((process / "task").iterdir())),
            len(list((process / "fd").iterdir())),
            _connections(self.programs.database_url),
            int(lines["VmRSS"].split()[0]) / 1024,
        )

    def suffer(self, away: Away, seconds: float) -> Outage:
        """Post under load, let the database be away for so long, and see how it comes back."""
        found, gone, over = Outage(), threading.Event(), threading.Event()
        senders = [
            threading.Thread(target=self._send, args=(found, gone, over)) for _ in range(SENDERS)
        ]
        for one in senders:
            one.start()
        with httpx.Client(base_url=self.programs.url, timeout=60) as client:
            with away():
                gone.set()
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    found.alive.append(client.get("/livez").status_code)
                    found.ready.append(client.get("/readyz").status_code)
                    time.sleep(0.1)
                gone.clear()
            returned = time.monotonic()
            while not self._post(client).is_success:
                time.sleep(0.01)
            found.back = time.monotonic() - returned
            found.ready_after = client.get("/readyz").status_code
        over.set()
        for one in senders:
            one.join()
        found.held = self._settled()
        return found

    def _send(self, found: Outage, gone: threading.Event, over: threading.Event) -> None:
        with httpx.Client(base_url=self.programs.url, timeout=120) as client:
            while not over.is_set():
                while_away, began = gone.is_set(), time.monotonic()
                answer = self._post(client)
                took = time.monotonic() - began
                if while_away:
                    with self.numbers.lock:
                        found.statuses[answer.status_code] += 1
                        found.slowest = max(found.slowest, took)
                        refused = answer.status_code == 503
                        found.without_retry_after += refused and "Retry-After" not in answer.headers

    def _post(self, client: httpx.Client) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        image = picture(next(self.numbers.numbers))
        return client.post("/v1/predictions", files={"image": image}, headers=headers)

    def _settled(self) -> Held:
        """What it holds when its clients have gone: threads that nobody needs end after a while by themselves."""
        held = self.held()
        for _ in range(8):
            time.sleep(0.3)
            before, held = held, self.held()
            if held.threads == before.threads and held.files == before.files:
                break
        return held


def stopped(server: Server) -> Away:
    """The server is stopped, its connections cut, and started again."""

    @contextmanager
    def away() -> Iterator[None]:
        server.stop()
        yield
        server.start()

    return away


def silent(server: Server) -> Away:
    """The server is there and answers nothing."""

    @contextmanager
    def away() -> Iterator[None]:
        server.pause()
        yield
        server.resume()

    return away


def locked(url: str) -> Away:
    """Another program holds the lock on an SQLite file."""

    @contextmanager
    def away() -> Iterator[None]:
        holder = Database(url)
        with holder.write():
            yield
        holder.dispose()

    return away


def _connections(url: str) -> int:
    """Those that the service holds on a server; on SQLite they are among its files."""
    if not url.startswith("postgresql"):
        return 0
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    return int(row[0]) if row else 0


def _key(url: str) -> str:
    database, key = Database(url), people.new_key()
    with database.write() as session:
        now = wall_clock()
        people.add_key(session, people.add_consumer(session, "shop", now), key, "consumer", now)
    database.dispose()
    return key
