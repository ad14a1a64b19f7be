"""What comes in, in a made-up world for the control loop: pictures, what two versions answer, readers who err.

All of it is drawn from one generator that the rollout goes on drawing from, so that a seed is one rollout.
"""

from dataclasses import dataclass, field

import numpy as np

from monitoring.evidence_rule import Rule

BATCHES = (5, 20, 50, 100, 200, 1000)
HISTORY = 500  # pictures that two people had read before the rollout
CHECKS = 25  # so many of the stream's batches are kept for rules that look at failures alone


@dataclass(frozen=True)
class World:
    """Shares of all pictures: on which only the candidate is right, only the incumbent, or both are wrong and differ.

    `lost_class`: of the pictures of class 0, the share that the candidate loses besides. `error`: the readers'.
    `slow_losses`: labels of losses take so many times as long. `never`: labels that never come. When `step_pairs` have
    come in one step, nothing more is made up until labels have moved the candidate: it would only wait behind them.
    `counted`: find out what the first verdict needed, which takes a second pass.
    """

    wins: float
    losses: float
    neither: float = 0.0
    lost_class: float = 0.0
    classes: int = 7
    error: float = 0.05
    rule: Rule = field(default_factory=lambda: Rule(margin=0.01))
    doubles: float = 0.1
    history: int = HISTORY
    failing: float = 0.005
    bursts: float = 0.1
    slow_losses: float = 2.0
    never: float = 0.005
    labels: bool = True
    traffic: bool = True
    batches: tuple[int, ...] = BATCHES
    step_pairs: int = 2500
    steps: int = 5
    counted: bool = False


class Stream:
    """The pictures of one rollout, numbered from 1, and who reads them."""

    def __init__(self, world: World, random: np.random.Generator) -> None:
        self._world, self._random = world, random
        count = world.step_pairs * world.steps
        # drawn at once: a call for each number would take longer than the loop under test
        self._truths: list[int] = random.integers(world.classes, size=count).tolist()
        self._chances: list[float] = random.random(count).tolist()
        self.size = int(random.choice(world.batches))
        requests = max(count, CHECKS * self.size)
        self._fails: list[bool] = (random.random(requests) < world.failing).tolist()
        burst = random.random(count) < world.bursts
        self._repeats: list[int] = np.where(burst, random.integers(2, 9, size=count), 1).tolist()

    def answers(self, number: int) -> tuple[int, tuple[int, int]]:
        """The class of a picture, and what candidate and incumbent say."""
        world = self._world
        truth, u = self._truths[number - 1], self._chances[number - 1]
        wins, losses, neither = world.wins, world.losses, world.neither
        if truth == 0:
            losses += world.lost_class
        if u < wins:
            return truth, (truth, self._other(truth))
        if u < wins + losses:
            return truth, (self._other(truth), truth)
        if u < wins + losses + neither:
            wrong = self._other(truth)
            return truth, (wrong, self._other(truth, wrong))
        return truth, (truth, truth)

    def repeats(self, number: int) -> int:
        """How many pictures of one subject come with this one, itself among them."""
        return self._repeats[number - 1]

    def fails(self, number: int) -> bool:
        """Whether its request fails, whoever answers."""
        return self._fails[number - 1]

    def read(self, truth: int) -> int:
        """What a reader says of a picture of this class."""
        return self._other(truth) if self._random.random() < self._world.error else truth

    def checks(self) -> tuple[float, ...]:
        """The share of requests that failed in each of the first batches."""
        size = self.size
        return tuple(
            sum(self._fails[check * size : (check + 1) * size]) / size for check in range(CHECKS)
        )

    def _other(self, *but: int) -> int:
        while True:
            other = int(self._random.integers(self._world.classes))
            if other not in but:
                return other
