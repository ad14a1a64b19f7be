"""The quick version of `make bench-rollout`: the real loop over made-up rollouts, counted and compared."""

from dataclasses import replace

import pytest
from scipy.stats import binom

from monitoring.evidence_rule import Rule
from tests.benchmarks.rollout import others
from tests.benchmarks.rollout_stream import World
from tests.benchmarks.rollout_world import End, Rollout

EQUAL = World(wins=0.01, losses=0.01, step_pairs=2000, steps=1, counted=True)
# five percent may err; what a right loop exceeds once in a thousand runs
ROLLOUTS = 40
MOST = int(binom.ppf(0.999, ROLLOUTS, 0.05))


def ends(world: World, rollouts: int = ROLLOUTS) -> list[End]:
    return [Rollout(world, seed).run() for seed in range(rollouts)]


@pytest.mark.parametrize(
    "world",
    [
        EQUAL,
        replace(EQUAL, wins=0.05, losses=0.05, rule=Rule(margin=0.03), step_pairs=300, steps=5),
    ],
    ids=["1 %/1 %", "5 %/5 %"],
)
def test_a_candidate_that_is_not_worse_is_rarely_taken_back(world: World) -> None:
    assert sum(end.verdict == "revert" for end in ends(world)) <= MOST


@pytest.mark.parametrize(
    "world",
    [
        replace(EQUAL, losses=0.02),
        World(0.02, 0.05, rule=Rule(margin=0.03), step_pairs=1000, steps=1),
    ],
    ids=["1 %/2 %", "2 %/5 %"],
)
def test_one_that_is_worse_by_the_margin_rarely_advances(world: World) -> None:
    assert sum(end.advanced > 0 for end in ends(world)) <= MOST


def test_a_fall_of_two_points_is_found_with_few_labels() -> None:
    found = ends(replace(EQUAL, losses=0.03), 40)
    needed = sorted(end.first[1].labels for end in found if end.first and end.first[0] == "revert")
    assert len(needed) >= 36
    # 30 is the median of many; of forty rollouts at least five must be at or below it
    assert sum(one <= 30 for one in needed) >= binom.ppf(0.001, 40, 0.4)


def test_an_equal_candidate_is_certified() -> None:
    first = [end.first for end in ends(EQUAL, 40)]
    passed = [one[1].decisive for one in first if one and one[0] == "advance"]
    assert len(passed) >= 15
    assert sorted(passed)[len(passed) // 2] <= 40


@pytest.mark.parametrize("silent", [{"labels": False}, {"traffic": False}])
def test_without_labels_or_traffic_everything_is_held(silent: dict[str, bool]) -> None:
    held = ends(replace(EQUAL, step_pairs=600, **silent), 10)  # type: ignore[arg-type]  # two flags
    assert {(end.verdict, end.advanced) for end in held} == {("hold", 0)}


def test_a_restart_changes_nothing() -> None:
    rollout = Rollout(replace(EQUAL, step_pairs=300), 1)
    rollout.run()
    rollout.restart()  # it compares by itself


def test_rules_on_the_share_of_good_requests_end_the_same_healthy_rollouts() -> None:
    argo, flagger = others(ends(replace(EQUAL, step_pairs=100), 300))
    assert 0.2 < argo < flagger
