"""What a candidate that is held still needs, in numbers: pairs, labels, and when at this rate.

An expectation and no promise: it takes the shares that were seen for the true ones. Pure; pages put it into words.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, inf, log, log1p
from typing import Any

from monitoring.e_values import STAKES
from monitoring.evidence_rule import Rule
from monitoring.prefix import Step
from monitoring.verdicts import Judgement, Seen

# beyond this "at this rate" says nothing any more
LONGEST = timedelta(days=365)


@dataclass(frozen=True)
class Waits:
    """`pairs` and labelled disagreements that are still needed, and `until` when; None where it cannot be told.

    `never`: at the shares seen so far the candidate will not be found to be good enough.
    """

    pairs: int | None
    labels: int | None
    until: datetime | None
    never: bool

    def as_json(self) -> dict[str, Any]:
        """What a decision keeps of it."""
        until = self.until.isoformat() if self.until is not None else None
        return {"pairs": self.pairs, "labels": self.labels, "until": until, "never": self.never}


def waits(seen: Seen, judgement: Judgement, rule: Rule, began: datetime, as_of: datetime) -> Waits:
    """What "not worse" still needs in this step, which began at `began`."""
    step = seen.counts.steps.get(seen.step, Step())
    if judgement.margin <= 0 or step.pairs == 0:
        return Waits(None, None, None, never=False)
    missing = max(0.0, log(1 / rule.advance) - judgement.evidence["not_worse"])
    growth = _growth(step, judgement.margin)
    if missing > 0 and growth <= 0:
        return Waits(None, None, None, never=True)
    pairs = max(ceil(missing / growth) if missing > 0 else 0, rule.minimum_pairs - step.pairs, 0)
    # what both got wrong takes a label as well, and where the candidate failed nobody is asked
    labels = ceil(pairs * step.differing / step.pairs)
    passed = as_of - began
    takes = passed * (pairs / step.pairs) if passed > timedelta(0) else timedelta(0)
    return Waits(pairs, labels, as_of + takes if takes < LONGEST else None, never=False)


def _growth(step: Step, margin: float) -> float:
    """Mean growth of the logarithm for one pair, by the best of the stakes."""
    wins, losses, ties = (count / step.pairs for count in step.now)
    best = -inf
    for stake in STAKES:
        best = max(
            best,
            wins * log1p(stake * (1 + margin))
            + losses * log1p(stake * (margin - 1))
            + ties * log1p(stake * margin),
        )
    return best
