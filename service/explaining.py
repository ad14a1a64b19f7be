"""What a policy would have done on logged traffic, before it is used: reviews a day and expected cost.

Order: take the opinions of the log (label, probabilities, inside or not), let the policy decide each again, add up.
Every policy is priced with the same costs: those of the policy that is explained. Beside it stand what was done, and
the confidences below which holding would have been cheapest in hindsight. Pure, and changes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from classifier.costs import Costs
from classifier.policy import Policy
from store.opinions import Opinion

KINDS = ("answer", "answer_and_review", "hold")
GRID = tuple(step / 20 for step in range(20))


@dataclass(frozen=True)
class Priced:
    """What one way of deciding comes to: how often each kind, reviews a day, expected cost a day (None: no costs)."""

    name: str
    kinds: dict[str, int]
    reviews_a_day: float
    held_a_day: float
    cost_a_day: float | None


def explain(policy: Policy, opinions: Sequence[Opinion], days: float) -> list[Priced]:
    """What was done, what the policy would do, and the best single threshold in hindsight where there are costs."""
    costs = policy.costs
    ways = [
        _priced("as it was", [one.decision for one in opinions], opinions, costs, days),
        _priced("this policy", [_decided(policy, one) for one in opinions], opinions, costs, days),
    ]
    if costs is None:
        return ways
    held = [
        _priced(
            f"hold below {limit:.2f}",
            ["hold" if one.confidence < limit else "answer" for one in opinions],
            opinions, costs, days,
        )
        for limit in GRID
    ]  # fmt: skip
    best = min(held, key=lambda one: (one.cost_a_day or 0.0, one.reviews_a_day))
    return [*ways, best]


def thresholds(policy: Policy, classes: Sequence[str]) -> list[tuple[str, str, float, float]]:
    """(given, the dearest confusion, held below, looked at below) for each class, inside the domain.

    From the costs and from the policy's own thresholds, whichever asks for more people. Nothing without costs.
    """
    if policy.costs is None:
        return []
    told = []
    for label in classes:
        others = [one for one in classes if one != label]
        if others:
            worst = max(others, key=lambda true: policy.costs.of_wrong(true, label))  # type: ignore[union-attr]  # seen above
            held, looked = policy.costs.thresholds(label, worst)
            held, looked = max(held, policy.hold_below), max(looked, policy.review_below)
            told.append((label, worst, held, max(held, looked)))
    return told


def lines(policy: Policy, opinions: Sequence[Opinion], days: float) -> list[str]:
    """The explanation for people."""
    said = [f"objective: {policy.objective or 'none is written'}"]
    if policy.levers:
        said.append(f"levers: {', '.join(policy.levers)}")
    classes = sorted({name for one in opinions for name in one.probabilities})
    for label, worst, held, looked in thresholds(policy, classes):
        said.append(
            f"{label}: held below {held:.2f}, looked at below {looked:.2f} (inside the domain, were the rest all {worst})"
        )
    if opinions and policy.costs is not None:
        named = {name for pair in policy.costs.pairs for name in pair}
        said += [
            f"costs are named for {name}, which no model knows: they never count"
            for name in sorted(named - set(classes))
        ]
    if not opinions:
        return [*said, "No model has answered in this time: there is nothing to decide again."]
    unit = f" {policy.costs.unit}" if policy.costs and policy.costs.unit else ""
    said.append(f"{len(opinions)} answers of models in {days:.3g} days:")
    for one in explain(policy, opinions, days):
        cost = (
            "no costs are written"
            if one.cost_a_day is None
            else f"{one.cost_a_day:.2f}{unit} a day"
        )
        shares = ", ".join(f"{kind.replace('_', ' ')} {one.kinds.get(kind, 0)}" for kind in KINDS)
        said.append(
            f"{one.name}: {shares}; {one.reviews_a_day:.1f} reviews a day,"
            f" {one.held_a_day:.1f} of them held; expected cost {cost}"
        )
    return said


def _decided(policy: Policy, one: Opinion) -> str:
    return policy.decide(one.confidence, one.inside, one.label, one.probabilities).kind


def _priced(
    name: str, kinds: Sequence[str], opinions: Sequence[Opinion], costs: Costs | None, days: float
) -> Priced:
    counted = Counter(kinds)
    cost = None
    if costs is not None:
        total = sum(_cost(costs, *one) for one in zip(opinions, kinds, strict=True))
        cost = total / days
    asked = counted["answer_and_review"] + counted["hold"]
    return Priced(name, dict(counted), asked / days, counted["hold"] / days, cost)


def _cost(costs: Costs, one: Opinion, kind: str) -> float:
    expected = costs.expected(one.label, one.probabilities)
    return {str(name): value for name, value in expected.items()}[kind]
