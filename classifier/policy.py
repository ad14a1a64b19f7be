"""When the model answers alone, when a person looks as well, and when the answer waits for a person.

Written in TOML (`policy.toml`): an objective, the levers there are, fixed thresholds, and costs from which the
cheapest decision follows (`classifier.costs`). Whatever of the two asks for more people wins. The text and its digest
go with every decision, so that any decision can be explained and repeated; a text without costs means what it always
did. Never corrects what it does not understand: it refuses.
"""

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from classifier.costs import Costs, CostsError, Kind, parse_costs

DecisionReason = Literal["low_confidence", "domain", "cost"]
THRESHOLDS = ("answer_at", "review_below", "hold_below", "review_out_of_domain")
# where costs are written, thresholds may be left out: then they ask for nobody
_SILENT = {"answer_at": 0.0, "review_below": 0.0, "hold_below": 0.0, "review_out_of_domain": True}


class PolicyError(Exception):
    """A policy that cannot be followed; says which line of thought is wrong."""


@dataclass(frozen=True)
class Decision:
    """What to do with an opinion, and why people are asked (empty where they are not)."""

    kind: Kind
    reasons: tuple[DecisionReason, ...]


@dataclass(frozen=True)
class Policy:
    """Thresholds of confidence, 0 to 1.

    `hold_below`: held for a person. `answer_at`: outside the domain the model answers from here on and holds
    below. `review_below`: answered, and a person looks as well. `review_out_of_domain`: whether a person looks at
    every answer outside the domain. With `costs` the cheapest decision is made as well. `text` is the policy as
    written; without it the policy writes itself, which it can do with thresholds alone.
    """

    answer_at: float
    review_below: float
    hold_below: float
    review_out_of_domain: bool
    text: str = ""
    costs: Costs | None = None
    objective: str = ""
    levers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("answer_at", "review_below", "hold_below"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, float | int):
                raise PolicyError(f"{name} must be a number, not {value!r}.")
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise PolicyError(f"{name} must be between 0 and 1, not {value!r}.")
        if not isinstance(self.review_out_of_domain, bool):
            raise PolicyError("review_out_of_domain must be true or false.")
        if self.review_below < self.hold_below:
            raise PolicyError("review_below must not be less than hold_below.")
        if not self.text:
            object.__setattr__(self, "text", self._written())

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def decide(
        self,
        confidence: float,
        inside: bool,
        label: str | None = None,
        probabilities: Mapping[str, float] | None = None,
    ) -> Decision:
        """Reasons are those that led to the kind: a held picture names what held it.

        Without a label and probabilities the costs are not asked.
        """
        cheapest: Kind = "answer"
        if self.costs is not None and label is not None and probabilities is not None:
            cheapest = self.costs.cheapest(label, probabilities)
        holds = {
            "low_confidence": confidence < self.hold_below,
            "domain": not inside and confidence < self.answer_at,
            "cost": cheapest == "hold",
        }
        reviews = {
            "low_confidence": confidence < self.review_below,
            "domain": not inside and self.review_out_of_domain,
            "cost": cheapest == "answer_and_review",
        }
        if any(holds.values()):
            return Decision("hold", _named(holds))
        if any(reviews.values()):
            return Decision("answer_and_review", _named(reviews))
        return Decision("answer", ())

    def _written(self) -> str:
        return "".join(f"{name} = {str(getattr(self, name)).lower()}\n" for name in THRESHOLDS)


def _named(causes: dict[str, bool]) -> tuple[DecisionReason, ...]:
    names: tuple[DecisionReason, ...] = ("low_confidence", "domain", "cost")
    return tuple(name for name in names if causes[name])


def parse_policy(text: str) -> Policy:
    """Reads TOML; raises PolicyError. The four thresholds are needed unless there is a table of costs."""
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"The policy is not TOML: {error}.") from error
    known = {*THRESHOLDS, "costs", "objective", "levers"}
    if unknown := sorted(set(values) - known):
        raise PolicyError(f"The policy does not know {', '.join(unknown)}.")
    missing = sorted(set(THRESHOLDS) - set(values))
    if missing and "costs" not in values:
        raise PolicyError(f"The policy lacks {', '.join(missing)}.")
    objective, levers = values.get("objective", ""), values.get("levers", [])
    if not isinstance(objective, str):
        raise PolicyError("objective must be a text.")
    if not isinstance(levers, list) or not all(isinstance(one, str) for one in levers):
        raise PolicyError("levers must be a list of texts.")
    try:
        costs = parse_costs(values["costs"]) if "costs" in values else None
    except CostsError as error:
        raise PolicyError(str(error)) from error
    thresholds = {name: values.get(name, _SILENT[name]) for name in THRESHOLDS}
    return Policy(
        **thresholds, text=text, costs=costs, objective=objective.strip(), levers=tuple(levers)
    )
