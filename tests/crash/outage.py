"""A service whose database goes away under load and comes back: what its consumers are told, and what it keeps of it.

The service is a process of its own with processes of its own, so that what the kernel says of them (threads, files,
memory) is all theirs. Monitoring and retrain may run beside it.
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

from monitoring.retention import RETENTION
from service.clock import wall_clock
from store import jobs, people
from store.database import Database
from store.objects import Objects
from tests.benchmarks.leaving import memory
from tests.crash.load import Ledger, picture
from tests.journeys.programs import Programs, programs
from tests.postgres import Server, family

SENDERS = 6
OTHERS = ("monitoring", "retrain")
# idle threads of the pool end after ten seconds, when somebody asks for one
SETTLE_SECONDS = 12.0
Away = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Held:
    """What a process and those that it has started hold. `connections` are the ways into the database, which a pool
    keeps, `files` all others; `busy` are those connections that a server says are in a transaction.
    """

    threads: int
    files: int
    connections: int
    busy: int
    mib: float

    def beyond(self, before: "Held", fresh: "Held") -> list[str]:
        """What there is more of than before, memory aside, in words.

        A pool has what was needed at one time: no more than when the service was `fresh`, and one for each who sends.
        """
        allowed = {
            "threads": before.threads,
            "files": before.files,
            "connections": fresh.connections + SENDERS,
            "busy": 0,
        }
        pairs = [(name, most, getattr(self, name)) for name, most in allowed.items()]
        return [f"{name}: {now}, at most {most}" for name, most, now in pairs if now > most]


@dataclass(frozen=True)
class Sent:
    """One request, in seconds of the monotonic clock; status 0 is a connection that broke or gave up waiting."""

    began: float
    ended: float
    status: int
    has_retry_after: bool


@dataclass
class Outage:
    """What was told to requests that were under way while the database was away, also those begun just before;
    `slowest` is the longest wait of any of them, `red` the time until readiness was red, `back` the time until every client
    was served again, in seconds.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    slowest: float = 0.0
    red: float = 0.0
    back: float = 0.0
    ready: list[int] = field(default_factory=list)
    ready_after: int = 0
    alive: list[int] = field(default_factory=list)

    @property
    def stayed_red(self) -> bool:
        """Whether readiness became red, and never anything else while the database was away."""
        return bool(self.red) and set(self.ready[self.ready.index(503) :]) == {503}


@contextmanager
def service(
    folder: Path, url: str, *, others: bool = False, **settings: str
) -> Iterator["Service"]:
    """A service without a model, so that people are asked: the way into the log is all that counts here."""
    generous = {"URSA_RATE_PER_SECOND": "100000", "URSA_RATE_BURST": "100000"}
    # the database may have rows of pictures that are in another folder
    Objects(str(folder / "storage"))
    with programs(folder, url, **generous, **settings) as made:
        made.start("service")
        for one in OTHERS if others else ():
            made.start(one)
        yield Service(made, _key(url))


