"""A candidate's way through a made-up world: traffic in batches, labels that come late or never.

The loop under test is the real one (`monitoring.paired`, `votes`, `acting`); made up is only what comes in
(`rollout_stream`). Every rollout is one seed. Each pair and each label is an event, and a look is taken after each.
"""

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from monitoring.acting import Act, Standing, act
from monitoring.paired import Paired
from monitoring.prefix import Alike, Differ, Said
from monitoring.reader_error import Doubles
from monitoring.verdicts import Answers
from monitoring.votes import Bursts, Shot
from tests.benchmarks.rollout_stream import Stream, World

START = datetime(2026, 3, 1, tzinfo=UTC)
SHARES = (0.05, 0.25, 0.5)
DEADLINE = timedelta(days=7)


@dataclass(frozen=True)
class Needed:
    """What had to be counted for a verdict.

    `labels`: pictures on which the two differ and that a person labelled; `readings`: second ones too. `decisive`: of
    those pictures the ones that one alone got right; `pairs`: all pictures.
    """

    labels: int
    readings: int
    decisive: int
    pairs: int


@dataclass(frozen=True)
class End:
    """How a rollout ended: `advanced` steps.

    `first`: what its first advance or revert needed; `given` labels came by the end; `checks`: the share of requests
    that failed in each batch of its stream.
    """

    verdict: str
    because: tuple[str, ...]
    advanced: int
    given: int
    first: tuple[str, Needed] | None
    checks: tuple[float, ...]


