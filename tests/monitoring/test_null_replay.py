from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from scipy import stats

from classifier.bundle import read_bundle
from monitoring import loop, null_replay, replay_turns, rule
from monitoring.null_replay import REFERENCES, Replayed
from monitoring.references import Known
from store import jobs, null_replays
from tests.monitoring.given import Watched


@pytest.fixture(scope="module")
def known(bundle: Path) -> Known:
    read = read_bundle(bundle)
    return Known(read.reference, read.classes)


def test_windows_without_drift_are_called_drift_at_the_promised_rate_at_most(known: Known) -> None:
    replayed = null_replay.replay(known, 30, 20, seed=1, of_each=8)
    assert replayed.windows == 80
    # a half is one reference with an error of its own: over references the rate is 5 % and varies as a beta would
    assert replayed.false_alarms <= stats.betabinom.isf(1e-3, replayed.windows, 1, 19)
    assert (replayed.window_pictures, replayed.reference_pictures) == (30, 60)


def test_a_replay_is_the_same_whoever_makes_it(known: Known) -> None:
    one, same, other = (null_replay.replay(known, 30, 20, seed, of_each=1) for seed in (1, 1, 2))
    assert one == same
    assert (one.windows, other.windows) == (10, 10)


def test_a_rule_that_errs_more_often_is_seen(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rule.SHARES, "properties", 0.5)
    monkeypatch.setitem(rule.LEAST, "properties", 0.0)
    replayed = null_replay.replay(known, 30, 20, seed=1, of_each=3)
    assert replayed.false_alarms >= stats.binom.ppf(1e-3, replayed.windows, 0.4)


def test_a_reference_that_is_too_small_is_said(small: Path) -> None:
    read = read_bundle(small)
    replayed = null_replay.replay(Known(read.reference, read.classes), 200, 50, seed=1)
    assert (replayed.windows, replayed.rate, replayed.interval) == (0, None, None)
    assert replayed.why.startswith("40 held-out pictures are too few")


def test_the_interval_is_the_exact_one() -> None:
    replayed = Replayed((2,) * REFERENCES, 40, 200, 500)
    exact = stats.binomtest(20, 400).proportion_ci(method="exact")
    assert replayed.interval == pytest.approx((exact.low, exact.high))
    none = Replayed((0,) * REFERENCES, 40, 200, 500).interval
    assert none is not None
    assert none[0] == 0.0


def test_every_version_is_replayed_once_when_it_is_there(watched: Watched, bundle: Path) -> None:
    version = watched.promote(bundle)
    for monitor in (watched.monitor, watched.another("monitor two")):
        loop.look(monitor)
    with watched.database.read() as session:
        kept = null_replays.of(session, version.id)
        asked = jobs.newest(session, "null_replay")
    assert kept is not None
    assert kept.windows == 20
    assert kept.rate == kept.false_alarms / 20
    assert kept.low is not None
    assert kept.high is not None
    assert kept.low <= kept.rate <= kept.high
    assert len(kept.detail["by_reference"]) == REFERENCES
    assert [job.status for job in asked] == ["done"]


def test_a_replay_that_takes_many_turns_counts_what_one_at_once_counts(
    watched: Watched, bundle: Path, known: Known
) -> None:
    version = watched.promote(bundle)
    moments = (watched.clock() + replay_turns.TURN * 0.4 * step for step in count())
    slow = replace(watched.monitor, clock=lambda: next(moments))
    turns = 0
    while True:
        replay_turns.turn(slow)
        turns += 1
        with watched.database.read() as session:
            kept = null_replays.of(session, version.id)
            if kept is not None:
                break
    assert turns > 5
    assert kept.windows == 20
    at_once = null_replay.replay(known, 60, 20, kept.detail["seed"], of_each=2)
    assert kept.detail["by_reference"] == list(at_once.by_reference)


def test_a_version_whose_bundle_is_gone_is_told_and_not_asked_again(
    watched: Watched, small: Path
) -> None:
    version = watched.promote(small)
    (watched.storage / "bundles" / version.bundle_digest / "manifest.json").unlink()
    for _ in range(2):
        loop.look(watched.monitor)
    with watched.database.read() as session:
        kept = null_replays.of(session, version.id)
        assert len(jobs.newest(session, "null_replay")) == 1
    assert kept is not None
    assert (kept.windows, kept.rate) == (0, None)
    assert "cannot be" in kept.detail["why"]