@dataclass
class Service:
    """One service, and the key of a consumer."""

    programs: Programs
    key: str
    numbers: Ledger = field(default_factory=Ledger)

    def held(self) -> Held:
        """What it holds now."""
        pid = self.programs.running["service"].pid
        processes = [Path(f"/proc/{one}") for one in family(pid)]
        threads = sum(len(list((process / "task").iterdir())) for process in processes)
        names = [_name(one) for process in processes for one in (process / "fd").iterdir()]
        url = self.programs.database_url
        if url.startswith("postgresql"):
            connections, busy = _connections(url)
            of_pool = connections
        else:
            connections, busy = names.count("ursa.db"), 0
            of_pool = sum(one.startswith("ursa.db") for one in names)
        return Held(threads, len(names) - of_pool, connections, busy, memory(pid))

    def settled(self, before: Held | None = None) -> Held:
        """What it holds when nothing more of it ends by itself, or when there is no more of it than before."""
        held, until = self.held(), time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until and not (before and _no_more(held, before)):
            time.sleep(0.5)
            httpx.get(f"{self.programs.url}/readyz", timeout=60)
            last, held = held, self.held()
            if (held.threads, held.files) < (last.threads, last.files):
                until = time.monotonic() + SETTLE_SECONDS
        return held

    def suffer(self, away: Away, seconds: float) -> Outage:
        """Post under load, let the database be away for so long, and see how it comes back."""
        over, found = threading.Event(), Outage()
        sent: list[list[Sent]] = [[] for _ in range(SENDERS)]
        senders = [threading.Thread(target=self._send, args=(one, over)) for one in sent]
        for sender in senders:
            sender.start()
        self.programs.wait_for(lambda: all(map(_served, sent)), 60, "everybody to be served")
        with httpx.Client(base_url=self.programs.url, timeout=60) as client:
            gone = time.monotonic()
            with away():
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    found.alive.append(client.get("/livez").status_code)
                    found.ready.append(client.get("/readyz").status_code)
                    if found.ready[-1] == 503:
                        found.red = found.red or time.monotonic() - gone
                    time.sleep(0.1)
            returned = time.monotonic()
            self.programs.wait_for(
                lambda: all(_served(one, returned) for one in sent), 60, "everybody to be served"
            )
            found.ready_after = client.get("/readyz").status_code
        over.set()
        for sender in senders:
            sender.join()
        found.back = max(_served(one, returned) for one in sent) - returned
        for one in (one for each in sent for one in each):
            if one.ended > gone and one.began < returned:
                found.statuses[one.status] += 1
                found.slowest = max(found.slowest, one.ended - one.began)
                found.without_retry_after += one.status == 503 and not one.has_retry_after
        return found

    def others_go_on(self) -> None:
        """Wait until monitoring and retrain have each done a job that is asked of them now; fails when one is gone."""
        database = Database(self.programs.database_url)
        with database.write() as session:
            now = wall_clock()
            nothing = {"model_version_id": "none"}  # told at once, and a job as any other
            asked = [
                jobs.add(session, RETENTION, {}, now, asked_by="a test").id,
                jobs.add(session, "backtest", nothing, now, asked_by="a test").id,
            ]

        def done() -> bool:
            with database.read() as session:
                return {jobs.get(session, one).status for one in asked} == {"done", "failed"}

        self.programs.wait_for(done, 120, "monitoring and retrain to go on")
        database.dispose()

    def _send(self, sent: list[Sent], over: threading.Event) -> None:
        with httpx.Client(base_url=self.programs.url, timeout=120) as client:
            while not over.is_set():
                began = time.monotonic()
                try:
                    answer = self._post(client)
                except httpx.TransportError:
                    sent.append(Sent(began, time.monotonic(), 0, has_retry_after=False))
                    continue
                told = "Retry-After" in answer.headers
                sent.append(Sent(began, time.monotonic(), answer.status_code, told))

    def _post(self, client: httpx.Client) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        image = picture(next(self.numbers.numbers))
        return client.post("/v1/predictions", files={"image": image}, headers=headers)


def _served(sent: list[Sent], after: float = 0.0) -> float:
    """When one who sends had its first answer after a moment; 0: not yet."""
    return next((one.ended for one in list(sent) if one.status == 200 and one.ended > after), 0.0)


def _no_more(held: Held, before: Held) -> bool:
    return held.threads <= before.threads and held.files <= before.files and not held.busy


def _name(path: Path) -> str:
    try:
        return path.readlink().name
    except OSError:
        return ""  # closed meanwhile


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


def _connections(url: str) -> tuple[int, int]:
    """Those that the service holds on a server, and how many of them are in a transaction."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE state <> 'idle')"
            " FROM pg_stat_activity WHERE application_name = 'service'"
        ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _key(url: str) -> str:
    database, key = Database(url), people.new_key()
    with database.write() as session:
        now = wall_clock()
        people.add_key(session, people.add_consumer(session, "shop", now), key, "consumer", now)
    database.dispose()
    return key
