"""Files that no honest consumer sends, posted to a real service: `make bench-hostile`.

Order: a service with a toy network, a warm-up of ordinary pictures, the corpus of `tests.hostile` over HTTP from two
clients, ordinary pictures again. Counted: processes that ended (`crashes`: the web process, and those that decode pictures),
answers of 500 and above, refusals without a reason for programs, connections that ended without an answer, answers without
a row; measured: milliseconds of refusals, memory before and after. Prints a table, then one JSON object; exit code 1 when anything crashed, failed or was answered wrongly, or
the memory grew.
"""

import argparse
import http.client
import json
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any

import httpx
import numpy as np
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.benchmarks.leaving import memory
from tests.benchmarks.serving import prepare, rows
from tests.classifier.files import blocks, encode
from tests.hostile.corpus import Hostile, corpus
from tests.journeys.programs import Programs, programs
from tests.toy import draw

REPLACED = "ursa_core_processes_replaced_total"
BOUNDARY = "hostile-boundary"
FORMATS = ("jpeg", "png", "webp", "gif", "tiff", "bmp")
CLIENTS = 2
# a header that somebody tried to smuggle in with a file's name must not come back
SMUGGLED = "X-Smuggled"
BARS = [
    Bar("crashes"),
    Bar("server_errors"),
    Bar("wrongly_answered"),
    Bar("accepted_without_row"),
    Bar("refused_p99_ms", 150, fails=False),
    Bar("memory_growth_mib", 64),
]
TOLD = ("files", "crashes", "server_errors", "refused_p99_ms", "memory_growth_mib")


@dataclass(frozen=True)
class Door:
    """Where files are posted, as whom, and the status of one that was taken."""

    path: str
    headers: dict[str, str]
    taken: int = 200

    @classmethod
    def of_key(cls, key: str) -> "Door":
        """The way in for programs."""
        return cls("/v1/predictions", {"Authorization": f"Bearer {key}"})


# status, headers, content
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Tally:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    refused: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    accepted: int = 0
    # the connection ended without an answer
    unheard: int = 0


def main() -> None:
    """Post them all and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to mutate; else drawn")
    given = parser.parse_args()
    with ending(*TOLD) as end, tempfile.TemporaryDirectory() as name:
        end.figures["files"] = given.files
        with hosted(Path(name)) as (running, key):
            end.figures |= floors(Path(name), running.port)
            files = corpus(given.files, given.seed, ground(given.pictures))
            report(attack(running, key, files, end.figures), given.files)
        end.held_against(BARS, end.figures)


@contextmanager
def hosted(folder: Path) -> Iterator[tuple[Programs, str]]:
    """A service with a toy network and a warm-up behind it; a consumer's key."""
    url = f"sqlite:///{folder / 'ursa.db'}"
    limits = {"URSA_RATE_PER_SECOND": "100000", "URSA_RATE_BURST": "100000"}
    with programs(folder, url, **limits) as running:
        key = prepare(folder, url, candidate=False)
        running.start("service")
        warm(running.port, key)
        yield running, key


def attack(running: Programs, key: str, files: Iterable[Hostile], figures: dict[str, Any]) -> Tally:
    """Post them all; `figures` gets what came of it, so far as the service lived."""
    process, url = running.running["service"], running.database_url
    before, counted = memory(process.pid), rows(url)
    tally = post_all(running.port, Door.of_key(key), files)
    figures |= told(tally)
    if process.poll() is not None:
        return tally
    peak = memory(process.pid, "VmHWM")
    died = replaced(running.url)
    figures |= {
        # of the web process itself it was asked before
        "crashes": died,
        "core_processes_died": died,
        "memory_peak_growth_mib": round(peak - before, 1),
    }
    warm(running.port, key)
    after = memory(process.pid)
    figures |= {
        "memory_growth_mib": round(after - before, 1),
        "accepted_without_row": tally.accepted + WARM - (rows(url) - counted),
    }
    print(
        f"memory of the process and those it has for pictures: {before:.0f} MiB before, {after:.0f} after, {peak:.0f} at its highest"
    )
    return tally


def told(tally: Tally) -> dict[str, Any]:
    """What is known from the answers alone; `crashes` is 1 until somebody finds the service alive."""
    return {
        "crashes": 1,
        "server_errors": sum(n for status, n in tally.statuses.items() if status >= 500),
        "refused_p99_ms": _ms(tally.refused, 0.99),
        "wrongly_answered": len(tally.wrong),
        "accepted": tally.accepted,
        "unheard": tally.unheard,
    }


