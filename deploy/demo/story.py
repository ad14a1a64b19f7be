"""The story up to the candidate: a first model, ordinary traffic, the shift and its alarm, labels, retraining, backtest.

Each step does something over the public API or the pages' own routes, measures what came of it, says so, and raises
DidNotHappen when it did not come about. Nothing here reads the database.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.demo import gauges
from deploy.demo.camera import Camera, Tally
from deploy.demo.cast import MARK
from deploy.demo.choices import Choices, plan
from deploy.demo.pictures import Pictures, Sample, mixed
from deploy.demo.report import DidNotHappen, Report, share, wait_for
from deploy.demo.reviewer import Reviewer
from deploy.demo.signed_in import SignedIn
from service.client import Client

PATIENCE = 60.0
# pictures of each kind between two looks for the alarm
AT_A_TIME = 5
# of the ordinary traffic: what comes before the shift; the rest is mixed with it
BEFORE_THE_SHIFT = 0.6
# of the shift's traffic: what is kept for the candidate's way, so that it has learned from none of it
FOR_THE_WAY = 0.3


@dataclass
class Story:
    """Who plays, with what, and what is known so far. `used`: pictures of the traffic that were sent, by kind."""

    operator: Client
    camera: Camera
    reviewers: tuple[Reviewer, Reviewer]
    operators: tuple[SignedIn, SignedIn]
    pictures: Pictures
    choices: Choices
    report: Report
    monitoring_port: int
    labels: int = 0
    turn: int = 0
    read: set[str] = field(default_factory=set)
    used: dict[str, int] = field(default_factory=lambda: {"ordinary": 0, "shift": 0})

    def label(self, most: int) -> int:
        """Let the reviewers answer what waits in turn, at most so many pictures together; how many they did."""
        before, idle = self.labels, 0
        while (left := most - (self.labels - before)) > 0 and idle < len(self.reviewers):
            done = self.reviewers[self.turn % len(self.reviewers)].label(self._truth, left).labels
            self.turn, self.labels = self.turn + 1, self.labels + done
            idle = 0 if done else idle + 1
        return self.labels - before

    def next(self, kind: str, count: int, until: float = 1.0) -> Sequence[Sample]:
        """The next pictures of the traffic; fewer where it ends, which is `until`, a share of all."""
        every = getattr(self.pictures, kind).traffic
        begin = self.used[kind]
        found: Sequence[Sample] = every[begin : min(begin + count, round(until * len(every)))]
        self.used[kind] = begin + len(found)
        return found

    def two_confirm(self, version: int, reason: str) -> None:
        """Two people let a version answer everything, each on the rollout page; one alone must not be enough."""
        for one in self.operators:
            if self.answering() == version:
                raise DidNotHappen(f"one person alone let version {version} answer everything")
            one.press("/rollout/promote", number=str(version), reason=f"{reason} {MARK}")
            self.report.say(f"{one.name} confirms version {version} on the rollout page")
        wait_for(lambda: self.answering() == version, PATIENCE, f"version {version} at full")
        wait_for(lambda: self._loaded() == version, PATIENCE, f"version {version} in the service")

    def answering(self) -> int | None:
        """The version that answers everything, by the rows."""
        return {one["role"]: one["number"] for one in self.operator.models()}.get("incumbent")

    def quiet(self, version: int, pictures: int) -> None:
        """Let monitoring read on to so many pictures of a version; repeated ones count once, so not for long."""
        with suppress(DidNotHappen):
            wait_for(
                lambda: gauges.seen(self.monitoring_port, version) >= pictures, 6.0, "monitoring"
            )

    def _loaded(self) -> int | None:
        told = httpx.get(f"{self.camera.url}/readyz", timeout=10).json()
        answering: int | None = told["models"]["answering"]
        return answering

    def _truth(self, digest: str) -> str | None:
        self.read.add(digest)
        return self.camera.truth.get(digest)


def promote_first(story: Story) -> None:
    """People answer until two of them let the first version; there is nothing to compare it with."""
    told = story.operator.preflight(1, **plan(len(story.operator.models()[0]["classes"])))
    if told:
        raise DidNotHappen(f"the questions before the rollout are not answered: {told}")
    wait_for(lambda: gauges.heard(story.monitoring_port), PATIENCE, "a heartbeat of monitoring")
    story.two_confirm(1, "Looked at; there is nothing to compare it with.")


def ordinary_traffic(story: Story) -> None:
    """Ordinary pictures come; monitoring must stay quiet."""
    every = len(story.pictures.ordinary.traffic)
    told = story.camera.post(story.next("ordinary", every, BEFORE_THE_SHIFT), 1)
    story.report.say(
        f"{told.sent} ordinary pictures: right {share(told.right, told.sent)}, "
        f"flagged {share(told.flagged, told.sent)}"
    )
    story.quiet(1, told.sent)
    if raised := _alarms(story):
        raise DidNotHappen(f"there is an alarm before the shift: {raised[0]['why']}")
    story.report.say("no alarm")


def shift_arrives(story: Story) -> None:
    """Every second picture is a shifted one from now on, until monitoring raises an alarm."""
    sent = 0
    while not (raised := _alarms(story)):
        pair = [story.next(kind, AT_A_TIME) for kind in ("ordinary", "shift")]
        if sent >= story.choices.most_to_alarm or min(map(len, pair)) < AT_A_TIME:
            raise DidNotHappen(f"no alarm within {sent} pictures, every second one shifted")
        before = gauges.seen(story.monitoring_port, 1)
        sent += story.camera.post(mixed(*pair), 1).sent
        story.quiet(1, before + 2 * AT_A_TIME)
    story.report.figures["pictures_to_alarm"] = sent
    first = raised[-1]
    told = wait_for(
        lambda: next(
            (one for one in _alarms(story) if one["id"] == first["id"] and one["why"]), None
        ),
        PATIENCE,
        "the alarm's reason",
    )
    story.report.say(f"alarm ({told['kind']}) after {sent} pictures, every second one shifted")
    story.report.say(f"why: {told['why']}  {story.camera.url}{told['page']}")


def people_label(story: Story) -> None:
    """The new pictures go on coming; simulated reviewers answer what they are asked."""
    most, skipped = story.choices.labels_before, 0
    while story.labels < most:
        if story.label(min(16, most - story.labels)):
            continue
        batch = story.next("shift", 20, 1 - FOR_THE_WAY)
        if not batch:
            break
        skipped += story.camera.post(batch, 1).sent
    if not story.labels:
        raise DidNotHappen("people were asked about no picture")
    names = " and ".join(one.name for one in story.reviewers)
    story.report.say(f"{story.labels} labels by {names}: the folders' names, nobody looked")
    story.report.say(f"{skipped} shifted pictures more were sent meanwhile")


def measure(story: Story, version: int, when: str) -> dict[str, Tally]:
    """What a version says of the held-out pictures, which nobody has labelled before the retraining."""
    found = {
        "ordinary": story.camera.post(story.pictures.ordinary.measured, version),
        "shift": story.camera.post(story.pictures.shift.measured, version),
    }
    for kind, told in found.items():
        story.report.figures[f"{kind}_{when}"] = told.accuracy
        story.report.say(
            f"version {version}, held-out {kind} pictures: right {share(told.right, told.sent)}, "
            f"flagged {share(told.flagged, told.sent)}"
        )
    return found


def measure_before(story: Story) -> None:
    """How much the shift costs; it must cost something, or there is nothing to bring back."""
    found = measure(story, 1, "before")
    for kind, told in found.items():
        story.report.figures[f"flagged_{kind}"] = told.flagged_share
    lost = (found["ordinary"].accuracy or 0) - (found["shift"].accuracy or 0)
    if lost <= story.choices.worse:
        raise DidNotHappen(f"the shift costs {100 * lost:.1f} points: nothing was lost")
    story.report.say(f"the shift costs {100 * lost:.1f} points")


def retrain(story: Story) -> None:
    """A new version from the labels, compared with the one that answers on pictures that neither has seen."""
    story.operator.retrain()
    made = wait_for(lambda: _backtested(story, 2), 60 * story.choices.minutes, "version 2")
    story.report.figures["labels_training"] = made["new_labels"]
    told = made["backtest"]
    story.report.figures["verdicts"] = {"backtest": told["verdict"]}
    story.report.say(f"version 2 learned from {made['new_labels']} labels of people")
    story.report.say(
        f"backtest against version {told['against']} on {told['pictures']} unseen pictures: {told['verdict']} "
        f"({100 * told['against_accuracy']:.1f} -> {100 * told['accuracy']:.1f} %, difference "
        f"{100 * told['low']:+.1f} to {100 * told['high']:+.1f} points)"
    )
    if told["verdict"] == "worse" or made["stage"] != "manual":
        raise DidNotHappen(f"version 2 is {told['verdict']} and in stage {made['stage']}")


def accuracy_back(story: Story) -> None:
    """The same held-out pictures, answered by the second version."""
    figures, choices = story.report.figures, story.choices
    measure(story, 2, "after")
    lost = figures["ordinary_before"] - figures["shift_before"]
    back = (figures["shift_after"] - figures["shift_before"]) / lost
    worse = figures["ordinary_before"] - figures["ordinary_after"]
    story.report.say(f"{100 * back:.0f} % of the accuracy lost came back")
    if back < choices.back:
        raise DidNotHappen(f"{100 * back:.0f} % came back; {100 * choices.back:.0f} % were wanted")
    if worse > choices.worse:
        raise DidNotHappen(f"the ordinary pictures are {100 * worse:.1f} points worse")


def _alarms(story: Story) -> list[dict[str, Any]]:
    """Open alarms that tell of drift, newest first."""
    return [
        one
        for one in story.operator.alarms()
        if one["cleared_at"] is None and one["kind"] in ("online", "window") and one["pages"]
    ]


def _backtested(story: Story, number: int) -> dict[str, Any] | None:
    found = story.operator.models()
    return next((one for one in found if one["number"] == number and one["backtest"]), None)
