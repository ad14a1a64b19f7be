"""Models that take over and go back under load: `make bench-swaps`.

Order: a service with one model at `full` and clients that send all the time; 500 moves. Most are promotions and reverts
in the rows, a part of them followed by the process before the next comes and a part not; some are a candidate's whole way
by the product's API, alongside, through the stages and to `full` by two people; every tenth is of a bundle that is broken,
does not answer as it was tested, or hangs, raises, eats memory or crashes while it is proved. Then every answer is held
against what its version says about its picture, and against its row. Exit code 1 when an answer failed or was mixed, a bad
bundle became live, or the web process's own memory grew: a bundle that is loaded takes fifty MiB for a moment, so that it is
read at its lowest, in the second tenth of the time and in the last.
"""

import argparse
import http.client
import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.benchmarks.leaving import own_memory_meanwhile
from tests.benchmarks.networks import costly_network
from tests.benchmarks.serving import body
from tests.benchmarks.swaps_rows import BAD, Rows, Told, spoil
from tests.benchmarks.swaps_way import Operators
from tests.benchmarks.under_load import Ready, pictures, prepared

# as many pictures as are known by heart for each version
KNOWN = 12
# a bundle that hangs is given up before that
PATIENCE_SECONDS = 120.0


@dataclass
class Swapped:
    """What came of it."""

    moves: int = 0
    ways: int = 0
    ways_cut_short: int = 0
    unfollowed: int = 0
    answers: int = 0
    not_answered: int = 0
    mixed: int = 0
    rows_differing: int = 0
    bad_became_live: int = 0
    bad_tried: int = 0
    versions: set[int] = field(default_factory=set)