def ground(folder: Path | None) -> list[bytes]:
    """Pictures to mutate: of the folder (100 at most) as they are, each followed by itself in the next of all formats;
    else drawn ones."""
    if folder is None:
        return [encode(blocks(160, 120, seed), one) for seed in range(6) for one in FORMATS]
    paths = sorted(
        one for one in folder.rglob("*") if one.suffix.lower() in (".jpg", ".jpeg", ".png")
    )
    pairs = zip(paths[:: -(-len(paths) // 100) or 1], cycle(FORMATS), strict=False)
    return [file for path, format in pairs for file in (path.read_bytes(), _as(format, path))]


def _as(format: str, path: Path) -> bytes:
    with Image.open(path) as image:
        return encode(image.convert("RGB"), format)


WARM = 60


def warm(port: int, key: str) -> None:
    """Ordinary pictures, all of which must be answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for number in range(WARM):
        sent = Hostile("ordinary", "a.png", "image/png", draw(number % 2, number))
        status, _, answer = send(connection, Door.of_key(key), sent)
        if status != 200:
            raise AssertionError(f"an ordinary picture was told {status}: {answer!r}")
    connection.close()


def post_all(port: int, door: Door, files: Iterable[Hostile]) -> Tally:
    """Every file once, from `CLIENTS` clients."""
    waiting: SimpleQueue[Hostile] = SimpleQueue()
    for one in files:
        waiting.put(one)
    tallies = [Tally() for _ in range(CLIENTS)]
    threads = [threading.Thread(target=_client, args=(port, door, waiting, one)) for one in tallies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _sum(tallies)


def _client(port: int, door: Door, waiting: "SimpleQueue[Hostile]", tally: Tally) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for one in _each(waiting):
        began = perf_counter()
        try:
            status, headers, answer = send(connection, door, one)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            tally.unheard += 1
            tally.wrong.append(f"{one.kind}: no answer, {type(error).__name__}")
            continue
        _judge(tally, one, status == door.taken, (status, headers, answer), perf_counter() - began)
    connection.close()


def _each(waiting: "SimpleQueue[Hostile]") -> Iterator[Hostile]:
    while True:
        try:
            yield waiting.get_nowait()
        except Empty:
            return


def send(connection: http.client.HTTPConnection, door: Door, one: Hostile) -> Answer:
    """Post one file as it is, its name and type unescaped; also the answer that comes before all of it was sent.

    Raises OSError and HTTPException where none came.
    """
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{one.name}"\r\n'
        f"Content-Type: {one.media_type}\r\n\r\n"
    )
    body = head.encode() + one.data + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {
        **door.headers,
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
    }
    try:
        connection.request("POST", door.path, body, headers)
    except (BrokenPipeError, ConnectionResetError):
        # who refuses by the head alone answers, and closes with the rest unread: what was said can still be read
        if connection.sock is None:
            raise
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def _judge(tally: Tally, one: Hostile, taken: bool, answer: Answer, took: float) -> None:
    status, headers, content = answer
    tally.statuses[status] += 1
    if SMUGGLED.lower() in {name.lower() for name in headers}:
        tally.wrong.append(f"{one.kind}: a header of the file's name came back")
    if taken:
        tally.accepted += 1
        if one.refused:
            tally.wrong.append(f"{one.kind}: was answered")
        return
    tally.refused.append(took)
    if not 400 <= status < 500:
        tally.wrong.append(f"{one.kind}: was told {status}")
    try:
        problem = json.loads(content)
        code = problem["code"]
        # what is no picture is refused for a reason of its own
        tally.reasons[problem["reason"] if code == "bad_picture" else code] += 1
    except (ValueError, KeyError):
        tally.wrong.append(f"{one.kind}: {status} without a reason")
    if one.refused is False:
        tally.wrong.append(f"{one.kind}: was refused with {status}")


def _sum(tallies: Sequence[Tally]) -> Tally:
    whole = Tally()
    for one in tallies:
        whole.statuses.update(one.statuses)
        whole.reasons.update(one.reasons)
        whole.refused += one.refused
        whole.wrong += one.wrong
        whole.accepted += one.accepted
        whole.unheard += one.unheard
    return whole


def replaced(url: str) -> int:
    """How many processes for pictures died so far, by the service's own count."""
    told = text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=10).text)
    counts = (one.value for family in told for one in family.samples if one.name == REPLACED)
    return int(next(counts))


def report(tally: Tally, files: int) -> None:
    """The table for people."""
    print(f"{files} files, {tally.accepted} were pictures after all, {len(tally.refused)} refused")
    for status, number in sorted(tally.statuses.items()):
        print(f"  status {status}: {number}")
    for reason, number in tally.reasons.most_common():
        print(f"  {reason}: {number}")
    for sentence, number in Counter(tally.wrong).most_common(20):
        print(f"  WRONG {sentence} ({number} times)")
    most = f"{1000 * max(tally.refused, default=0):.0f}"
    print(
        f"refused in p50 {_ms(tally.refused, 0.5)} ms, p99 {_ms(tally.refused, 0.99)} ms,"
        f" at most {most} ms"
    )


def _ms(seconds: Sequence[float], share: float) -> float | None:
    """A percentile in milliseconds; None of nothing."""
    return round(1000 * float(np.quantile(seconds, share)), 1) if seconds else None


if __name__ == "__main__":
    main()
