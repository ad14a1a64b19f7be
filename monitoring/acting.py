"""What follows from a verdict: the move that monitoring makes itself, or the one that it advises people to make.

A revert is always made. An advance is made only where nothing forbids more exposure: nobody has frozen the rollouts,
monitoring's heartbeat is fresh, no alarm is open, and the next step is one that needs no person. Pure.
"""

from dataclasses import dataclass
from typing import Literal

from monitoring.verdicts import Judgement, Verdict

Name = Literal["limit", "expand", "promote", "revert"]


@dataclass(frozen=True)
class Standing:
    """Where the candidate stands. `share` of subjects that it answers; `scope`: people have written one for `limited`.

    `forbidden`: what keeps exposure from growing now, in words of a closed list (frozen, heartbeat, alarm, preflight, backtest).
    """

    stage: str
    share: float
    scope: bool
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Act:
    """`move` is made at once; `advised` is for people to make.

    `because` is the judgement's, or what forbids it, or that there is no incumbent.
    """

    verdict: Verdict
    because: tuple[str, ...]
    move: Name | None = None
    advised: Name | None = None
    share: float | None = None


def act(judgement: Judgement, standing: Standing, shares: tuple[float, ...]) -> Act:
    """What to do now. `shares`: those of `expanding`, growing."""
    if judgement.verdict == "revert":
        return Act("revert", judgement.because, move="revert")
    if judgement.verdict == "hold":
        return Act("hold", judgement.because)
    if standing.forbidden:
        return Act("hold", standing.forbidden)
    if standing.stage == "manual":
        # nobody but a person knows where a first try does no harm
        made = standing.scope
        return Act("advance", (), move="limit" if made else None, advised=None if made else "limit")
    # in `limited` the share is of the scope, not of everybody
    now = standing.share if standing.stage == "expanding" else 0.0
    larger = next((share for share in shares if share > now), None)
    if larger is None:
        return Act("advance", (), advised="promote", share=1.0)
    return Act("advance", (), move="expand", share=larger)
