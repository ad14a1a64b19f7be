"""The rollout page's sentences and drawings, from rows alone: where the candidate stands, what it waits for, what next.

The e-values of a decision are kept as natural logarithms with the threshold of each beside them. The interval is a
confidence sequence, valid however often one looks. Nothing here decides or asks the database.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log
from typing import Any

from service.listing import Way
from service.pages import charts, words
from store import preflight
from store import scope as scopes
from store.action_ratio import Cell
from store.actions import Report
from store.rollout_events import Step
from store.rollouts import Live
from store.tables import Decision

BECAUSE = {
    "harm": "the candidate is wrong more often where the two differ",
    "class_harm": "one class got worse",
    "failing": "the candidate fails too often",
    "slow": "the candidate is too slow too often",
    "after_full": "it has got worse since it answers everything",
    "actions": "what is decided has at least doubled or halved in a segment: people say whether that is right",
    "overdue": "too many questions to people passed their time and count so for good: answer the next ones in time",
    "full": "it answers everything and stays watched",
    "readers": "the reviewers' own error is not known well enough: more pictures must be read twice",
    "pairs": "more pictures that both have answered",
    "evidence": "more labels where the two differ",
    "incumbent": "nothing answers yet that it could be compared with: people let it through, by the audit",
    "frozen": "people have frozen all rollouts",
    "heartbeat": "monitoring has not been heard of lately",
    "alarm": "an alarm is open",
    "preflight": "the questions before it are not answered",
    "backtest": "its backtest says that it is worse",
    "scope": "nobody has written a scope yet",
}
BETS = (0.15, 0.235, 0.37, 0.58, 0.9)
LEAST = 30  # pairs: below that an interval says nothing
_NOT_WORSE = ("not_worse", "Not worse")


@dataclass(frozen=True)
class Stop:
    """One step of the way: `state` is done, skipped, here or ahead."""

    name: str
    about: str
    state: str


@dataclass(frozen=True)
class Drawn:
    """`bars`: (name, share of the threshold in per cent, sentence); `interval`: of the difference, None too early."""

    bars: tuple[tuple[str, float, str], ...]
    interval: charts.Interval | None
    at: datetime
    pairs: int
    differing: int


def track(way: Way | None) -> list[Stop]:
    """Every step from `manual` to `full`, by the plan and by the shares that were really taken."""
    plan = way.rollout.preflight if way else None
    taken = _taken(way)
    shares = {one.share for one in taken if one.stage == "expanding"}
    steps = sorted(shares.union((plan or {}).get("steps", preflight.STEPS)))
    stops = [
        ("manual", "runs alongside"),
        ("limited", "inside a scope"),
        *((f"{100 * share:g} %", "of all subjects") for share in steps),
        ("full", "answers everything"),
    ]
    here = _name(taken[-1]) if taken else None
    passed = {_name(one) for one in taken}
    ended = way is not None and way.rollout.ended_at is not None
    track, ahead = [], here is None
    for name, about in stops:
        state = "ahead" if ahead else "done" if name in passed else "skipped"
        if name == here:
            state, ahead = "done" if ended else "here", True
        track.append(Stop(name, about, state))
    return track


def _taken(way: Way | None) -> list[Step]:
    """The steps since it last began: who falls back to `manual` begins anew."""
    steps = list(way.steps) if way else []
    begun = max((place for place, one in enumerate(steps) if one.stage == "manual"), default=0)
    return steps[begun:]


def _name(step: Step) -> str:
    return f"{100 * step.share:g} %" if step.stage == "expanding" else step.stage


def waits(way: Way | None, now: datetime) -> list[str]:
    """What the candidate waits for, in sentences."""
    if way is None or way.rollout.ended_at is not None:
        return []
    decision = newest(way)
    if decision is None:
        return ["Monitoring has not looked at it in this step yet."]
    reasons = [words.word(BECAUSE, name) for name in decision.values["act"]["because"]]
    if decision.verdict == "revert":
        return [f"It should be taken back: {'; '.join(reasons)}."]
    if decision.verdict == "advance":
        return ["Nothing: the evidence is enough for the next step."]
    if way.rollout.stage == "full":
        return ["It answers everything and stays watched: it is taken back when it gets worse."]
    told = [f"It waits: {'; '.join(reasons)}."] if reasons else []
    return [*told, *_how_many(decision.values, now)]


def newest(way: Way | None) -> Decision | None:
    """What monitoring concluded last, where it was about the step in which the candidate is."""
    decision = way.decisions[0] if way is not None and way.decisions else None
    return decision if decision is not None and way and decision.ids["step"] == way.step else None


def held(way: Way | None, live: Live) -> bool:
    """Whether monitoring has not found it to be not worse, where there is one to compare it with."""
    decision = newest(way)
    return live.incumbent is not None and (decision is None or decision.verdict != "advance")


def next_step(way: Way | None) -> str | None:
    """The next step in words; None when there is none."""
    if way is None or not way.rollout.on_its_way:
        return None
    rollout = way.rollout
    if rollout.stage == "manual":
        planned = preflight.planned_scope(rollout.preflight)
        if planned is None:
            return "Somebody writes down where it may answer first."
        return f"It answers inside its scope. {scopes.words(scopes.kept(planned))}"
    before = rollout.share if rollout.stage == "expanding" else 0.0
    share = preflight.next_step(rollout.preflight, before)
    if share is not None:
        return f"It answers for {100 * share:g} % of all subjects."
    missing = 2 - len(way.confirmed)
    return f"It answers everything, when {missing} more {'person says' if missing == 1 else 'people say'} so."


def changed_first(report: Report | None) -> list[Cell]:
    """The cells of a report, those that changed first; at most twenty."""
    cells = report.cells if report is not None else ()
    order = {"stop": 0, "alert": 1, None: 2}
    return sorted(cells, key=lambda one: (order[one.verdict], one.segment, one.action))[:20]


def drawn(way: Way | None) -> Drawn | None:
    """The newest decision's e-values against their thresholds, and the difference with its interval."""
    decision = newest(way)
    if decision is None or (way and way.rollout.ended_at is not None):
        return None
    limits = decision.thresholds["logs"]
    first = ("after_full", "Worse than before") if decision.stage == "full" else _NOT_WORSE
    named = (first, ("harm", "Harm"), ("class_harm", "Harm in one class"))
    bars = tuple(
        (name, min(100.0, max(0.0, 100 * value / limit)), _said(name, value, limit))
        for key, name in named
        if (value := decision.values.get(key)) is not None and (limit := limits.get(key))
    )
    return Drawn(
        bars, _interval(decision), decision.at,
        int(decision.values.get("pairs", 0)), int(decision.values.get("differing", 0)),
    )  # fmt: skip


