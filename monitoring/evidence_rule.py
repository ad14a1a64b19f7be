"""The rule by which a candidate advances, is held or is taken back, as numbers that every decision keeps.

The error of a revert is shared out: HARM .03, HARM within a class .01, and .01 for failures and slowness. Changed actions
have a level of their own (`store.action_ratio`) and hold it: a candidate that decides otherwise may be right.
The whole rule stands in the decision's row, so that a later change of settings changes no decision that was made.
"""

from dataclasses import asdict, dataclass
from typing import Any

VERSION = "evidence-5"


@dataclass(frozen=True)
class Rule:
    """Shares are between 0 and 1. `docs/guides/evidence.md` says how to choose the margin.

    `margin`: by how much of all pictures a candidate may be worse and still advance. `advance`, `harm`, `class_harm`,
    `failing`, `slow`: error levels. `reader`: the level of the bound on the readers' error. `allowed_failures`,
    `allowed_slow`: shares of the candidate's answers. `overdue`: the largest share of overdue labels with which
    anything is concluded. `run_length`: after full, the mean number of decisive pictures between false alarms.
    """

    margin: float = 0.02
    advance: float = 0.05
    harm: float = 0.03
    class_harm: float = 0.01
    failing: float = 0.004
    slow: float = 0.003
    reader: float = 0.05
    allowed_failures: float = 0.01
    allowed_slow: float = 0.05
    slow_milliseconds: float = 1000.0
    overdue: float = 0.05
    minimum_pairs: int = 100
    run_length: float = 5000.0

    def __post_init__(self) -> None:
        shares = {name: value for name, value in asdict(self).items() if name not in _NO_SHARES}
        for name, value in shares.items():
            if not 0 < value < 1:
                raise ValueError(f"{name} must be above 0 and below 1")
        if self.minimum_pairs < 1 or self.run_length < 1 or not self.slow_milliseconds > 0:
            raise ValueError("minimum_pairs, run_length and slow_milliseconds must be positive")

    def as_json(self) -> dict[str, Any]:
        """What a decision keeps of it."""
        return asdict(self)


_NO_SHARES = {"slow_milliseconds", "minimum_pairs", "run_length"}
