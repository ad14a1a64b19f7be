"""The bars that the issue sets, beside what was found: printed, and told by the exit code of the benchmark.

A bar about correctness (lost, doubled, server errors, hung, mixed, crashes) that is missed fails the run. One about
speed or memory is printed and fails nothing by itself, since it depends on the machine and on what else it does.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


def held_against(figures: Mapping[str, Any], bars: Sequence[Bar], of: str = "") -> list[str]:
    """Print each figure with its bar; the names of those that failed the run."""
    failed = []
    for bar in bars:
        figure, is_met = figures[bar.name], bar.is_met(figures[bar.name])
        word = "at least" if bar.at_least else "at most"
        about = "" if is_met else "  MISSED" if bar.fails else "  missed"
        print(f"  {of}{bar.name}: {figure}, {word} {bar.limit:g}{about}", flush=True)
        if not is_met and bar.fails:
            failed.append(f"{of}{bar.name}")
    return failed


def end(figures: Mapping[str, Any], failed: Sequence[str]) -> None:
    """Print the JSON object, last, with the bars that failed the run; then exit code 1 if there are any."""
    print(json.dumps({**figures, "missed": list(failed)}))
    if failed:
        sys.exit(1)
