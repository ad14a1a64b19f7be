"""One vote for each picture and each burst: what is shown again and again must not be counted again and again.

A picture that was paired before (the same bytes, or one that is known to be its near-duplicate) has no vote. Of the
pictures of one subject, one has no vote when the one before it is less than `seconds` old: a burst lasts until the
subject has been quiet for so long. Who votes is settled before any label is there, from when and what came alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Shot:
    """`picture`: the group of pictures that are the same; `source`: whose it is, None where nobody said."""

    picture: str
    source: str | None
    at: datetime


@dataclass
class Bursts:
    """`seen` pictures and the `last` shot of each source, from the pairs before."""

    seconds: float
    seen: set[str] = field(default_factory=set)
    last: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def after(cls, seconds: float, seen: set[str], last: Mapping[str, datetime]) -> "Bursts":
        """As it stands after pairs that were noted by somebody else."""
        return cls(seconds, set(seen), dict(last))

    def votes(self, shot: Shot) -> bool:
        """Whether the next shot has a vote; it is remembered."""
        again = shot.picture in self.seen
        self.seen.add(shot.picture)
        if shot.source is not None:
            before = self.last.get(shot.source)
            if before is not None and shot.at - before < timedelta(seconds=self.seconds):
                again = True
            self.last[shot.source] = max(shot.at, before or shot.at)
        return not again