class Rollout:
    """One candidate's way through one world."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, np.random.default_rng(seed)
        disagree = 1 - (1 - world.error) ** 2 - world.error**2 / (world.classes - 1)
        differing = int(self.random.binomial(world.history, disagree))
        self._history = Doubles(world.history, differing)
        self._stream = Stream(world, self.random)
        self.bursts = Bursts(60.0)
        self.rows: list[Alike | Differ] = []
        self.said: dict[int, Said] = {}
        self.doubled: dict[int, bool] = {}
        self.failed = 0
        self._in_step = 0
        self.answers = 0
        self.now, self.step, self.share, self.stage = START, 0, 0.0, "manual"
        self.paired = self._begin()
        self._coming: list[tuple[datetime, int, int, Said, bool | None]] = []

    def _begin(self) -> Paired:
        return Paired(
            self.world.rule,
            self.world.classes,
            self.step,
            answers=Answers(self.answers, self.failed),
            doubles=self._doubles(),
        )

    def _doubles(self) -> Doubles:
        read, differing = self._history.read, self._history.differing
        return Doubles(read + len(self.doubled), differing + sum(self.doubled.values()))

    def restart(self) -> None:
        """A new process reads the rows and must come to where the old one was."""
        before = self.paired.look(self.now)
        self.paired = self._begin()
        for row in self.rows:
            self.paired.add(row)
        for key, said in self.said.items():
            self.paired.said(key, said)
        assert self.paired.look(self.now) == before

    def run(self) -> End:
        """Until it is taken back, at the door of full, or nothing more comes."""
        most = self.world.step_pairs * self.world.steps if self.world.traffic else 0
        restarts = {int(one) for one in self.random.integers(0, max(most, 1), 5)}
        pairs, minute = 0, 0
        while pairs < most:
            minute += 1
            done = self._labels_until(START + timedelta(minutes=minute))
            if done is None and self._in_step >= self.world.step_pairs:
                minute = self._wait(minute)
                done = self._look()
                if done is None:
                    continue
            if done is not None:
                return self._end(done)
            self.now = START + timedelta(minutes=minute)
            for _ in range(min(self._stream.size, most - pairs)):
                pairs += 1
                self._in_step += 1
                self._pair(pairs)
                if pairs in restarts:
                    self.restart()
                done = self._look()
                if done is not None:
                    return self._end(done)
        done = self._labels_until(self.now + timedelta(days=60))
        self.now += timedelta(days=60)
        last = done or self._look()
        return self._end(last or act(self.paired.look(self.now), self._standing(), SHARES))

    def _wait(self, minute: int) -> int:
        """The minute at which something can change: a label comes, one is overdue, or there is room for more pairs."""
        if self._coming:
            return max(minute, int((self._coming[0][0] - START) / timedelta(minutes=1)))
        if self.paired.waiting and self.world.labels:
            minute += int(DEADLINE / timedelta(minutes=1)) + 1
            self.now = START + timedelta(minutes=minute)
            return minute
        self._in_step = 0
        return minute

    def _labels_until(self, until: datetime) -> Act | None:
        while self._coming and self._coming[0][0] <= until:
            at, _, key, said, doubled = heapq.heappop(self._coming)
            self.now = max(self.now, at)
            self.said[key] = said
            self.paired.said(key, said)
            if doubled is not None:
                self.doubled[key] = doubled
                self.paired.doubles = self._doubles()
            done = self._look()
            if done is not None:
                return done
        return None

    def _look(self) -> Act | None:
        """Look and act; what ends the rollout is handed back."""
        judgement = self.paired.look(self.now)
        if judgement.verdict == "hold":
            return None
        done = act(judgement, self._standing(), SHARES)
        if done.verdict == "revert" or done.advised == "promote":
            return done
        if done.move is not None:
            self.stage = "limited" if done.move == "limit" else "expanding"
            self.share = done.share or 0.0
            self.step += 1
            self._in_step = 0
            self.paired.step = self.step
        return None

    def _standing(self) -> Standing:
        return Standing(self.stage, self.share, scope=True)

    def _end(self, done: Act) -> End:
        advanced = self.step + (done.verdict == "advance")
        given = len(self.said) + len(self.doubled)
        first = self._first() if self.world.counted else None
        return End(done.verdict, done.because, advanced, given, first, self._stream.checks())

    def _first(self) -> tuple[str, Needed] | None:
        """The first verdict, had every label come in its turn: how much evidence it takes, waiting aside."""
        paired = self._begin()
        paired.step = 0
        for key, said in self.said.items():
            paired.said(key, said)
        labels = second = 0
        for row in self.rows:
            if isinstance(row, Differ):
                labels += row.key in self.said
                second += row.key in self.doubled
            paired.add(row)
            judgement = paired.look(self.now)
            if judgement.verdict != "hold":
                counts = paired.seen.counts
                needed = Needed(labels, labels + second, counts.wins + counts.losses, counts.pairs)
                return judgement.verdict, needed
        return None

    def _pair(self, number: int) -> None:
        truth, answers = self._stream.answers(number)
        # a burst: the same subject's pictures, seconds apart, on which both models say the same again
        moment = self.now
        for place in range(self._stream.repeats(number)):
            if place:
                moment += timedelta(seconds=1)
            if self.bursts.votes(Shot(f"{number}-{place}", f"subject {number}", moment)):
                self._noted(number, truth, answers)

    def _noted(self, number: int, truth: int, answers: tuple[int, int]) -> None:
        self.answers += 1
        row: Alike | Differ
        if self._stream.fails(number):
            # a request that fails whoever answers it: nothing that could be compared
            self.failed += 1
            self.paired.answers = Answers(self.answers, self.failed)
            return
        if answers[0] == answers[1]:
            row = Alike(1, self.step)
        else:
            row = Differ(number, self.step, self.now + DEADLINE)
            self._ask(number, truth, answers)
        self.rows.append(row)
        self.paired.add(row)
        self.paired.answers = Answers(self.answers, self.failed)

    def _ask(self, number: int, truth: int, answers: tuple[int, int]) -> None:
        world, random = self.world, self.random
        minutes = float(np.exp(random.uniform(0, np.log(3 * 24 * 60))))
        if answers[1] == truth:
            minutes *= world.slow_losses
        first, second = self._stream.read(truth), self._stream.read(truth)
        doubled = (first != second) if random.random() < world.doubles else None
        if not world.labels or random.random() < world.never:
            return
        at = self.now + timedelta(minutes=minutes)
        outcome = "win" if first == answers[0] else "loss" if first == answers[1] else "tie"
        said = Said(outcome, str(first), at)  # type: ignore[arg-type]  # one of the three
        heapq.heappush(self._coming, (at, number, number, said, doubled))
