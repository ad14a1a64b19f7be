"""The guard of actions: what is decided has doubled or halved in a segment beyond chance (`store.action_ratio`).

A decision keeps the counts of the cells that changed and how many cells there were, and the guard judges them from
those again: predictions go by their age, decisions do not. Pure.
"""

from dataclasses import dataclass
from typing import Any

from store import action_ratio
from store.action_ratio import Cell
from store.actions import Report

_COUNTS = ("segment", "action", "before", "before_all", "now", "now_all")


@dataclass(frozen=True)
class Changed:
    """Of `cells` (segments times actions) those that changed, each with its verdict."""

    cells: int = 0
    changed: tuple[Cell, ...] = ()

    @property
    def stops(self) -> tuple[Cell, ...]:
        """The cells that hold a candidate where it is."""
        return tuple(one for one in self.changed if one.verdict == "stop")

    def as_json(self) -> dict[str, Any]:
        """What a decision keeps of it: counts alone."""
        kept = [{name: getattr(one, name) for name in _COUNTS} for one in self.changed]
        return {"cells": self.cells, "changed": kept}


def of_report(report: Report | None) -> Changed:
    """What changed by the rows; nothing while the candidate answers nobody."""
    return Changed() if report is None else Changed(len(report.cells), report.changed)


def of_json(kept: dict[str, Any]) -> Changed:
    """Judged again from what a decision has kept."""
    alpha = action_ratio.ALPHA / max(1, kept["cells"])
    judged = tuple(
        action_ratio.judged(
            (one["segment"], one["action"]),
            one["before"], one["before_all"], one["now"], one["now_all"], alpha,
        )
        for one in kept["changed"]
    )  # fmt: skip
    return Changed(kept["cells"], judged)


def in_words(changed: Changed) -> str:
    """The cell that changed least by chance, in a sentence without its end."""
    worst = min(changed.stops, key=lambda one: one.p_value or 0.0)
    where = f"in segment {worst.segment}" if worst.segment else "where no segment is named"
    return (
        f"{worst.action!r} {where}: {worst.now} of {worst.now_all} answers now,"
        f" {worst.before} of {worst.before_all} before"
    )
