"""How the online detectors stand, for the drift page: the sum's path with its threshold, and what that means in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.pages import words
from store.tables import Detector


@dataclass(frozen=True)
class Path:
    """A line from left to right, in per cent of the width and height, with the threshold's height."""

    points: str
    threshold_y: float
    threshold: int
    sentence: str
    first: int
    last: int


@dataclass(frozen=True)
class Standing:
    """One stream: who, how many pictures, how near to its threshold (0 to 1), how rarely it errs."""

    stream: str
    seen: int
    near: float
    alarms: int
    run_length: str


def path(values: Sequence[int], threshold: int, last: int) -> Path | None:
    """The sum after each of the pictures that end at number `last`; None before there were any."""
    if not values or threshold <= 0:
        return None
    top = 1.1 * max(threshold, *values)
    steps = max(len(values) - 1, 1)
    points = " ".join(
        f"{100 * place / steps:.2f},{100 - 100 * value / top:.2f}"
        for place, value in enumerate(values)
    )
    first = last - len(values) + 1
    reached = "It reached the threshold." if values[-1] >= threshold else "It is below it."
    sentence = (
        f"The sum over pictures {words.number(first)} to {words.number(last)}: from {values[0]}"
        f" to {values[-1]}, at most {max(values)}; the threshold is {threshold}. {reached}"
    )
    return Path(points, 100 - 100 * threshold / top, threshold, sentence, first, last)


def of_alarm(detail: Mapping[str, Any]) -> Path | None:
    """The path that led to an online alarm."""
    return path(detail.get("path", ()), detail.get("threshold", 0), detail.get("index", 0))


def of_detector(detector: Detector) -> Path | None:
    """Where a stream has been lately."""
    state = detector.state
    return path(state.get("path", ()), state.get("threshold", 0), detector.seen)


def standings(detectors: Sequence[Detector]) -> list[Standing]:
    """All streams of a version, that of all pictures first."""
    return [_standing(one) for one in detectors]


def _standing(detector: Detector) -> Standing:
    state = detector.state
    threshold = state.get("threshold") or 1
    return Standing(
        stream=detector.stream,
        seen=detector.seen,
        near=min(state.get("statistic", 0) / threshold, 1.0),
        alarms=state.get("alarms", 0),
        run_length=words.number(state.get("budget", 0)),
    )