def _said(name: str, value: float, limit: float) -> str:
    return f"{name}: {100 * max(0.0, value) / limit:.0f} % of the evidence that concludes it"


def _interval(decision: Decision) -> charts.Interval | None:
    step = decision.values.get("step") or {}
    # an overdue question is among the losses, as in the test
    wins, losses, ties = (int(step.get(name, 0)) for name in ("wins", "losses", "ties"))
    pairs = wins + losses + ties
    if pairs < LEAST:
        return None
    low, high = _at_least(wins, losses, ties), -_at_least(losses, wins, ties)
    return charts.interval((wins - losses) / pairs, low, high)


def _at_least(wins: int, losses: int, ties: int) -> float:
    """The lower bound of the mean difference: betting on more than it, at level .025, valid at any time."""
    low, high = -1.0, (wins - losses) / (wins + losses + ties)
    for _ in range(40):
        middle = (low + high) / 2
        if _wealth(wins, losses, ties, middle) >= log(40):
            low = middle
        else:
            high = middle
    return low


def _wealth(wins: int, losses: int, ties: int, mean: float) -> float:
    """The logarithm of what fixed bets against `mean` have earned, the average of five (Waudby-Smith and Ramdas)."""
    paths = []
    for bet in BETS:
        # of the largest bet that cannot go broke against this mean
        stake = bet / (1 + mean) if mean > -1 else bet
        gains = (1 + stake * (1 - mean), 1 + stake * (-1 - mean), 1 - stake * mean)
        if min(gains) <= 0:
            continue
        paths.append(sum(n * log(g) for n, g in zip((wins, losses, ties), gains, strict=True)))
    most = max(paths, default=-1e9)
    return most + log(sum(exp(one - most) for one in paths) / len(BETS)) if paths else -1e9


def _how_many(values: dict[str, Any], now: datetime) -> list[str]:
    """About how many more labelled disagreements, and when at the rate of this step; how many wait for people now."""
    waits, waiting = values["waits"], int(values["waiting"])
    told = [f"{words.some(waiting, 'disagreement waits', 'disagreements wait')} for people now."]
    told = told if waiting else []
    if waits["never"]:
        return [
            "As it has done so far it will not be found to be not worse: that takes a better candidate"
            " or a wider margin.",
            *told,
        ]
    if waits["pairs"] is None:
        return ["It is too early to say how many labels more.", *told]
    if not waits["pairs"]:
        return told
    labels, pairs = waits["labels"], words.some(waits["pairs"], "more picture", "more pictures")
    about = (
        f"About {words.some(labels, 'more labelled disagreement')}, on about {pairs}"
        if labels
        else f"About {pairs} that both answer"
    )
    return [f"{about}{_when(waits['until'], now)}.", *told]


def _when(until: str | None, now: datetime) -> str:
    day = datetime.fromisoformat(until) if until is not None else None
    # what should have been there by now says that there is no rate any more
    if day is None or day < now:
        return ""
    if day.date() == now.date():
        return "; at this rate today"
    far = day - now >= timedelta(days=6)
    return f"; at this rate {day.strftime('%d %B' if far else '%A').lstrip('0')}"
