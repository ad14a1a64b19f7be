"""What the counts say about a candidate: advance, hold or revert, with every number that it follows from.

Revert is any guard; advance is all of: not worse within this step, enough pairs, no guard. Everything else is hold,
and a hold never grows into an advance by itself. Each e-value of labels is the highest that it has been: what was
concluded at one moment holds at the next, and it does not matter when one looked. Pure: the same counts under the same rule give the same verdict, to
the last digit. Whether the loop may act on it (frozen, no heartbeat) is not asked here.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, log
from typing import Any, Literal

from monitoring import e_values, reader_error
from monitoring.action_guard import Changed
from monitoring.evidence_rule import Rule
from monitoring.prefix import Counts, Step
from monitoring.reader_error import Doubles

Verdict = Literal["advance", "hold", "revert"]
# of the e-values, which are kept as natural logarithms
DIGITS = 6
_NOTHING = Step()
_GUARDS = ("harm", "class_harm", "failing", "slow", "after_full")
_OF_LABELS = ("harm", "class_harm", "after_full")


@dataclass(frozen=True)
class Answers:
    """The candidate's answers to all pairs, counted or not: how many failed, how many were slow."""

    all: int = 0
    failed: int = 0
    slow: int = 0


@dataclass(frozen=True)
class Seen:
    """All that a verdict follows from. `full`: the step is the one after full. `classes`: how many there are."""

    counts: Counts
    step: int
    full: bool
    classes: int
    answers: Answers
    doubles: Doubles
    actions: Changed = field(default_factory=Changed)


@dataclass(frozen=True)
class Judgement:
    """`because`: the guards that fired, or what is waited for.

    Of harm, class_harm, failing, slow, after_full; actions, overdue, full, readers, pairs, evidence. `evidence`: natural
    logarithms of e-values by guard, with "not_worse" for an advance; `margin`: what the readers' error leaves of it.
    """

    verdict: Verdict
    because: tuple[str, ...]
    evidence: dict[str, float]
    worst_class: str | None
    reader_error: float
    margin: float


def judge(seen: Seen, rule: Rule) -> Judgement:
    """The verdict on what has been seen."""
    counts = seen.counts
    step = counts.steps.get(seen.step, _NOTHING)
    error = reader_error.at_most(seen.doubles, seen.classes, rule.reader)
    margin = rule.margin * reader_error.kept_of_a_difference(error, seen.classes)
    worst_class = _worst(counts.class_harm)
    answers = seen.answers
    evidence = {
        "harm": counts.harm,
        "class_harm": counts.class_harm[worst_class] if worst_class is not None else 0.0,
        "failing": e_values.more_often(answers.failed, answers.all, rule.allowed_failures),
        "slow": e_values.more_often(answers.slow, answers.all, rule.allowed_slow),
        "after_full": _after_full(seen),
        "not_worse": step.not_worse(margin),
    }
    fired = _fired(seen, rule, evidence)
    lacking = _lacking(seen, rule, step, margin, evidence["not_worse"])
    verdict: Verdict = "revert" if fired else "hold" if lacking else "advance"
    return Judgement(verdict, fired or lacking, evidence, worst_class, error, margin)


def as_json(seen: Seen, judgement: Judgement) -> dict[str, Any]:
    """What a decision's row keeps of it, numbers to six digits."""
    counts = seen.counts
    return {
        **{name: _kept(value) for name, value in judgement.evidence.items()},
        "because": list(judgement.because),
        "worst_class": judgement.worst_class,
        "reader_error": _kept(judgement.reader_error),
        "margin": _kept(judgement.margin),
        "pairs": counts.pairs,
        "differing": counts.differing,
        "overdue": counts.overdue,
        "wins": counts.wins,
        "losses": counts.losses,
        "step": _step(counts.steps.get(seen.step, _NOTHING)),
        "answers": vars(seen.answers),
        "doubles": vars(seen.doubles),
        "actions": seen.actions.as_json(),
    }


@lru_cache(maxsize=256)
def thresholds(rule: Rule, classes: int) -> dict[str, float]:
    """At which natural logarithm of its e-value each concludes."""
    return {
        "harm": log(1 / rule.harm),
        "class_harm": log(classes / rule.class_harm),
        "failing": log(1 / rule.failing),
        "slow": log(1 / rule.slow),
        "after_full": log(rule.run_length),
        "not_worse": log(1 / rule.advance),
    }


def _worst(class_harm: dict[str, float]) -> str | None:
    # of equal ones the first by name, in whatever order they came
    return min(class_harm, key=lambda name: (-class_harm[name], name)) if class_harm else None


def _after_full(seen: Seen) -> float:
    if not seen.full:
        return 0.0
    losses = [lost for step, lost in seen.counts.decisive if step == seen.step]
    path = e_values.since_a_change(losses)
    return max(path, default=0.0)


def _fired(seen: Seen, rule: Rule, evidence: dict[str, float]) -> tuple[str, ...]:
    limits = thresholds(rule, seen.classes)
    reached = tuple([name for name in _GUARDS if evidence[name] >= limits[name]])
    if not reached or seen.counts.overdue_share <= rule.overdue:
        return reached
    # with many labels overdue, those that are there are no sample of all
    return tuple(name for name in reached if name not in _OF_LABELS)


def _lacking(
    seen: Seen, rule: Rule, step: Step, margin: float, not_worse: float
) -> tuple[str, ...]:
    lacks = (
        ("actions", bool(seen.actions.stops)),
        ("overdue", seen.counts.overdue_share > rule.overdue),
        ("full", seen.full),
        ("readers", margin <= 0),
        ("pairs", step.pairs < rule.minimum_pairs),
        ("evidence", not_worse < thresholds(rule, seen.classes)["not_worse"]),
    )
    return tuple([name for name, lacking in lacks if lacking])


def _step(step: Step) -> dict[str, int]:
    counted = ("wins", "losses", "ties", "overdue", "differing")
    return {name: getattr(step, name) for name in counted}


def _kept(value: float) -> float | None:
    # JSON has no infinity
    return None if value == -inf else round(value, DIGITS)
