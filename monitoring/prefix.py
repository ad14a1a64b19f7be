"""Which pairs count: all of them up to the first one that waits for a label, in the order in which they were noted.

Counting agreements while disagreements wait would let a candidate advance on the pictures that nobody has to read.
So nothing behind an open disagreement counts, and a label that comes out of turn waits for its turn. A label that is
not there at its deadline counts as a loss for "not worse" and as nothing for "harm", for good: also when it comes
later. Only counts are kept, so that a look costs what is new. No rows, no clock: time comes in.
"""

from collections import Counter, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Literal

from monitoring import e_values

Outcome = Literal["win", "loss", "tie"]


@dataclass(frozen=True)
class Alike:
    """`count` pairs in a row that said the same; `step` is None for pairs that count for no step."""

    count: int
    step: int | None


@dataclass(frozen=True)
class Lost:
    """Pairs in a row in which the candidate failed to answer: losses for "not worse", nothing for "harm"."""

    count: int
    step: int | None


@dataclass(frozen=True)
class Differ:
    """A pair that waits for a label until `deadline`; `key` is what the label will name."""

    key: Hashable
    step: int | None
    deadline: datetime


@dataclass(frozen=True)
class Said:
    """What the label made of a pair, when it was given, and of which class the picture is (None: of none)."""

    outcome: Outcome
    truth: str | None
    at: datetime


@dataclass
class Step:
    """Pairs of one step of the way that count. `path`: wins, losses and ties as they were before each loss."""

    wins: int = 0
    losses: int = 0
    ties: int = 0
    overdue: int = 0  # losses among them, too
    differing: int = 0  # wins, losses and ties among them: each took a label, or should have
    path: tuple[tuple[int, int, int], ...] = ()
    _best: tuple[float, int, float] = (0.0, 0, -inf)

    def not_worse(self, margin: float) -> float:
        """`e_values.not_worse` of this step: what was the highest before is not looked through at every look."""
        if margin <= 0:
            return -inf
        known_margin, seen, best = self._best
        if (known_margin, seen) != (margin, len(self.path)):
            rest = self.path[seen:] if known_margin == margin else self.path
            best = max(best if known_margin == margin else -inf, e_values.highest(rest, margin))
            self._best = margin, len(self.path), best
        return max(best, e_values.capital(*self.now, margin))

    def lose(self, count: int = 1) -> None:
        """Count losses; capital is at its highest just before one."""
        self.path = (*self.path, self.now)
        self.losses += count

    @property
    def now(self) -> tuple[int, int, int]:
        """Wins, losses and ties."""
        return self.wins, self.losses, self.ties

    @property
    def pairs(self) -> int:
        """All of them."""
        return self.wins + self.losses + self.ties


@dataclass
class Counts:
    """What counts so far. `decisive`: the step of each picture on which one alone was right, True where the candidate lost.

    `harm` and `class_harm` are the highest that the e-values have been, so that it does not matter when one looks.
    """

    pairs: int = 0
    differing: int = 0
    overdue: int = 0
    wins: int = 0
    losses: int = 0
    class_wins: Counter[str] = field(default_factory=Counter)
    class_losses: Counter[str] = field(default_factory=Counter)
    steps: dict[int, Step] = field(default_factory=dict)
    decisive: list[tuple[int | None, bool]] = field(default_factory=list)
    harm: float = 0.0
    class_harm: dict[str, float] = field(default_factory=dict)

    def of(self, step: int) -> Step:
        """The counts of one step."""
        return self.steps.setdefault(step, Step())

    @property
    def overdue_share(self) -> float:
        """Of the disagreements that count."""
        return self.overdue / self.differing if self.differing else 0.0


class Prefix:
    """Hand it pairs in their order (`add`) and labels as they come (`said`); `advance` counts what may be counted."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._waiting: deque[Alike | Lost | Differ] = deque()
        self._said: dict[Hashable, Said] = {}

    def add(self, pair: Alike | Lost | Differ) -> None:
        """The next pair, or run of pairs."""
        self._waiting.append(pair)

    def said(self, key: Hashable, what: Said) -> None:
        """The first label of a pair, before or after its turn."""
        self._said.setdefault(key, what)

    def advance(self, at: datetime) -> Differ | None:
        """Count what may be counted as of `at`; the open disagreement that stops it, or None."""
        while self._waiting:
            first = self._waiting[0]
            if isinstance(first, Differ):
                label = self._said.get(first.key)
                in_time = label is not None and label.at <= min(at, first.deadline)
                if not in_time and first.deadline >= at:
                    return first
                self._differ(first, label if in_time else None)
                self._said.pop(first.key, None)
            else:
                self._plain(first)
            self._waiting.popleft()
        return None

    @property
    def waiting(self) -> int:
        """Disagreements that do not count yet."""
        return sum(isinstance(one, Differ) for one in self._waiting)

    def _plain(self, run: Alike | Lost) -> None:
        self.counts.pairs += run.count
        if run.step is None:
            return
        step = self.counts.of(run.step)
        if isinstance(run, Alike):
            step.ties += run.count
        else:
            step.lose(run.count)

    def _differ(self, pair: Differ, label: Said | None) -> None:
        counts = self.counts
        counts.pairs += 1
        counts.differing += 1
        counts.overdue += label is None
        if pair.step is not None:
            _count(counts.of(pair.step), label)
        if label is None or label.outcome == "tie":
            return
        lost = label.outcome == "loss"
        counts.wins += not lost
        counts.losses += lost
        counts.decisive.append((pair.step, lost))
        counts.harm = max(counts.harm, e_values.harm(counts.wins, counts.losses))
        if label.truth is not None:
            self._harm_of_class(label.truth, lost)

    def _harm_of_class(self, name: str, lost: bool) -> None:
        counts = self.counts
        (counts.class_losses if lost else counts.class_wins)[name] += 1
        now = e_values.harm(counts.class_wins[name], counts.class_losses[name])
        counts.class_harm[name] = max(counts.class_harm.get(name, 0.0), now)


def _count(step: Step, label: Said | None) -> None:
    step.differing += 1
    step.overdue += label is None
    if label is None or label.outcome == "loss":
        step.lose()
    elif label.outcome == "win":
        step.wins += 1
    else:
        step.ties += 1
