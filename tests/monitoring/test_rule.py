"""Simulated windows are counted and compared with binomial bounds; every seed is fixed."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from classifier.conformal import flagging_rank
from monitoring import rule
from monitoring.columns import CLASS, FEATURES, Table
from monitoring.flag_counts import Flags
from monitoring.rule import FLAGGED, LEAST, SHARES, Outcome

NAMES = (
    "brightness", "contrast", "saturation", "sharpness", "edge_density", "look_score",
    "feature_score", "confidence",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """Where pictures come from: columns that depend on each other, some of them rounded, and three classes.

    `moved` adds standard deviations to columns, `strange` is the share of pictures with an outlying score.
    """

    moved: tuple[tuple[str, float], ...] = ()
    strange: float = 0.0
    classes: tuple[float, ...] = (0.5, 0.3, 0.2)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Table, np.ndarray]:
        shared = rng.normal(size=count)
        numbers = {name: 0.6 * shared + rng.normal(size=count) for name in NAMES}
        for name, shift in self.moved:
            if name in numbers:
                numbers[name] = numbers[name] + shift * 1.17
        numbers["edge_density"] = numbers["edge_density"].round(1)
        scores = rng.exponential(size=count) + 6.0 * (rng.random(count) < self.strange)
        features = 0.6 * shared[:, None] + rng.normal(size=(count, 8))
        features[:, 1] += dict(self.moved).get(FEATURES, 0.0)
        classes = rng.choice(["a", "b", "c"], count, p=self.classes).tolist()
        return Table(numbers, classes, {FEATURES: features}), scores


HOME = World()
NO_FLAGS = Flags(0, 0, 0, 0)


def outcomes(world: World, window: int, held_out: int, seed: int) -> dict[str, Outcome]:
    """One window of `world` against a reference from home."""
    rng = np.random.default_rng(seed)
    reference, calibration = HOME.draw(held_out, rng)
    seen, scores = world.draw(window, rng)
    rank = flagging_rank(held_out)
    beyond = np.sort(calibration)[held_out - rank] if rank else np.inf
    flags = Flags(int((scores > beyond).sum()), window, rank, held_out)
    return rule.outcomes(seen, reference, flags, seed)


def drifted(found: dict[str, Outcome]) -> set[str]:
    return {name for name, outcome in found.items() if outcome.drift}


def test_the_shares_of_the_error_add_up_to_what_is_promised() -> None:
    assert sum(SHARES.values()) == pytest.approx(0.05)
    # and every share can be reached with so many permutations
    assert min(SHARES.values()) > 1 / (rule.PERMUTATIONS + 1)


def test_windows_without_drift_are_quiet_at_the_promised_rate() -> None:
    windows = 160
    errors = sum(bool(drifted(outcomes(HOME, 60, 120, seed))) for seed in range(windows))
    # four tests that share 5 % may err less often together, never more
    assert errors <= stats.binom.isf(1e-3, windows, 0.05)
    assert errors >= 1


@pytest.mark.parametrize(
    ("world", "family"),
    [
        (World(moved=(("sharpness", 1.0),)), {"sharpness"}),
        (World(moved=(("edge_density", -1.0),)), {"edge_density"}),
        (World(moved=((FEATURES, 2.0),)), {FEATURES}),
        (World(moved=(("confidence", -1.0),)), {"confidence"}),
        (World(strange=0.2), {FLAGGED}),
        (World(classes=(0.1, 0.3, 0.6)), {CLASS}),
        (World(moved=(("brightness", 1.5), (FEATURES, 2.0))), {"brightness", FEATURES}),
    ],
    ids=lambda value: "-".join(sorted(value)) if isinstance(value, set) else "",
)
def test_what_has_moved_is_found_and_named(world: World, family: set[str]) -> None:
    found = outcomes(world, 150, 300, seed=7)
    assert drifted(found) == family


def test_power_at_a_fifth_of_strange_pictures() -> None:
    hits = sum(FLAGGED in drifted(outcomes(World(strange=0.2), 100, 200, s)) for s in range(20))
    assert hits >= 18


def test_a_shift_is_told_in_deviations_of_the_reference_with_its_sign() -> None:
    found = outcomes(World(moved=(("sharpness", -2.0),)), 200, 400, seed=8)
    assert found["sharpness"].shift == pytest.approx(-2.0, abs=0.4)
    assert abs(found["contrast"].shift) < 0.4
    classes = outcomes(World(classes=(1.0, 0.0, 0.0)), 200, 400, seed=8)[CLASS]
    assert classes.shift == pytest.approx(0.5, abs=0.1)


def test_p_values_are_adjusted_within_a_family_only() -> None:
    found = outcomes(World(moved=(("sharpness", 1.0),)), 150, 300, seed=7)
    assert {found[name].family for name in NAMES} == {"properties"}
    assert found[FEATURES].family == "features"
    assert found["sharpness"].p_value == 1 / (rule.PERMUTATIONS + 1)
    assert all(0 < outcome.p_value <= 1 for outcome in found.values())


def test_a_window_with_fewer_rows_than_columns_is_judged() -> None:
    found = outcomes(HOME, len(NAMES) - 3, 60, seed=9)
    assert set(found) == {FLAGGED, *NAMES, FEATURES, CLASS}


def test_a_reference_too_small_to_flag_leaves_the_flags_out() -> None:
    assert flagging_rank(50) == 0
    assert FLAGGED not in outcomes(HOME, 40, 50, seed=1)


def test_one_class_alone_is_no_test_and_a_class_that_is_new_is_one() -> None:
    column = {"brightness": np.arange(60.0)}
    flags = Flags(0, 60, 0, 60)
    same = rule.outcomes(Table(column, ["a"] * 60), Table(column, ["a"] * 60), flags, 1)
    assert CLASS not in same
    new = rule.outcomes(Table(column, ["b"] * 60), Table(column, ["a"] * 60), flags, 1)
    assert new[CLASS].drift
    assert (new[CLASS].shift, new["brightness"].drift) == (1.0, False)


def test_the_same_rows_and_seed_give_the_same_outcome() -> None:
    assert outcomes(HOME, 60, 120, 3) == outcomes(HOME, 60, 120, 3)


def test_what_moves_too_little_to_matter_is_quiet_however_certain_it_is() -> None:
    rng = np.random.default_rng(10)
    # 4 % of the pictures are brighter than any other: certain among thousands, and not worth a word
    reference = Table({"brightness": rng.random(5000)}, ["a"] * 5000)
    window = rng.random(5000)
    window[:200] += 1.0
    found = rule.outcomes(Table({"brightness": window}, ["a"] * 5000), reference, NO_FLAGS, 1)
    assert found["brightness"].p_value == 1 / (rule.PERMUTATIONS + 1)
    assert found["brightness"].low < LEAST["properties"]
    assert not found["brightness"].drift
    window[:1000] += 1.0
    found = rule.outcomes(Table({"brightness": window}, ["a"] * 5000), reference, NO_FLAGS, 1)
    assert found["brightness"].drift


def test_the_lower_bound_of_a_distance_is_seldom_above_the_distance() -> None:
    above, windows = 0, 100
    for seed in range(windows):
        rng = np.random.default_rng(seed)
        # shifted by one deviation of a normal: the true distance is 0.3829
        window = Table({"brightness": rng.normal(1, 1, 100)}, ["a"] * 100)
        reference = Table({"brightness": rng.normal(size=200)}, ["a"] * 200)
        above += rule.outcomes(window, reference, NO_FLAGS, seed)["brightness"].low > 0.3829
    assert above <= stats.binom.isf(1e-3, windows, 0.05)
