"""What a healthy candidate alongside takes from consumers under load, and what is left out for them: `make bench-shed`.

Order: capacity; then at three times capacity, and at 85 % of it, rounds of the same traffic without and with a candidate
that costs as much as the model that answers, the one and the other first in turn. A ratio is the median over rounds of
with to without: what the machine does at the same time differs within minutes, and hardly within a round.

`..._shed` and `..._heard` are what became of asking it, as `ursa_shadow_answers_total` counts; `..._refused_more` is by how
much the share of 429 was higher with it; `..._web_ratio` is the web process's own processor time for an answer;
`..._taken_off` is how often a hard limit has taken it off its way, from which it is put back after a second. Exit code 1
when one request was neither answered nor told to come again, or nothing was left out at three times capacity.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import numpy as np

from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.benchmarks.networks import costly_network
from tests.benchmarks.sending import Sent, closed_loop, open_loop
from tests.benchmarks.swaps_rows import Rows
from tests.benchmarks.under_load import Ready, pictures, prepared, say

LOADS = {"full": 3.0, "usual": 0.85}
OUTCOMES = ("answered", "failed", "shed")
BARS = [
    Bar("not_answered"),
    Bar("full_shed", 1, at_least=True),
    Bar("full_goodput_ratio", 0.95, at_least=True, fails=False),
    Bar("full_refused_ratio", 1.05, fails=False),
    Bar("full_p99_ratio", 1.2, fails=False),
    Bar("full_web_ratio", 1.1, fails=False),
    Bar("usual_refused_more", 0.01, fails=False),
    *(Bar(f"{load}_taken_off", fails=False) for load in LOADS),
]


@dataclass(frozen=True)
class Part:
    """One stretch of traffic: `web` seconds of processor; `became` of asking the candidate, put on its way `times`."""

    sent: Sent
    web: float
    became: dict[str, float]
    times: int = 0

    @property
    def refused(self) -> float:
        """The share that was told to come again."""
        return self.sent.count(429, 429) / len(self.sent.statuses)

    @property
    def not_answered(self) -> int:
        """Those that were neither answered nor told to come again."""
        return len(self.sent.statuses) - self.sent.count(200, 200) - self.sent.count(429, 429)

    @property
    def p99(self) -> float:
        """Seconds, of those that were answered."""
        return float(np.quantile(self.sent.of(200), 0.99))


def main() -> None:
    """Measure, print a table, then one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each stretch of traffic")
    parser.add_argument("--rounds", type=int, default=6, help="of without and with, for each load")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to send; else drawn")
    given = parser.parse_args()
    with (
        ending(*(one.name for one in BARS)) as end,
        tempfile.TemporaryDirectory() as name,
        prepared(Path(name), pictures(given.pictures)) as ready,
    ):
        end.figures |= floors(Path(name), ready.running.port)
        end.figures |= measure(ready, given.seconds, given.rounds)
        end.held_against(BARS, end.figures)


def measure(ready: Ready, seconds: float, rounds: int) -> dict[str, float]:
    """Every load in turn; what it came to."""
    port, requests = ready.running.port, ready.requests
    closed_loop(port, requests, 8, min(seconds, 5.0))
    peak = max(closed_loop(port, requests, one, min(seconds, 10.0)).goodput for one in (4, 8, 10))
    print(f"capacity {peak:.1f} answers/s", flush=True)
    rows = Rows(ready)
    number = rows.register("healthy", network=costly_network(), seed=1)
    figures: dict[str, float] = {"capacity": round(peak, 1), "not_answered": 0}
    for load, times in LOADS.items():
        pairs = [_round(ready, rows, number, times * peak, seconds, one) for one in range(rounds)]
        figures |= {f"{load}_{name}": figure for name, figure in compared(pairs).items()}
        figures["not_answered"] += sum(one.not_answered for pair in pairs for one in pair)
    rows.database.dispose()
    return figures


def _round(
    ready: Ready, rows: Rows, number: int, rate: float, seconds: float, turn: int
) -> tuple[Part, Part]:
    """Without and with, in this order or the other one; the same moments of arrival in both."""
    parts = dict[bool, Part]()
    for there in (False, True) if turn % 2 == 0 else (True, False):
        if there:
            with alongside(ready, rows, number) as times:
                parts[there] = stretch(ready, rate, seconds, turn, times)
        else:
            parts[there] = stretch(ready, rate, seconds, turn)
        name = "with a candidate" if there else "without"
        say(f"{rate:.0f} a second, {name} ({parts[there].became})", parts[there].sent)
    return parts[False], parts[True]


def stretch(
    ready: Ready, rate: float, seconds: float, seed: int, times: Sequence[str] = ()
) -> Part:
    """Traffic at random moments, the same for the same seed; `times`: the rollouts of who is alongside."""
    before, spent = outcomes(ready), _processor(ready.pid)
    sent = open_loop(ready.running.port, ready.requests, rate, seconds, seed=seed)
    after, spent = outcomes(ready), _processor(ready.pid) - spent
    return Part(sent, spent, {one: after[one] - before[one] for one in OUTCOMES}, len(times))


@contextmanager
def alongside(ready: Ready, rows: Rows, number: int) -> Iterator[list[str]]:
    """A version runs alongside from the first line of the block on; the ids of its rollouts."""
    with rows.put_back(number) as times:
        ready.running.wait_for(lambda: candidate(ready) == number, 60, "the candidate")
        yield times
    ready.running.wait_for(lambda: candidate(ready) is None, 60, "the candidate to go")


def candidate(ready: Ready) -> int | None:
    """The number of who runs alongside now."""
    said = httpx.get(f"{ready.running.url}/readyz", timeout=30).json()["models"]
    found: int | None = said["alongside"]
    return found


def outcomes(ready: Ready) -> dict[str, float]:
    """What became of asking candidates until now, as the service counts it."""
    lines = httpx.get(f"{ready.running.url}/metrics", timeout=30).text.splitlines()
    names = {one: f'ursa_shadow_answers_total{{outcome="{one}"}} ' for one in OUTCOMES}
    return {
        one: float(next(line for line in lines if line.startswith(name)).rsplit(" ", 1)[1])
        for one, name in names.items()
    }


def compared(pairs: Sequence[tuple[Part, Part]]) -> dict[str, float]:
    """With a candidate to without; where nobody was refused without, there is no ratio of refusals."""
    refused = [b.refused / a.refused for a, b in pairs if a.refused > 0]
    return {
        "goodput_ratio": _median([b.sent.goodput / a.sent.goodput for a, b in pairs]),
        "p99_ratio": _median([b.p99 / a.p99 for a, b in pairs]),
        "web_ratio": _median([_web_of_one(b) / _web_of_one(a) for a, b in pairs]),
        **({"refused_ratio": _median(refused)} if refused else {}),
        "refused_more": _median([b.refused - a.refused for a, b in pairs]),
        "shed": sum(b.became["shed"] for _, b in pairs),
        "heard": sum(b.became["answered"] for _, b in pairs),
        "failed": sum(b.became["failed"] for _, b in pairs),
        "taken_off": sum(b.times - 1 for _, b in pairs),
    }


def _web_of_one(part: Part) -> float:
    return part.web / part.sent.count(200, 200)


def _median(figures: Sequence[float]) -> float:
    return round(median(figures), 3)


def _processor(pid: int) -> float:
    """Seconds of processor of this process alone, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
