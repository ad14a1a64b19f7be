"""The candidate's way: `manual`, `limited`, `expanding`, `full`, each step on monitoring's own evidence.

Traffic goes on, half ordinary and half shifted, with pictures that neither version has learned from; the simulated
reviewers read what the two versions differ on. Monitoring moves the candidate; for `full` two people do. In the end
the audit trail must hold every step with its evidence, and every decision must come out the same again.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from deploy.demo import gauges
from deploy.demo.choices import plan
from deploy.demo.pictures import Sample, mixed
from deploy.demo.report import DidNotHappen
from deploy.demo.story import Story

AT_A_TIME = 8  # pictures of each kind between two looks
LOOK_SECONDS = 1.0  # two looks of monitoring
LOOKS = 40  # at most for one batch, while monitoring or the reviewers go on
MOVES = ("limit", "expand", "promote")


def prepare(story: Story) -> None:
    """The questions before the rollout are answered; then the way is free."""
    classes = story.operator.models()[0]["classes"]
    if lacks := story.operator.preflight(2, **plan(len(classes))):
        raise DidNotHappen(f"the questions before the rollout are not answered: {lacks}")
    scope = story.operator.rollout()
    story.report.say(
        f"version {scope['version']} is in {scope['stage']}; questions and risks are written down"
    )


def climb(story: Story) -> None:
    """Every step up to the last one before `full`, by evidence; then two people."""
    traffic = _traffic(story)
    before: tuple[str, float] | None = None
    while True:
        told = story.operator.rollout()
        if told["version"] != 2:
            raise DidNotHappen(f"version 2 is on its way no more: {_last(story)}")
        here = (told["stage"], told["share"])
        if here != before:
            story.report.say(f"{_words(*here)}")
            before = here
        decision = told["decision"]
        if decision and decision["stands"] and decision["advised"] == "promote":
            break
        _feed(story, traffic, told)
    story.two_confirm(2, "The evidence is enough.")


def check(story: Story, command: Callable[..., str]) -> None:
    """Every step stands in the audit trail with its evidence, and every decision is the same when made again."""
    moved = [
        one
        for one in _trail(story)
        if one["kind"] == "rollout" and one["subject"] == "version 2" and one["act"] in MOVES
    ]
    stages = [_stage(one) for one in moved]
    by_evidence = [one for one in moved if one["actor_kind"] == "monitoring" and one["decision_id"]]
    reached = [one["to"] for one in stages]
    wanted = ["limited", *["expanding"] * len(plan(0)["steps"]), "full"]  # type: ignore[arg-type]  # a list
    if reached != wanted or len(by_evidence) != len(wanted) - 1:
        raise DidNotHappen(f"the audit trail has {reached}, {len(by_evidence)} by evidence")
    if len(moved[-1]["evidence"].get("confirmed_by", ())) < 2:
        raise DidNotHappen("`full` was not confirmed by two people")
    story.report.figures["stages"] = stages
    for one in stages:
        story.report.say(json.dumps(one))
    story.report.say(command("monitoring", "replay-decision", "--all").strip())
    verdicts = story.report.figures["verdicts"] or {}
    story.report.figures["verdicts"] = verdicts | gauges.decisions(story.monitoring_port)


def _traffic(story: Story) -> Iterator[list[Sample]]:
    """Batches of both kinds, of pictures that neither version has learned from: those that nobody has read, and at
    last those that are measured on, which are read only now that the second version is made.
    """
    kinds = story.pictures
    sent = kinds.ordinary.traffic
    unread = [one for one in sent if story.camera.digests.get(one.path) not in story.read]
    ordinary = [*unread, *kinds.ordinary.measured]
    shifted = [*kinds.shift.traffic[story.used["shift"] :], *kinds.shift.measured]
    every = mixed(ordinary, shifted)
    for begin in range(0, len(every), 2 * AT_A_TIME):
        yield every[begin : begin + 2 * AT_A_TIME]


def _feed(story: Story, traffic: Iterator[list[Sample]], told: dict[str, Any]) -> None:
    """Send a batch, and let people answer until monitoring has nothing to ask about it or has moved."""
    batch = next(traffic, None)
    if batch is None:
        raise DidNotHappen(
            f"there are no more pictures in {_words(told['stage'], told['share'])}: {_last(story)}"
        )
    story.camera.post(batch)
    for _ in range(LOOKS):
        time.sleep(LOOK_SECONDS)
        now = story.operator.rollout()
        if (now["stage"], now["share"]) != (told["stage"], told["share"]):
            return
        _clear_alarms(story)
        waiting = gauges.waiting(story.monitoring_port, "held", "evidence", "audit")
        left = story.choices.labels - story.labels
        if waiting and left <= 0:
            raise DidNotHappen(f"{story.choices.labels} labels are not enough: {_last(story)}")
        if not waiting or not story.label(min(waiting, left)):
            return
    raise DidNotHappen("people answered, and monitoring did not follow")


def _clear_alarms(story: Story) -> None:
    """An alarm about the candidate holds it; an operator looks, and says that this shift is the known one."""
    for one in story.operator.alarms():
        if one["cleared_at"] is None and one["model_version"] == 2:
            story.operator.clear_alarm(one["id"], "The shift that it was trained for. (Simulated.)")
            story.report.say(f"an alarm about version 2 ({one['kind']}: {one['why']}) is cleared")


def _trail(story: Story) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = story.operator.audit_trail()
    return found


def _stage(event: dict[str, Any]) -> dict[str, Any]:
    told = event["evidence"] or {}
    kept = ("pairs", "wins", "losses", "not_worse", "harm", "confirmed_by")
    return {
        "from": event["from_stage"],
        "to": event["to_stage"],
        "share": event["share"],
        "by": event["actor_kind"],
        **{name: told[name] for name in kept if name in told},
    }


def _last(story: Story) -> str:
    """What happened last, for the sentence about a way that ended too early."""
    events = [one for one in _trail(story) if one["kind"] == "rollout"]
    decision = story.operator.rollout()["decision"]
    last = events[-1]
    waits = f"; it waits for {', '.join(decision['because'])}" if decision else ""
    return f"the last event is {last['act']} ({last['reason']}){waits}"


def _words(stage: str, share: float) -> str:
    return f"{stage}, {100 * share:g} % of all subjects" if stage == "expanding" else stage
