"""Models that take over and go back under load, and candidates that misbehave alongside: `make bench-swaps`.

Order: a service with one model at `full` and clients that send all the time; 500 promotions and reverts, each followed
by the process before the next; every tenth promotion is of a bundle that is broken or does not answer as it was tested.
Then every answer is held against what its version says about its picture, and against its row. At the end the same
traffic with candidates alongside that raise, eat memory, hang or crash, and are put back on their way whenever they have
been taken off it. The database and the storage are the real ones, moves are made in the rows as the acts make them.
"""

import argparse
import http.client
import json
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from time import sleep
from typing import Any, get_args

import httpx
import numpy as np

from tests.benchmarks.leaving import memory
from tests.benchmarks.networks import Misbehaviour, costly_network, misbehaving_network
from tests.benchmarks.overload import Ready, floors, pictures, prepared, say
from tests.benchmarks.sending import Sent, closed_loop, open_loop
from tests.benchmarks.serving import body
from tests.benchmarks.swaps_rows import Rows, Told, lying, no_numbers

# as many pictures as are known by heart for each version
KNOWN = 12


@dataclass
class Swapped:
    """What came of it."""

    moves: int = 0
    answers: int = 0
    failed: int = 0
    mixed: int = 0
    rows_differing: int = 0
    bad_became_live: int = 0
    bad_tried: int = 0
    versions: set[int] = field(default_factory=set)


def main() -> None:
    """Measure, print a table, then one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each kind of candidate")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to send; else drawn")
    given = parser.parse_args()
    files = pictures(given.pictures)
    with tempfile.TemporaryDirectory() as name, prepared(Path(name), files) as ready:
        floors(ready.running, Path(name))
        swapped = swap(ready, files[:KNOWN], given.moves)
        print(swapped, flush=True)
        costs = misbehave(ready, given.seconds)
    print(json.dumps({**_figures(swapped), **costs}))


def swap(
    ready: Ready, files: Sequence[bytes], moves: int, bad_every: int = 10, clients: int = 3
) -> Swapped:
    """Promote and revert `moves` times in all while `clients` send; some promotions are of bad bundles."""
    rows = Rows(ready)
    base = 1
    good = rows.register("other", network=costly_network((1, 0)), order=(1, 0))
    bad = [
        rows.damaged(),
        rows.register("differs", samples=lying()),
        rows.register("endless", network=no_numbers(), seed=4),
    ]
    expected = {one: rows.opinions(one, files) for one in (base, good)}
    done, answering = Swapped(), {rows.newest_event(): base}
    with sending(ready.running.port, rows.key(), files, clients) as told:
        for turn in range(moves // 2):
            is_bad = turn % bad_every == bad_every - 1
            number = bad[turn // bad_every % len(bad)] if is_bad else good
            event, rollout = rows.promote(number)
            answering[event] = base if is_bad else number
            _followed(ready, base if is_bad else number, broken=is_bad)
            answering[rows.revert(rollout)] = base
            _followed(ready, base, broken=False)
            done.moves += 2
            done.bad_tried += is_bad
    _judge(done, told, expected, set(bad))
    done.rows_differing = rows.differing(told, answering)
    rows.database.dispose()
    return done


def misbehave(ready: Ready, seconds: float) -> dict[str, float]:
    """What candidates that misbehave cost the consumers of the model that answers: ratios to none alongside.

    None alongside is measured before and after each; `none_p50_ratio` is how far these differ by themselves.
    """
    rows, port = Rows(ready), ready.running.port
    rate = 0.5 * closed_loop(port, ready.requests, 6, min(seconds, 10.0)).goodput
    lowest, seeds = memory(ready.pid), count(1)

    def measured(name: str) -> Sent:
        sent = open_loop(port, ready.requests, rate, seconds, seed=next(seeds))
        say(name, sent)
        return sent

    figures, alone = dict[str, float](), [measured("no candidate")]
    for how in get_args(Misbehaviour):
        number = rows.register(how.replace(" ", "-"), network=misbehaving_network(how))
        shed, failed = _outcomes(ready, "shed"), _outcomes(ready, "failed")
        with rows.put_back(number) as times:
            beside = measured(f"a candidate that {how}")
        shed, failed = _outcomes(ready, "shed") - shed, _outcomes(ready, "failed") - failed
        print(f"  put on its way {len(times)} times; answers: {failed:.0f} failed, {shed:.0f} shed")
        alone.append(measured("no candidate"))
        name = how.split()[0]
        for q in (0.5, 0.99):
            figures[f"{name}_p{100 * q:.0f}_ratio"] = _ratio([beside], alone[-2:], q)
        figures[f"{name}_refused"] = beside.count(429, 429)
        figures[f"{name}_not_answered"] = (
            len(beside.statuses) - beside.count(200, 200) - beside.count(429, 429)
        )
        figures[f"{name}_counted"] = failed + shed
        figures[f"{name}_times"] = len(times)
    for q in (0.5, 0.99):
        pairs = [*pairwise(alone), *pairwise(alone[::-1])]
        ratios = [_ratio([one], [other], q) for one, other in pairs]
        figures[f"none_p{100 * q:.0f}_ratio"] = max(ratios)
    figures["candidates_memory_mib"] = round(memory(ready.pid, "VmHWM") - lowest, 1)
    rows.database.dispose()
    return figures


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
    said: dict[str, Any] = {}
    for _ in range(2000):
        said = httpx.get(f"{ready.running.url}/readyz", timeout=30).json()["models"]
        if said["answering"] == number and bool(said["broken"]) == broken:
            return
        sleep(0.01)
    raise AssertionError(
        f"version {number} was not followed: {said}\n{ready.running.log('service')}"
    )


def _judge(
    done: Swapped, told: Sequence[Told], expected: dict[int, list[dict[str, float]]], bad: set[int]
) -> None:
    done.answers = len(told)
    for one in told:
        version = int(one.answer.get("model_version") or 0)
        if one.status != 200 or one.answer["status"] != "answered":
            done.failed += 1
            continue
        done.versions.add(version)
        done.bad_became_live += version in bad
        if version not in expected:
            done.mixed += 1
            continue
        said, known = one.answer["probabilities"], expected[version][one.picture]
        is_its = all(abs(said[name] - known[name]) < 1e-5 for name in known)
        done.mixed += not is_its or one.answer["label"] != max(said, key=said.__getitem__)


def _outcomes(ready: Ready, outcome: str) -> float:
    lines = httpx.get(f"{ready.running.url}/metrics", timeout=30).text.splitlines()
    name = f'ursa_shadow_answers_total{{outcome="{outcome}"}} '
    return float(next(one for one in lines if one.startswith(name)).rsplit(" ", 1)[1])


def _ratio(beside: Sequence[Sent], alone: Sequence[Sent], q: float) -> float:
    a, b = (
        np.quantile([took for one in some for took in one.of(200)], q) for some in (beside, alone)
    )
    return round(float(a / b), 2)


def _figures(done: Swapped) -> dict[str, float]:
    return {name: value for name, value in vars(done).items() if name != "versions"}


if __name__ == "__main__":
    main()
