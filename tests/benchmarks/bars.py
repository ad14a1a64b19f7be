"""The bars that the issue sets, beside what was found: printed, and told by the exit code of the benchmark.

A bar about correctness (lost, doubled, server errors, hung, mixed, crashes), about memory or about a time that is promised
fails the run where it is missed. One about speed is `missed` and fails nothing by itself, since it depends on the machine
and on what else that does. However a benchmark ends, its last line is its JSON object: `ending`.
"""

import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Bar:
    """The figure `name` must be at most `limit`, or at least that; `fails`: else the run has failed."""

    name: str
    limit: float = 0
    at_least: bool = False
    fails: bool = True

    def is_met(self, figure: float | None) -> bool:
        """None, where nothing was found, meets no bar."""
        if figure is None:
            return False
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass
class Ending:
    """What a benchmark ends with: its figures, every bar that was missed, and what failed the run."""

    figures: dict[str, Any] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def held_against(self, bars: Sequence[Bar], figures: Mapping[str, Any], of: str = "") -> None:
        """Print each figure with its bar, and keep the names of those that were missed."""
        for bar in bars:
            # a figure that is not there was not found
            figure = figures.get(bar.name)
            is_met, word = bar.is_met(figure), "at least" if bar.at_least else "at most"
            about = "" if is_met else "  MISSED" if bar.fails else "  missed"
            print(f"  {of}{bar.name}: {figure}, {word} {bar.limit:g}{about}", flush=True)
            if not is_met:
                self.missed.append(f"{of}{bar.name}")
                self.failed += [f"{of}{bar.name}"] if bar.fails else []

    def lacks(self, what: str) -> None:
        """A part that was asked for cannot be measured here: the run has failed."""
        print(f"{what} is not installed: not measured with it")
        if (lack := f"no {what}") not in self.failed:
            self.failed.append(lack)


@contextmanager
def ending(*names: str) -> Iterator[Ending]:
    """Print the JSON object, last, whatever happens in the block; then exit code 1 if anything `failed`.

    The keys `names` are there in any case: null where nothing was found. What was raised is named in `failed`, its
    traceback stands on stderr.
    """
    end = Ending(dict.fromkeys(names))
    try:
        yield end
    except BaseException as error:  # noqa: BLE001  # also an interrupt, and a test's way to say what is lacking
        traceback.print_exc()
        end.failed.append(type(error).__name__)
    print(json.dumps({**end.figures, "missed": end.missed, "failed": end.failed}))
    if end.failed:
        sys.exit(1)


def failed_by(figures: Mapping[str, Any], bars: Sequence[Bar]) -> list[str]:
    """The bars whose being missed by these figures fails a run."""
    end = Ending()
    end.held_against(bars, figures)
    return end.failed
