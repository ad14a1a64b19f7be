"""What an answer may cost: by true and given class, a person's look, a consumer's wait; and what is cheapest.

The costs are in one unit of the policy's own. With calibrated probabilities p, answering class g is expected to cost
the sum of p(t) cost(t, g) over the other classes t; a person's look at it afterwards takes `corrected` of that away
and costs a review; holding costs a review and the delay, and the person is taken to be right. The cheapest of the
three is done. Probabilities are calibrated on pictures of the known kind: outside the domain the policy's thresholds
speak as well. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Literal

Kind = Literal["answer", "answer_and_review", "hold"]


class CostsError(Exception):
    """Costs that cannot be followed, in a sentence."""


@dataclass(frozen=True)
class Costs:
    """`wrong` is the cost of any wrong answer that `pairs` (true, given) does not name; a right one costs nothing.

    `corrected`: the share of a wrong answer's cost that is saved when a person finds it afterwards, 0 to 1.
    """

    wrong: float
    review: float
    delay: float
    corrected: float
    pairs: Mapping[tuple[str, str], float]
    unit: str = ""

    def of_wrong(self, true: str, given: str) -> float:
        """What it costs to answer `given` where `true` is right."""
        return 0.0 if true == given else self.pairs.get((true, given), self.wrong)

    def expected(self, label: str, probabilities: Mapping[str, float]) -> dict[Kind, float]:
        """The expected cost of each kind of decision about one answer."""
        wrong = sum(p * self.of_wrong(true, label) for true, p in probabilities.items())
        return {
            "answer": wrong,
            "answer_and_review": self.review + wrong * (1 - self.corrected),
            "hold": self.review + self.delay,
        }

    def cheapest(self, label: str, probabilities: Mapping[str, float]) -> Kind:
        """The kind that is expected to cost least; of equal ones the one that troubles people least."""
        expected = self.expected(label, probabilities)
        return min(expected, key=lambda kind: expected[kind])

    def thresholds(self, label: str, worst: str) -> tuple[float, float]:
        """(confidence below which it is held, below which people look as well), had `worst` all of the rest.

        Of an answer `label` given with confidence c and its error all on one class; 0 where it never pays.
        """
        cost = self.of_wrong(worst, label)
        hold_or_answer = _ratio(self.review + self.delay, cost)
        hold_or_look = _ratio(self.delay, cost * (1 - self.corrected))
        held = _below(max(hold_or_answer, hold_or_look))
        return held, max(held, _below(_ratio(self.review, cost * self.corrected)))


def parse_costs(given: Any) -> Costs:
    """Reads the table `[costs]`: wrong, review, delay, corrected, optional unit and `[[costs.pairs]]`."""
    if not isinstance(given, dict):
        raise CostsError("costs must be a table.")
    numbers = ("wrong", "review", "delay", "corrected")
    if unknown := sorted(set(given) - {*numbers, "unit", "pairs"}):
        raise CostsError(f"costs does not know {', '.join(unknown)}.")
    if missing := [name for name in numbers if name not in given]:
        raise CostsError(f"costs lacks {', '.join(missing)}.")
    for name in numbers:
        _check(name, given[name])
    if given["corrected"] > 1:
        raise CostsError("costs.corrected is a share, at most 1.")
    pairs = given.get("pairs", [])
    if not isinstance(pairs, list):
        raise CostsError("costs.pairs must be a list of tables.")
    named = [_pair(one) for one in pairs]
    if len(dict(named)) < len(named):
        raise CostsError("costs.pairs names two classes twice.")
    return Costs(
        wrong=float(given["wrong"]),
        review=float(given["review"]),
        delay=float(given["delay"]),
        corrected=float(given["corrected"]),
        pairs=dict(named),
        unit=str(given.get("unit", "")),
    )


def _pair(given: Any) -> tuple[tuple[str, str], float]:
    if not isinstance(given, dict) or set(given) != {"true", "given", "cost"}:
        raise CostsError("each of costs.pairs has exactly: true, given, cost.")
    names = given["true"], given["given"]
    if not all(isinstance(one, str) and one for one in names) or names[0] == names[1]:
        raise CostsError("costs.pairs names two different classes.")
    _check("pairs.cost", given["cost"])
    return (names[0], names[1]), float(given["cost"])


def _check(name: str, value: Any) -> None:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not isfinite(value)
        or value < 0
    ):
        raise CostsError(f"costs.{name} must be a number of at least 0.")


def _ratio(part: float, whole: float) -> float:
    # where nothing is to be saved it never pays, also when it is for nothing
    return part / whole if whole else inf


def _below(error: float) -> float:
    """The confidence below which an error is likelier than this."""
    return max(0.0, 1.0 - error)