def main() -> None:
    """Measure, print a table, then one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=500)
    parser.add_argument("--bad", nargs="+", choices=BAD, default=BAD, help="kinds of bad bundles")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to send; else drawn")
    given = parser.parse_args()
    files, wanted = pictures(given.pictures), bars(given.moves)
    with ending(*(one.name for one in wanted)) as end:
        with tempfile.TemporaryDirectory() as name, prepared(Path(name), files) as ready:
            end.figures |= floors(Path(name), ready.running.port)
            with own_memory_meanwhile(ready.pid) as web:
                swapped = swap(ready, files[:KNOWN], given.moves, bad=given.bad)
            print(swapped, flush=True)
            end.figures |= _figures(swapped)
            end.figures["web_growth_mib"] = growth(web)
        end.held_against(wanted, end.figures)


def bars(moves: int) -> list[Bar]:
    """What the figures are held against."""
    return [
        Bar("moves", moves, at_least=True),
        # a machine with other work may cut a way short, not all of them
        *(Bar(name, 1, at_least=True) for name in ("ways", "bad_tried", "unfollowed")),
        *(Bar(name) for name in ("not_answered", "mixed", "rows_differing", "bad_became_live")),
        Bar("web_growth_mib", 32),
    ]


def growth(web: Sequence[float]) -> float:
    """What a process that loads and lets go all the time has kept: its lowest of the last tenth beyond that of the second."""
    tenth = max(1, len(web) // 10)
    return round(min(web[-tenth:]) - min(web[tenth : 2 * tenth] or web), 1)


def swap(
    ready: Ready,
    files: Sequence[bytes],
    moves: int,
    bad_every: int = 10,
    way_every: int = 5,
    clients: int = 3,
    bad: Sequence[str] = BAD,
) -> Swapped:
    """Promote and revert `moves` times in all while `clients` send; some promotions are of bad bundles."""
    rows = Rows(ready)
    base = 1
    good = rows.register("other", network=costly_network((1, 0)), order=(1, 0))
    spoilt = [spoil(rows, one) for one in bad]
    expected = {one: rows.opinions(one, files) for one in (base, good)}
    done, answering = Swapped(), {rows.newest_event(): {base}}
    operators = Operators(ready.running.url, rows)
    with sending(ready.running.port, rows.key(), files, clients) as told:
        for turn in count():
            if done.moves >= moves:
                break
            if turn % bad_every == bad_every - 1:
                number = spoilt[done.bad_tried % len(spoilt)]
                event, rollout = rows.promote(number)
                answering[event] = {base}
                _followed(ready, base, broken=True)
                answering[rows.revert(rollout)] = {base}
                done.bad_tried += 1
                done.moves += 2
            elif turn % way_every == way_every - 1:
                gone = operators.lead(good, base, told, _wait_for)
                answering |= gone.answering
                done.moves += gone.moves
                done.ways_cut_short += gone.cut_short
                done.ways += not gone.cut_short
            else:
                hurries = turn % 3 == 2
                event, rollout = rows.promote(good)
                answering[event] = {good}
                if not hurries:
                    _followed(ready, good, broken=False)
                answering[rows.revert(rollout)] = {base}
                done.unfollowed += hurries
                done.moves += 2
                if hurries:
                    continue
            _followed(ready, base, broken=False)
        _followed(ready, base, broken=False)
    operators.close()
    _judge(done, told, expected, set(spoilt))
    done.rows_differing = rows.differing(told, answering, base)
    rows.database.dispose()
    return done


@contextmanager
def sending(port: int, key: str, files: Sequence[bytes], clients: int) -> Iterator[list[Told]]:
    """Clients that send until the end of the block; what they were told."""
    over, told = threading.Event(), list[Told]()
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "multipart/form-data; boundary=picture-boundary",
    }
    bodies = [body(one) for one in files]

    def client(offset: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in count(offset, clients):
            if over.is_set():
                break
            picture = number % len(bodies)
            try:
                connection.request("POST", "/v1/predictions", bodies[picture], headers)
                response = connection.getresponse()
                content = response.read()
                # what a proxy says by itself is not ours to read
                answer = json.loads(content) if response.status == 200 else {}
                told.append(Told(picture, response.status, answer))
            except (OSError, http.client.HTTPException):
                connection.close()  # it is opened anew by the next request
                told.append(Told(picture, 0, {}))
        connection.close()

    threads = [threading.Thread(target=client, args=(one,)) for one in range(clients)]
    for one in threads:
        one.start()
    try:
        yield told
    finally:
        over.set()
        for one in threads:
            one.join()


def _followed(ready: Ready, number: int, *, broken: bool) -> None:
    """Return when the service says so."""

    def has() -> bool:
        said: dict[str, Any] = httpx.get(f"{ready.running.url}/readyz", timeout=30).json()["models"]
        return said["answering"] == number and bool(said["broken"]) == broken

    try:
        _wait_for(has)
    except AssertionError as error:
        raise AssertionError(f"version {number}: {error}\n{ready.running.log('service')}") from None


def _wait_for(has: Callable[[], bool]) -> None:
    until = monotonic() + PATIENCE_SECONDS
    while not has():
        if monotonic() > until:
            raise AssertionError(f"it was not followed within {PATIENCE_SECONDS:g} s")
        sleep(0.01)


def _judge(
    done: Swapped, told: Sequence[Told], expected: dict[int, list[dict[str, float]]], bad: set[int]
) -> None:
    done.answers = len(told)
    for one in told:
        version = int(one.answer.get("model_version") or 0)
        if one.status != 200 or one.answer["status"] != "answered":
            done.not_answered += 1
            continue
        done.versions.add(version)
        done.bad_became_live += version in bad
        if version not in expected:
            done.mixed += 1
            continue
        said, known = one.answer["probabilities"], expected[version][one.picture]
        is_its = all(abs(said[name] - known[name]) < 1e-5 for name in known)
        done.mixed += not is_its or one.answer["label"] != max(said, key=said.__getitem__)


def _figures(done: Swapped) -> dict[str, float]:
    return {name: value for name, value in vars(done).items() if name != "versions"}


if __name__ == "__main__":
    main()
