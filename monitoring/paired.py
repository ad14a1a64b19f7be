"""The evidence of one rollout as it grows: pairs in their order, labels as they come, a verdict at any moment.

The loop fills it from rows and the simulation of `make bench-rollout` from a made-up stream; what comes after that
is the same code. A look at which nothing is new costs nothing.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime

from monitoring.action_guard import Changed
from monitoring.evidence_rule import Rule
from monitoring.prefix import Alike, Differ, Lost, Prefix, Said
from monitoring.reader_error import Doubles
from monitoring.verdicts import Answers, Judgement, Seen, judge


@dataclass
class Paired:
    """`step` is where the candidate stands, `full` whether it has taken over.

    `answers`, `doubles` and `actions` are set from outside.
    """

    rule: Rule
    classes: int
    step: int
    full: bool = False
    answers: Answers = field(default_factory=Answers)
    doubles: Doubles = field(default_factory=Doubles)
    actions: Changed = field(default_factory=Changed)
    _prefix: Prefix = field(default_factory=Prefix)
    _last: tuple[tuple[object, ...], Judgement] | None = None

    def add(self, pair: Alike | Lost | Differ) -> None:
        """The next pair, or run of pairs."""
        self._prefix.add(pair)

    def said(self, key: Hashable, what: Said) -> None:
        """The first label of a pair that differs."""
        self._prefix.said(key, what)

    def look(self, at: datetime) -> Judgement:
        """The verdict as of `at`; moments must not go backwards."""
        self._prefix.advance(at)
        pairs = self._prefix.counts.pairs
        state = (pairs, self.step, self.full, self.answers, self.doubles, self.actions)
        if self._last is None or self._last[0] != state:
            self._last = state, judge(self.seen, self.rule)
        return self._last[1]

    @property
    def seen(self) -> Seen:
        """What counted at the last look."""
        return Seen(
            self._prefix.counts, self.step, self.full, self.classes,
            self.answers, self.doubles, self.actions,
        )  # fmt: skip

    @property
    def waiting(self) -> int:
        """Disagreements that do not count yet."""
        return self._prefix.waiting
