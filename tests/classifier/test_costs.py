"""Costs and what follows from them: the cheapest decision, its thresholds, and what is refused."""

from typing import Any

import numpy as np
import pytest

from classifier.costs import Costs
from classifier.policy import PolicyError, parse_policy

TEXT = """
objective = "warn of grizzlies"
levers = ["answer", "ask a ranger"]

[costs]
unit = "dollars"
wrong = 5.0
review = 0.4
delay = 1.0
corrected = 0.5

[[costs.pairs]]
true = "grizzly"
given = "teddy"
cost = 500.0
"""
THRESHOLDS = "review_below = 0.6\nreview_out_of_domain = true\nhold_below = 0.3\nanswer_at = 0.2\n"


def test_a_dear_confusion_holds_what_a_cheap_one_answers() -> None:
    policy = parse_policy(TEXT)
    shares = {"teddy": 0.97, "grizzly": 0.03, "black": 0.0}
    swapped = {"teddy": 0.03, "grizzly": 0.97, "black": 0.0}
    dear = policy.decide(0.97, True, "teddy", shares)
    cheap = policy.decide(0.97, True, "grizzly", swapped)
    assert (dear.kind, dear.reasons) == ("hold", ("cost",))
    assert (cheap.kind, cheap.reasons) == ("answer", ())
    middle = policy.decide(0.8, True, "grizzly", {"grizzly": 0.8, "black": 0.2})
    assert (middle.kind, middle.reasons) == ("answer_and_review", ("cost",))
    assert (policy.objective, policy.levers) == ("warn of grizzlies", ("answer", "ask a ranger"))


def test_thresholds_and_costs_ask_for_whoever_either_wants() -> None:
    both = parse_policy(THRESHOLDS + TEXT)
    sure = {"grizzly": 1.0}
    assert both.decide(1.0, True, "grizzly", sure).kind == "answer"
    assert both.decide(1.0, False, "grizzly", sure).reasons == ("domain",)
    assert both.decide(0.25, True, "black", {"black": 0.25}).kind == "hold"


def test_a_policy_without_costs_means_what_it_always_did() -> None:
    old = parse_policy(THRESHOLDS)
    assert old.costs is None
    shares = {"teddy": 0.9, "grizzly": 0.1}
    assert old.decide(0.9, True, "teddy", shares) == old.decide(0.9, True)


@pytest.mark.parametrize("seed", range(5))
def test_the_thresholds_are_where_the_cheapest_changes(seed: int) -> None:
    chance = np.random.default_rng(seed)
    wrong, review, delay = (float(one) for one in chance.uniform((1, 0.01, 0), (100, 2, 3)))
    corrected = float(chance.choice((0.0, 0.3, 0.9, 1.0)))
    costs = Costs(wrong, review, delay, corrected, {})
    held, looked = costs.thresholds("a", "b")
    for confidence in np.linspace(0.001, 0.999, 500):
        if min(abs(confidence - held), abs(confidence - looked)) < 1e-3:
            continue
        kind = costs.cheapest("a", {"a": float(confidence), "b": 1 - float(confidence)})
        by_hand = (
            "hold"
            if confidence < held
            else "answer_and_review"
            if confidence < looked
            else "answer"
        )
        assert kind == by_hand, (confidence, held, looked)


@pytest.mark.parametrize(("wrong", "corrected"), [(10.0, 1.0), (0.0, 0.5)])
def test_what_saves_nothing_is_held_nowhere_though_it_costs_nothing(
    wrong: float, corrected: float
) -> None:
    costs = Costs(wrong, 0.0, 0.0, corrected, {})
    held, looked = costs.thresholds("a", "b")
    kinds = {costs.cheapest("a", {"a": one, "b": 1 - one}) for one in (0.01, 0.5, 0.99)}
    assert held == 0.0
    assert kinds == {"answer_and_review" if looked else "answer"}


@pytest.mark.parametrize(
    "changed",
    [
        ("wrong = 5.0", "wrong = -1"), ("wrong = 5.0", "wrong = nan"), ("wrong = 5.0", 'wrong = "much"'),
        ("wrong = 5.0", ""), ("corrected = 0.5", "corrected = 1.5"), ("delay = 1.0", "delay = true"),
        ('given = "teddy"', 'given = "grizzly"'),
        ("cost = 500.0", 'cost = 500.0\n[[costs.pairs]]\ntrue = "grizzly"\ngiven = "teddy"\ncost = 5.0'),
        ("cost = 500.0", ""), ("unit", "currency"),
        ('levers = ["answer", "ask a ranger"]', "levers = [1]"), ('"warn of grizzlies"', "7"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(changed: tuple[str, str]) -> None:
    assert changed[0] in TEXT
    with pytest.raises(PolicyError):
        parse_policy(TEXT.replace(*changed))


def test_the_expected_cost_is_what_it_costs_on_average() -> None:
    chance = np.random.default_rng(3)
    costs = parse_policy(TEXT).costs
    assert costs is not None
    shares: dict[str, Any] = {"teddy": 0.7, "grizzly": 0.1, "black": 0.2}
    truths = chance.choice(list(shares), size=200_000, p=list(shares.values()))
    paid = np.array([costs.of_wrong(str(true), "teddy") for true in truths])
    error = 6 * paid.std() / np.sqrt(len(paid))
    assert abs(costs.expected("teddy", shares)["answer"] - paid.mean()) < error
