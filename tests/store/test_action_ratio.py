"""Actions against before: only what at least doubles or halves beyond chance, counted by simulation.

The bound on false stops is binomial with an error of one in a million; seeds are fixed.
"""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from store.action_ratio import compare, p_value

RUNS = 2_000


@pytest.mark.parametrize(
    ("now", "total", "share"),
    [(0, 10, 0.5), (9, 10, 0.5), (300, 400, 0.5), (12, 900, 0.03), (40, 41, 0.9)],
)
def test_the_p_value_is_twice_the_smaller_exact_tail(now: int, total: int, share: float) -> None:
    tails = [binomtest(now, total, share, alternative=one).pvalue for one in ("less", "greater")]
    assert p_value(now, total, share) == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-9)


def test_a_doubling_of_many_stops_of_few_is_worth_a_look_and_less_is_nothing() -> None:
    before = {
        ("zoo", "bear"): 100,
        ("zoo", "teddy"): 900,
        ("farm", "bear"): 5,
        ("farm", "teddy"): 495,
    }
    now = {
        ("zoo", "bear"): 250,
        ("zoo", "teddy"): 750,
        ("farm", "bear"): 30,
        ("farm", "teddy"): 470,
    }
    told = {(one.segment, one.action): one.verdict for one in compare(before, now)}
    assert told == {
        ("zoo", "bear"): "stop", ("zoo", "teddy"): None,
        ("farm", "bear"): "alert", ("farm", "teddy"): None,
    }  # fmt: skip
    halved = compare({("", "a"): 400, ("", "b"): 600}, {("", "a"): 150, ("", "b"): 850})
    assert [one.verdict for one in halved] == ["stop", None]


def test_where_nothing_was_before_nothing_is_said() -> None:
    (cell,) = compare({}, {("zoo", "bear"): 500})
    assert (cell.ratio, cell.p_value, cell.verdict) == (None, None, None)
    new = compare({("zoo", "bear"): 500}, {("zoo", "bear"): 300, ("zoo", "wolf"): 200})
    assert {one.action: one.verdict for one in new} == {"bear": None, "wolf": "stop"}


@pytest.mark.parametrize("answers", [40, 400, 4_000])
def test_an_equal_candidate_is_seldom_stopped_over_all_segments(answers: int) -> None:
    chance = np.random.default_rng(7)
    shares = np.array([0.9, 0.06, 0.03, 0.01])
    fired = 0
    for _ in range(RUNS):
        sides = [
            {
                (f"s{segment}", f"a{action}"): int(count)
                for segment in range(5)
                for action, count in enumerate(chance.multinomial(answers, shares))
            }
            for _ in range(2)
        ]
        fired += any(one.verdict is not None for one in compare(sides[0], sides[1]))
    assert fired <= binom.isf(1e-6, RUNS, 0.05)


def test_a_tripled_rare_action_is_found() -> None:
    chance = np.random.default_rng(8)
    found = 0
    for _ in range(200):
        before, now = (
            {("", "rare"): int(rare), ("", "usual"): 2_000 - int(rare)}
            for rare in (chance.binomial(2_000, 0.03), chance.binomial(2_000, 0.09))
        )
        found += any(one.verdict == "stop" for one in compare(before, now))
    assert found >= 195
