"""What is going on, read in one go for the home page, and what a person should do about it next.

Everything comes from rows, so that the page says the same whichever web process answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.pages import words
from service.standing import Standing
from store import (
    accuracies,
    alarms,
    heartbeats,
    jobs,
    labels,
    models,
    predictions,
    reviews,
    rollouts,
    windows,
)
from store.database import Session
from store.predictions import Traffic
from store.reviews import Queue
from store.rollouts import Live
from store.tables import Accuracy, Alarm, Backtest, Job, RolloutEvent, Window

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# as many new labels make it worth a training; fewer would hardly change a model
ENOUGH_LABELS = 30
# the drift page lists the others
MOST_ALARMS = 4


@dataclass(frozen=True)
class Program:
    """One of the three programs: since when it has been silent, and whether that is too long."""

    name: str
    seen: datetime | None
    late: bool


@dataclass(frozen=True)
class Glance:
    """The state of everything, at one moment."""

    live: Live
    broken: Mapping[int, str]
    since: RolloutEvent | None
    versions: int
    last_hour: Traffic
    last_day: Traffic
    ever: bool
    by_hour: list[int]
    queue: Queue
    backtest: Backtest | None
    training: Job | None
    new_labels: int
    window: Window | None
    open_alarms: Sequence[Alarm]
    programs: tuple[Program, ...]
    accuracy: Accuracy | None = None


@dataclass(frozen=True)
class Step:
    """Something to do next, in a sentence, with the page to do it on; `urgent` ones stand out."""

    text: str
    address: str | None
    act: str = ""
    urgent: bool = False


def look(session: Session, standing: Standing, now: datetime) -> Glance:
    """Read it all."""
    live = rollouts.live(session)
    versions = models.newest_first(session)
    answering = rollouts.events(session, 1, live.incumbent.rollout_id) if live.incumbent else []
    candidate = live.candidate
    training = jobs.newest(session, "train", 1)
    checks = windows.newest(session, 1)
    return Glance(
        live=live,
        broken=standing.broken,
        since=answering[0] if answering else None,
        versions=len(versions),
        last_hour=predictions.traffic(session, now - HOUR),
        last_day=predictions.traffic(session, now - DAY),
        ever=bool(predictions.recent(session, 1)),
        by_hour=predictions.per_hour(session, now),
        queue=reviews.queue(session, now - DAY),
        backtest=models.newest_backtest(session, candidate.version_id) if candidate else None,
        training=training[0] if training else None,
        new_labels=labels.count_settled(session, versions[0].created_at if versions else None),
        window=checks[0] if checks else None,
        open_alarms=alarms.open_alarms(session),
        programs=_programs(heartbeats.last(session), now),
        accuracy=accuracies.latest(session, live.incumbent.version_id) if live.incumbent else None,
    )


def next_steps(seen: Glance, *, may_operate: bool) -> list[Step]:
    """What a person should do about it, the most pressing first; never empty."""
    steps = [*_alarms(seen), *_to_review(seen)]
    if may_operate:
        steps += _to_operate(seen)
    if seen.window is not None and seen.window.verdict == "drift":
        steps.append(
            Step("What comes in has moved away from the training pictures.", "/drift", "See how")
        )
    if not steps:
        steps.append(Step("Nothing waits for you.", "/try", "Try a picture"))
    return steps


def _programs(heartbeats: Mapping[str, datetime], now: datetime) -> tuple[Program, ...]:
    # the service itself answers this page
    known = {"service": now, **dict.fromkeys(("monitoring", "retrain")), **heartbeats}
    return tuple(
        Program(name, seen, seen is None or now - seen > words.LATE_AFTER)
        for name, seen in known.items()
    )


def _alarms(seen: Glance) -> list[Step]:
    steps = [Step(why, "/models", "See the versions", urgent=True) for why in seen.broken.values()]
    if seen.live.killed:
        steps.append(Step("All models are stopped: people answer everything.", None, urgent=True))
    for alarm in seen.open_alarms[:MOST_ALARMS]:
        where = f" in {alarm.stream}" if alarm.stream else ""
        taken = f"; {alarm.acknowledged_by} has taken it on" if alarm.acknowledged_by else ""
        text = f"Alarm: {words.word(words.ALARMS, alarm.kind).lower()}{where}{taken}."
        urgent = alarm.acknowledged_at is None
        steps.append(Step(text, f"/drift?alarm={alarm.id}", "See why", urgent=urgent))
    for program in seen.programs:
        if program.late:
            name = words.word(words.PROGRAMS, program.name)
            steps.append(
                Step(f"{name} is not running or cannot reach the database.", None, urgent=True)
            )
    return steps


def _to_review(seen: Glance) -> list[Step]:
    waiting, held = seen.queue.open, seen.queue.open_by_lane.get("held", 0)
    if not waiting:
        return []
    text = words.some(waiting, "picture waits", "pictures wait") + " for a look"
    if held:
        text += f"; for {words.number(held)} of them a consumer waits"
    return [Step(text + ".", "/review", "Review", urgent=held > 0)]


def _to_operate(seen: Glance) -> list[Step]:
    live, steps = seen.live, list[Step]()
    if not seen.versions:
        return [
            Step(
                "There is no model yet: train a first one from a folder of class folders.",
                "/models",
                "How",
            )
        ]
    if live.candidate and live.incumbent is None:
        number = live.candidate.number
        steps.append(
            Step(f"Version {number} runs alongside and answers nobody.", "/models", "Let it answer")
        )
    elif live.candidate and seen.backtest is not None and seen.backtest.verdict == "better":
        number = live.candidate.number
        steps.append(
            Step(f"Version {number} did better in the backtest.", "/models", "Let it take over")
        )
    busy = seen.training is not None and seen.training.status in ("todo", "doing")
    if seen.new_labels >= ENOUGH_LABELS and not busy and live.candidate is None:
        labelled = words.some(seen.new_labels, "new label")
        steps.append(Step(f"{labelled} since the newest version.", "/models", "Retrain"))
    return steps
