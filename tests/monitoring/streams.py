"""Simulated traffic with a known truth: answers, an audit drawn from them, people who answer it, err, or do not.

Each shift makes one stretch of answers as a stream of its kind might bring it. What comes out are the rows that the
store would hand to monitoring, and the share that was really right among the usable answers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from monitoring.accuracy import Flags, Floats
from store import truth
from store.audits import MILLIONTHS, AnswerGroup, ReadAnswer
from store.truth import Opinion

START = datetime(2026, 3, 1, tzinfo=UTC)
CLASSES = ("black", "brown", "grizzly", "polar", "teddy")
ASKED = "answer_and_review"


@dataclass(frozen=True)
class Stretch:
    """N answers: the model's confidence, whether each was right, and how people come to see it.

    `answered`: with which probability people answer a drawn one; `error`: of one reading; `asked`: a rule wants it
    looked at, and somebody does when `queue_done`; `usable`: false for pictures that show nothing.
    """

    confidence: Floats
    right: Flags
    rate: Floats
    answered: Floats
    error: float = 0.0
    asked: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))
    queue_done: bool = False
    usable: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def share_right(self) -> float:
        """What is to be estimated."""
        usable = self.usable if len(self.usable) else np.ones(len(self.right), dtype=bool)
        return float(self.right[usable].mean())


Shift = Callable[[Generator], Stretch]


def seen(stretch: Stretch, rng: Generator) -> tuple[list[AnswerGroup], list[ReadAnswer]]:
    """The rows of a stretch: all its answers by kind, and what people said of some."""
    number = len(stretch.right)
    asked = stretch.asked if len(stretch.asked) else np.zeros(number, dtype=bool)
    usable = stretch.usable if len(stretch.usable) else np.ones(number, dtype=bool)
    answers = rng.integers(len(CLASSES), size=number)
    audited = rng.random(number) < stretch.rate
    read = audited & (rng.random(number) < stretch.answered) | (asked & stretch.queue_done)
    groups = _groups(stretch, answers, asked, audited)
    reads = []
    for place in np.flatnonzero(read):
        answer = CLASSES[answers[place]]
        shows = _shows(bool(stretch.right[place]), bool(usable[place]), int(answers[place]), rng)
        lane = "audit" if audited[place] else "rule"
        opinions = _opinions(shows, answer, lane, stretch.error, rng)
        made = START + timedelta(seconds=int(place))
        reads.append(
            ReadAnswer(
                f"{place:09d}", "v1", None, answer, ASKED if asked[place] else "answer",
                float(stretch.rate[place]), bool(audited[place]),
                round(float(stretch.confidence[place]), 6), lane, opinions, made,
            )
        )  # fmt: skip
    return groups, reads


def _groups(
    stretch: Stretch, answers: NDArray[np.int64], asked: Flags, audited: Flags
) -> list[AnswerGroup]:
    rates, rate = np.unique(stretch.rate, return_inverse=True)
    kinds = np.column_stack([answers, asked, audited, rate])
    code = np.ravel_multi_index(tuple(kinds.T), (len(CLASSES), 2, 2, len(rates)))
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    counts, millionths = np.bincount(place), np.rint(stretch.confidence * MILLIONTHS)
    confidence = np.bincount(place, millionths)
    return [
        AnswerGroup(
            "v1", None, CLASSES[kinds[row, 0]], ASKED if asked[row] else "answer",
            float(stretch.rate[row]), bool(audited[row]), int(counts[number]),
            int(confidence[number]),
        )
        for number, row in enumerate(first)
    ]  # fmt: skip


def _shows(right: bool, usable: bool, answer: int, rng: Generator) -> Opinion:
    if not usable:
        return "not_usable", None
    other = (answer + 1 + int(rng.integers(len(CLASSES) - 1))) % len(CLASSES)
    return "class", CLASSES[answer if right else other]


def _opinions(
    shows: Opinion, answer: str, lane: str, error: float, rng: Generator
) -> tuple[Opinion, ...]:
    said: list[Opinion] = []
    while len(said) < truth.MOST_OPINIONS:
        said.append(_said(shows, error, rng))
        if lane != "audit" or truth.of_audit(said, answer) is not None:
            break
    return tuple(said)


def _said(shows: Opinion, error: float, rng: Generator) -> Opinion:
    if rng.random() >= error:
        return shows
    others = [name for name in CLASSES if name != shows[1]]
    return "class", others[int(rng.integers(len(others)))]


N, RATE = 8000, 0.05


def _confidence(rng: Generator, share: float, size: int = N) -> Floats:
    """Confidences of a classifier, most of them near 1, on average `share`."""
    return rng.beta(6 * share, 6 * (1 - share), size)


def _alike(rate: float, size: int = N) -> Floats:
    return np.full(size, rate)


def honest(rng: Generator) -> Stretch:
    """Confidence says how often the answer is right."""
    confidence = _confidence(rng, 0.95)
    return Stretch(confidence, rng.random(N) < confidence, _alike(RATE), _alike(1.0))


def blind_spot(rng: Generator) -> Stretch:
    """6 % of what comes in is of a kind that the model gets wrong two times in three, with confidence .98."""
    blind = rng.random(N) < 0.06
    confidence = np.where(blind, rng.uniform(0.97, 1.0, N), _confidence(rng, 0.99))
    right = rng.random(N) < np.where(blind, 0.33, confidence)
    return Stretch(confidence, right, _alike(RATE), _alike(1.0))


def bursts(rng: Generator) -> Stretch:
    """Series of 40 pictures of one scene: right all through, but for one series in eight that is 60 % right."""
    hard = np.repeat(rng.random(N // 40) < 0.125, 40)
    confidence = np.clip(np.where(hard, 0.75, 0.97) + rng.normal(0, 0.03, N), 0.2, 1.0)
    right = rng.random(N) < np.where(hard, 0.6, 1.0)
    return Stretch(confidence, right, _alike(RATE), _alike(1.0))


def ignorable(rng: Generator) -> Stretch:
    """10 % of the audit stays unanswered, two of five where the model is unsure: hard pictures are put off."""
    confidence = _confidence(rng, 0.95)
    answered = np.where(confidence < 0.9, 0.6, 0.965)
    return Stretch(confidence, rng.random(N) < confidence, _alike(RATE / 0.9), answered)


def not_ignorable(rng: Generator) -> Stretch:
    """10 % stays unanswered, of the wrong answers half: nothing that is known tells which."""
    confidence = _confidence(rng, 0.95)
    right = rng.random(N) < confidence
    return Stretch(confidence, right, _alike(RATE / 0.9), np.where(right, 0.92, 0.5))


def readers_err(rng: Generator) -> Stretch:
    """One reading in twenty is wrong; what differs from the answer is read again."""
    return Stretch(*_plain(rng), _alike(RATE), _alike(1.0), error=0.05)


def rates_and_queue(rng: Generator) -> Stretch:
    """The rate rises from 3 to 9 % half-way, where accuracy falls by 4 points; the policy's queue is all labelled.

    1 % of the pictures is not usable.
    """
    late = np.arange(N) >= N // 2
    confidence = _confidence(rng, 0.96)
    right = rng.random(N) < np.where(late, confidence - 0.03, np.minimum(confidence + 0.01, 1))
    return Stretch(
        confidence, right, np.where(late, 0.09, 0.03), _alike(1.0), asked=confidence < 0.6,
        queue_done=True, usable=rng.random(N) >= 0.01,
    )  # fmt: skip


def _plain(rng: Generator) -> tuple[Floats, Flags]:
    confidence = _confidence(rng, 0.95)
    return confidence, rng.random(N) < confidence


SHIFTS: dict[str, Shift] = {
    "honest confidence": honest,
    "confident and wrong": blind_spot,
    "bursts": bursts,
    "unanswered, ignorable": ignorable,
    "unanswered, not ignorable": not_ignorable,
    "readers err": readers_err,
    "rates change, queue labelled": rates_and_queue,
}
