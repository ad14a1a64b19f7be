"""When the model answers alone, when a person looks as well, and when the answer waits for a person.

Written in TOML (`policy.toml`), by fixed thresholds. The text and its digest go with every decision, so that any
decision can be explained and repeated. Never corrects what it does not understand: it refuses.
"""

import hashlib
import math
import tomllib
from dataclasses import dataclass, fields
from typing import Any, Literal

Kind = Literal["answer", "answer_and_review", "hold"]
DecisionReason = Literal["low_confidence", "domain"]


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
    every answer outside the domain. `text` is the policy as written; without it the policy writes itself.
    """

    answer_at: float
    review_below: float
    hold_below: float
    review_out_of_domain: bool
    text: str = ""

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

    def decide(self, confidence: float, inside: bool) -> Decision:
        """Reasons are those that led to the kind: a held picture names what held it."""
        holds = {
            "low_confidence": confidence < self.hold_below,
            "domain": not inside and confidence < self.answer_at,
        }
        reviews = {
            "low_confidence": confidence < self.review_below,
            "domain": not inside and self.review_out_of_domain,
        }
        if any(holds.values()):
            return Decision("hold", _named(holds))
        if any(reviews.values()):
            return Decision("answer_and_review", _named(reviews))
        return Decision("answer", ())

    def _written(self) -> str:
        return "".join(
            f"{one.name} = {str(getattr(self, one.name)).lower()}\n"
            for one in fields(self)
            if one.name != "text"
        )


def _named(causes: dict[str, bool]) -> tuple[DecisionReason, ...]:
    names: tuple[DecisionReason, ...] = ("low_confidence", "domain")
    return tuple(name for name in names if causes[name])


def parse_policy(text: str) -> Policy:
    """Reads TOML with exactly the four settings; raises PolicyError."""
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"The policy is not TOML: {error}.") from error
    known = {one.name for one in fields(Policy)} - {"text"}
    if unknown := sorted(set(values) - known):
        raise PolicyError(f"The policy does not know {', '.join(unknown)}.")
    if missing := sorted(known - set(values)):
        raise PolicyError(f"The policy lacks {', '.join(missing)}.")
    return Policy(**values, text=text)
