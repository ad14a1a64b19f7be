"""What the demo tells: a heading for each step, lines for people, figures for programs, and which step did not happen.

Order: `step` opens a step and times it; `say` tells; `figures` is what the last line holds. It measures nothing.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

Found = TypeVar("Found")
# what is waited for takes seconds or minutes, and every look takes time from the programs that do it
LOOK_SECONDS = 1.0
# what the last line holds whatever happened; null is what was not measured
KEYS = (
    "ordinary_before", "ordinary_after", "shift_before", "shift_after", "flagged_ordinary", "flagged_shift",
    "pictures_to_alarm", "labels_training", "labels_total", "stages", "verdicts", "minutes",
)  # fmt: skip


class DidNotHappen(Exception):
    """Why a step did not happen, or could not be checked, in a sentence."""


@dataclass
class Report:
    """`done` names the steps that happened; `failed` is the sentence about the one that did not."""

    figures: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(KEYS))
    steps: dict[str, float] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    failed: str | None = None
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step of the story; what it raises is written down and raised on."""
        print(f"\n{len(self.steps) + 1}. {name}", flush=True)
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            why = (
                str(error)
                if isinstance(error, DidNotHappen)
                else f"{type(error).__name__}: {error}"
            )
            self.failed = f"Step {len(self.steps) + 1}, {name!r}, did not happen: {why}"
            raise
        finally:
            self.steps[name] = round((time.monotonic() - began) / 60, 2)
            self.say(f"({60 * self.steps[name]:.0f} s)")
        self.done.append(name)

    def say(self, line: str) -> None:
        """A line for people."""
        print(f"   {line}", flush=True)

    def last_line(self) -> str:
        """One JSON object."""
        self.figures["minutes"] = round((time.monotonic() - self.started) / 60, 2)
        return json.dumps(
            self.figures | {"minutes_by_step": self.steps, "did_not_happen": self.failed}
        )


def wait_for(look: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Look until there is something: the programs are other processes. Raises DidNotHappen when it is too late."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(LOOK_SECONDS)
    raise DidNotHappen(f"{what} did not come within {seconds:.0f} seconds")


def share(part: int, whole: int) -> str:
    """A share in words: 12 of 80 (15.0 %)."""
    return f"{part} of {whole} ({100 * part / whole:.1f} %)" if whole else "none of 0"
