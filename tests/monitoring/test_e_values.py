from math import exp, inf, log

import numpy as np
import pytest
from scipy.special import betainc, betaln
from scipy.stats import binom

from monitoring import e_values


@pytest.mark.parametrize(("wins", "losses"), [(0, 1), (5, 20), (40, 60), (500, 700)])
def test_harm_is_the_integral_over_losing_shares(wins: int, losses: int) -> None:
    a, b = losses + 1, wins + 1
    between = betainc(a, b, 0.95) - betainc(a, b, 0.55)
    exact = (wins + losses) * log(2) + betaln(a, b) + log(between / 0.4)
    assert e_values.harm(wins, losses) == pytest.approx(exact, abs=1e-6)


def test_without_evidence_nobody_has_won_or_lost_anything() -> None:
    assert e_values.harm(0, 0) == 0.0
    assert e_values.not_worse((), (0, 0, 0), 0.01) == pytest.approx(0.0)
    assert e_values.more_often(0, 0, 0.01) == pytest.approx(0.0)


@pytest.mark.parametrize("margin", [0.003, 0.01, 0.2])
def test_the_bet_on_not_worse_is_fair_at_the_margin(margin: float) -> None:
    # wins with .05, losses with .05 + margin: what one pair makes of 1, on average
    mean = sum(
        share * exp(e_values.not_worse((), moment, margin))
        for share, moment in (
            (0.05, (1, 0, 0)), (0.05 + margin, (0, 1, 0)), (0.9 - margin, (0, 0, 1)),
        )
    )  # fmt: skip
    assert mean == pytest.approx(1.0)


@pytest.mark.parametrize("allowed", [0.01, 0.05, 0.5])
def test_the_bet_on_failures_is_fair_at_what_is_allowed(allowed: float) -> None:
    happened = allowed * exp(e_values.more_often(1, 1, allowed))
    assert happened + (1 - allowed) * exp(e_values.more_often(0, 1, allowed)) == pytest.approx(1.0)


def test_the_highest_moment_counts() -> None:
    before, now = (2, 0, 900), (2, 30, 900)
    assert e_values.not_worse((before,), now, 0.01) == e_values.not_worse((), before, 0.01)
    assert e_values.not_worse((before,), now, 0.01) > e_values.not_worse((), now, 0.01)


def test_nothing_is_concluded_where_the_margin_is_used_up() -> None:
    assert e_values.not_worse((), (10, 0, 5000), 0.0) == -inf


def test_harm_is_rarely_found_where_there_is_none_however_often_one_looks() -> None:
    # 4,000 candidates, 200 decisive pictures each, a look after every one; at 1/.03 at most 3 % may be taken back
    rollouts, random = 4000, np.random.default_rng(1)
    lost = random.random((rollouts, 200)) < 0.5
    losses = lost.cumsum(axis=1)
    fired = 0
    for row in losses:
        fired += any(
            e_values.harm(n - int(k), int(k)) >= log(1 / 0.03) for n, k in enumerate(row, 1)
        )
    assert fired <= binom.ppf(0.999, rollouts, 0.03)
    assert fired > 0


def test_the_detector_forgets_a_good_past_and_keeps_its_run_length() -> None:
    good, bad = [False] * 300, [True] * 40
    late = e_values.since_a_change(good + bad)
    assert max(late[:300]) < log(50)
    assert late[-1] > log(5000)
    # at least R decisive pictures between false alarms on average: with R = 100, alarms in 2,000 at most 20
    random = np.random.default_rng(2)
    alarms = steps = 0
    for _ in range(100):
        path = e_values.since_a_change(list(random.random(400) < 0.5))
        stop = next((place for place, value in enumerate(path, 1) if value >= log(100)), None)
        alarms += stop is not None
        steps += stop or 400
    # rate of alarms for each picture, of a renewal process: bounded from above at 99.9 %
    assert alarms <= binom.ppf(0.999, steps, 1 / 100)
