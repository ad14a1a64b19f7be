"""What candidates alongside that hang, raise, eat memory or crash take from consumers: `make bench-misbehaving`.

Order: capacity; then at half of it, rounds of the same traffic: twice without a candidate, and once with each kind, as it
happens: put on its way in the first second, loaded, asked, and taken off for good by a hard limit. `--again` adds each kind
once more, put back a second after it was taken off and loaded anew each time, as nobody would. The order is drawn for each
round; moments of arrival are the same within it.

`..._p50_ratio`, `..._p99_ratio`, `..._mean_ratio`: the median over rounds of its milliseconds to the mean of both without a
candidate in the same round; `none_...`: of one of these to the other, which this machine cannot tell from nothing.
`..._low`, `..._high`: the smallest and largest of the rounds, of eight an interval of 99 % for the median.
`..._refused_more`: by how much the share of 429 was higher. `..._failed`, `..._shed`: what became of asking, as the service
counts it; `..._times`: put on its way; `..._left`: stretches at whose end it had not been taken off. In MiB: `web_growth_mib` of the web process alone at the end, `..._family_peak_mib`
the most that it and all that it has started had together, more than before. Exit code 1 when a request was neither answered
nor told to come again, a kind was not there or nobody noticed, or the web process's memory grew.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import get_args

import numpy as np

from tests.benchmarks.bars import Bar, ending
from tests.benchmarks.floors import floors
from tests.benchmarks.leaving import Watched, memory, own_memory
from tests.benchmarks.networks import Misbehaviour, misbehaving_network
from tests.benchmarks.sending import Sent, closed_loop
from tests.benchmarks.shed import Part, candidate, stretch
from tests.benchmarks.swaps_rows import Rows
from tests.benchmarks.under_load import Ready, pictures, prepared, say

# of capacity: candidates are asked there, and nobody is refused
LOAD = 0.5
# without a candidate, twice in each round
NONE = ("none", "none too")
KINDS = {how.split()[0]: how for how in get_args(Misbehaviour)}
AGAIN = " again"
BARS = [
    Bar("not_answered"),
    *(Bar(f"{name}_{what}", 1, at_least=True) for name in KINDS for what in ("times", "failed")),
    *(Bar(f"{name}_left", fails=False) for name in KINDS),
    *(Bar(f"{name}_p50_ratio", 1.1, fails=False) for name in ("none", *KINDS)),
    *(Bar(f"{name}_p99_ratio", 1.2, fails=False) for name in ("none", *KINDS)),
    *(Bar(f"{name}_refused_more", 0.01, fails=False) for name in KINDS),
    Bar("web_growth_mib", 32),
]


@dataclass(frozen=True)
class Beside:
    """One stretch of traffic, the most MiB that the service and all that it has started had meanwhile, and whether there
    was a candidate at its end."""

    part: Part
    highest: float
    is_left: bool


# by what was alongside
Round = dict[str, Beside]


def main() -> None:
    """Measure, print a table, then one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each stretch of traffic")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--again", action="store_true", help="also put back whenever taken off")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to send; else drawn")
    given = parser.parse_args()
    with (
        ending(*(one.name for one in BARS)) as end,
        tempfile.TemporaryDirectory() as name,
        prepared(Path(name), pictures(given.pictures)) as ready,
    ):
        end.figures |= floors(Path(name), ready.running.port)
        end.figures |= measure(ready, given.seconds, given.rounds, again=given.again)
        end.held_against(BARS, end.figures)


def measure(
    ready: Ready, seconds: float, rounds: int, *, again: bool = False, loaded: bool = False
) -> dict[str, float]:
    """All rounds; what they came to. `loaded`: traffic begins when the candidate is there."""
    rows, port = Rows(ready), ready.running.port
    closed_loop(port, ready.requests, 8, min(seconds, 5.0))
    rate = LOAD * closed_loop(port, ready.requests, 6, min(seconds, 10.0)).goodput
    numbers = {
        kind: rows.register(kind, network=misbehaving_network(how)) for kind, how in KINDS.items()
    }
    names = [*NONE, *KINDS, *(f"{kind}{AGAIN}" for kind in KINDS if again)]
    family, web, rng = memory(ready.pid), own_memory(ready.pid), np.random.default_rng(5)
    taken = list[Round]()
    for turn in range(rounds):
        found = Round()
        for name in map(str, rng.permutation(names)):
            number = numbers.get(name.removesuffix(AGAIN))
            with _there(rows, number, again=AGAIN in name) as times, Watched(ready.pid) as watched:
                if loaded and number is not None:
                    ready.running.wait_for(partial(_is_there, ready, number), 60, "the candidate")
                part = stretch(ready, rate, seconds, turn, times)
                found[name] = Beside(part, watched.highest, candidate(ready) is not None)
            # the next one begins without it
            ready.running.wait_for(lambda: candidate(ready) is None, 60, "the candidate to go")
            say(f"{name} (on its way {part.times} times, {part.became})", part.sent)
        taken.append(found)
    figures = compared(taken, family)
    figures["web_growth_mib"] = round(own_memory(ready.pid) - web, 1)
    rows.database.dispose()
    return figures


def _is_there(ready: Ready, number: int) -> bool:
    return candidate(ready) == number


@contextmanager
def _there(rows: Rows, number: int | None, *, again: bool) -> Iterator[Sequence[str]]:
    if number is None:
        yield ()
    else:
        with rows.put_back(number, again=again) as times:
            yield times


def compared(taken: Sequence[Round], family: float) -> dict[str, float]:
    """What the rounds came to; `family`: MiB before the first."""
    alone = [[one[other].part for other in NONE] for one in taken]
    figures: dict[str, float] = {
        "not_answered": sum(one.part.not_answered for turn in taken for one in turn.values())
    }
    figures |= _ratios("none", [(one.sent, [other.sent]) for other, one in alone])
    for name in (one for one in taken[0] if one not in NONE):
        there = [one[name] for one in taken]
        parts = [one.part for one in there]
        pairs = list(zip(parts, alone, strict=True))
        key = name.replace(" ", "_")
        figures |= _ratios(key, [(one.sent, [other.sent for other in no]) for one, no in pairs])
        more = median(one.refused - mean(other.refused for other in no) for one, no in pairs)
        figures[f"{key}_refused_more"] = round(more, 3)
        for what in ("failed", "shed"):
            figures[f"{key}_{what}"] = sum(one.became[what] for one in parts)
        figures[f"{key}_times"] = sum(one.times for one in parts)
        figures[f"{key}_left"] = sum(one.is_left for one in there)
        figures[f"{key}_family_peak_mib"] = round(max(one.highest for one in there) - family, 1)
    return figures


def _ratios(key: str, pairs: Sequence[tuple[Sent, Sequence[Sent]]]) -> dict[str, float]:
    figures = dict[str, float]()
    for what in ("p50", "p99", "mean"):
        ratios = [
            _seconds(one, what) / mean(_seconds(other, what) for other in others)
            for one, others in pairs
        ]
        for which, figure in (
            ("ratio", median(ratios)),
            ("low", min(ratios)),
            ("high", max(ratios)),
        ):
            figures[f"{key}_{what}_{which}"] = round(figure, 3)
    return figures


def _seconds(sent: Sent, what: str) -> float:
    taken = sent.of(200)
    return mean(taken) if what == "mean" else float(np.quantile(taken, int(what[1:]) / 100))


if __name__ == "__main__":
    main()
