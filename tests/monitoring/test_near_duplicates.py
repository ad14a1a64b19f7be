from dataclasses import replace

import numpy as np

from monitoring import near_duplicates
from monitoring.columns import FEATURES, Table

LOOKS = (
    "brightness", "contrast", "saturation", "colourfulness", "sharpness", "edge_density",
    "entropy", "flat_share",
)  # fmt: skip


def table(count: int, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    numbers = {name: rng.normal(size=count) for name in LOOKS}
    return Table(numbers, ["bear"] * count, {FEATURES: rng.normal(size=(count, 12))})


REFERENCE = table(400, 1)


def nearly(window: Table, by: float) -> Table:
    rng = np.random.default_rng(9)
    numbers = {name: one + by * rng.normal(size=len(one)) for name, one in window.numbers.items()}
    features = window.blocks[FEATURES] + by * rng.normal(size=window.blocks[FEATURES].shape)
    return Table(numbers, window.classes, {FEATURES: features})


def joined(one: Table, other: Table) -> Table:
    numbers = {name: np.concatenate([one.numbers[name], other.numbers[name]]) for name in LOOKS}
    features = np.concatenate([one.blocks[FEATURES], other.blocks[FEATURES]])
    return Table(numbers, [*one.classes, *other.classes], {FEATURES: features})


def test_pictures_that_are_different_are_all_kept() -> None:
    assert near_duplicates.different(table(300, 2), REFERENCE).tolist() == list(range(300))


def test_of_a_burst_the_first_is_kept() -> None:
    window = table(50, 3)
    burst = joined(window, nearly(window.take([7] * 30), 0.05))
    assert near_duplicates.different(burst, REFERENCE).tolist() == list(range(50))


def test_a_burst_is_found_across_the_blocks_it_is_looked_for_in() -> None:
    window = table(1200, 4)
    burst = joined(window, nearly(window.take([3, 1100]), 0.02))
    assert near_duplicates.different(burst, REFERENCE).tolist() == list(range(1200))


def test_a_chain_of_small_steps_is_no_single_burst() -> None:
    one = table(1, 5)
    steps = [
        Table({name: column + 0.3 * number for name, column in one.numbers.items()}, one.classes, one.blocks)
        for number in range(20)
    ]  # fmt: skip
    chain = steps[0]
    for step in steps[1:]:
        chain = joined(chain, step)
    kept = near_duplicates.different(chain, REFERENCE)
    assert 4 <= len(kept) < 20


def test_a_reference_with_duplicates_of_its_own_is_not_blunted() -> None:
    twice = joined(REFERENCE, nearly(REFERENCE.take(range(60)), 0.0))
    window = table(50, 3)
    burst = joined(window, nearly(window.take([7] * 30), 0.05))
    assert near_duplicates.different(burst, twice).tolist() == list(range(50))


def test_without_the_columns_that_tell_everything_is_kept() -> None:
    window = table(50, 3).take([0] * 50)
    assert len(near_duplicates.different(replace(window, blocks={}), REFERENCE)) == 50
    few = {name: column for name, column in window.numbers.items() if name != "sharpness"}
    assert len(near_duplicates.different(replace(window, numbers=few), REFERENCE)) == 50
    holes = {**window.numbers, "sharpness": np.full(50, np.nan)}
    assert len(near_duplicates.different(replace(window, numbers=holes), REFERENCE)) in (1, 50)
