"""What a power cut would find: the bytes of a picture before the commit, the commit before the answer.

`kill -9` cannot show this, since what a process has handed to the kernel survives it. So the system calls of a real
service are read off while it answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from service.clock import wall_clock
from store import migrate, people
from store.database import Database
from tests import postgres
from tests.conftest import lacking
from tests.crash.tracing import Call, Trace, traced
from tests.journeys.programs import programs
from tests.toy import draw

pytestmark = pytest.mark.journey


@dataclass(frozen=True)
class Seen:
    """The calls while one picture was answered, and the prediction's id."""

    trace: Trace
    prediction_id: str
    storage: Path

    def answer(self) -> Call:
        """Where the answer begins to leave."""
        return self.trace.first("sendto sendmsg write writev", r"HTTP/1\.1 200")

    def picture_synced(self) -> Call:
        """The last sync that the picture needs: of the storage's own folder, after file, name and folders above it."""
        trace, pictures = self.trace, f"{self.storage}/pictures/"
        written = trace.first("write", rf"<{pictures}\w+/\.new-\w+>, \"\\211PNG")
        synced = trace.first("fsync", rf"<{pictures}\w+/\.new-", after=done(written))
        renamed = trace.first("rename renameat renameat2", pictures, after=done(synced))
        last = renamed
        for folder in (rf"{pictures}\w+", pictures.rstrip("/"), str(self.storage)):
            last = trace.first("fsync", rf"<{folder}>", after=done(last))
        return last


def done(call: Call) -> int:
    """The place at which a call had ended, and well."""
    assert call.ended is not None
    assert call.result is not None
    assert call.result >= 0
    return call.ended


@pytest.fixture
def seen(sqlite_url: str, tmp_path: Path) -> Seen:
    """On SQLite."""
    return _see(sqlite_url, tmp_path, list)


@pytest.fixture
def seen_with_server(tmp_path: Path) -> Seen:
    """On a PostgreSQL that waits for its disk, whose processes are looked at as well."""
    binaries = postgres.programs()
    if binaries is None:
        lacking("PostgreSQL")
    with postgres.own_server(binaries, settings=["autovacuum=off"]) as server:
        migrate.upgrade(server.url)
        return _see(server.url, tmp_path, server.processes)


def _see(url: str, folder: Path, others: Callable[[], Sequence[int]]) -> Seen:
    with programs(folder, url) as three:
        three.start("service")
        key = _key(url)
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one-and-only"}
        looked_at = [three.running["service"].pid, *others()]
        with (
            httpx.Client(base_url=three.url, headers=headers, timeout=60) as consumer,
            traced(looked_at, folder / "trace") as trace,
        ):
            answer = consumer.post("/v1/predictions", files={"image": draw(0, 1)})
            assert answer.status_code == 200
        return Seen(trace, answer.json()["id"], folder / "storage")


def test_on_sqlite_picture_then_log_then_answer_are_on_the_disk(seen: Seen) -> None:
    trace = seen.trace
    picture = seen.picture_synced()
    # the rows go into the write-ahead log, and with them the commit: one sync makes both last
    rows = trace.first("pwrite64", r"ursa\.db-wal>", seen.prediction_id, after=done(picture))
    synced = trace.first("fdatasync fsync", r"ursa\.db-wal>", after=done(rows), thread=rows.thread)
    assert done(synced) < seen.answer().begun
    later = [
        one
        for one in trace.calls
        if one.thread == rows.thread
        and one.name == "pwrite64"
        and done(synced) < one.begun < seen.answer().begun
    ]
    assert later == []  # nothing of it was written behind the sync


def test_on_postgresql_the_commit_is_on_the_servers_disk_before_the_answer_leaves(
    seen_with_server: Seen,
) -> None:
    seen, trace = seen_with_server, seen_with_server.trace
    picture = seen.picture_synced()
    rows = trace.first("sendto", seen.prediction_id, after=done(picture))
    commit = trace.first("sendto", r"COMMIT\\0", after=done(rows), thread=rows.thread)
    # the server's own process: it is asked, writes, waits for the disk, and only then says so
    server = trace.first("recvfrom", seen.prediction_id, after=rows.begun).thread
    assert server != rows.thread
    asked = trace.first("recvfrom", r"COMMIT\\0", after=commit.begun, thread=server)
    written = trace.first("pwrite64", "/pg_wal/", after=done(asked))
    synced = trace.first("fdatasync", "/pg_wal/", after=done(written), thread=written.thread)
    told = trace.first("sendto", r"COMMIT\\0", after=done(asked), thread=server)
    assert done(synced) < told.begun
    confirmed = trace.first("recvfrom", r"COMMIT\\0", after=told.begun, thread=rows.thread)
    assert done(confirmed) < seen.answer().begun


def _key(url: str) -> str:
    database, key, now = Database(url), people.new_key(), wall_clock()
    with database.write() as session:
        people.add_key(session, people.add_consumer(session, "shop", now), key, "consumer", now)
    database.dispose()
    return key
