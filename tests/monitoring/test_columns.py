import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.bundle import read_bundle
from classifier.domain import Reference
from classifier.properties import NAMES
from monitoring import columns
from monitoring.columns import CLASS, FEATURES, Table
from store.tables import Prediction
from tests.store.given import prediction
from tests.toy import CLASSES


@pytest.fixture(scope="module")
def reference(bundle: Path) -> Reference:
    return read_bundle(bundle).reference


def row(number: int, **changes: Any) -> Prediction:
    """A row as the database would give it back."""
    made = replace(prediction("shop", number), **changes)
    return Prediction(**vars(made) | {"properties": json.loads(json.dumps(made.properties))})


def table(classes: str, **numbers: list[float]) -> Table:
    return Table({name: np.array(values) for name, values in numbers.items()}, list(classes))


def test_a_reference_has_a_column_for_everything_that_is_compared(reference: Reference) -> None:
    found = columns.of_reference(reference, CLASSES, 1000, seed=1)
    scores = {"confidence", "look_score", "feature_score", "domain_score"}
    assert set(found.numbers) == {*NAMES, *scores}
    assert found.blocks[FEATURES].shape == (120, 32)
    assert len(found) == 120
    assert set(found.classes) == set(CLASSES)
    assert {len(column) for column in found.numbers.values()} == {120}


def test_of_a_large_reference_the_same_rows_are_drawn_for_a_seed(reference: Reference) -> None:
    one, same, other = (columns.of_reference(reference, CLASSES, 50, seed) for seed in (1, 1, 2))
    assert len(one) == 50
    assert (one.numbers["confidence"] == same.numbers["confidence"]).all()
    assert (one.numbers["confidence"] != other.numbers["confidence"]).any()
    # rows stay rows: what belongs to one picture is drawn together
    held_out = reference.table()
    place = held_out["confidence"].tolist().index(one.numbers["confidence"][7])
    assert held_out["brightness"][place] == one.numbers["brightness"][7]
    assert CLASSES[int(held_out["predicted"][place])] == one.classes[7]


def test_an_empty_reference_is_an_empty_table(reference: Reference) -> None:
    empty = replace(reference, held_out={})
    assert len(columns.of_reference(empty, CLASSES, 50, seed=1)) == 0


def test_predictions_become_the_same_columns() -> None:
    features = np.arange(32, dtype="<f2").tobytes()
    rows = [row(0, features=features), row(1, features=features, confidence=0.25, label="black")]
    found = columns.of_predictions(rows)
    assert found.classes == ["grizzly", "black"]
    assert found.numbers["confidence"].tolist() == [0.9, 0.25]
    assert found.numbers["brightness"].tolist() == [0.5, 0.5]
    assert found.blocks[FEATURES].tolist() == [list(range(32))] * 2
    assert found.flagged.tolist() == [0.0, 0.0]
    assert found.numbers["look_score"].tolist() == [1.0, 1.0]


def test_what_a_row_lacks_is_not_a_number() -> None:
    rows = [row(0, properties={"new": 1.0}), row(1, properties={}, confidence=None)]
    found = columns.of_predictions(rows)
    assert np.isnan(found.numbers["new"]).tolist() == [False, True]
    assert np.isnan(found.numbers["confidence"]).tolist() == [False, True]
    unknown = columns.of_predictions(
        [row(0, inside=None), row(1, inside=False, features=np.ones(32, "<f2").tobytes())]
    )
    assert np.isnan(unknown.blocks[FEATURES]).any(axis=1).tolist() == [True, False]
    assert np.isnan(unknown.flagged[0])
    assert unknown.flagged[1] == 1.0


def test_rows_that_are_taken_stay_rows() -> None:
    features = np.ones(32, "<f2").tobytes()
    rows = [
        row(number, confidence=0.1 * number, label="abc"[number], features=features)
        for number in range(3)
    ]
    taken = columns.of_predictions(rows).take([2, 0])
    assert (taken.numbers["confidence"].tolist(), taken.classes) == ([0.2, 0.0], ["c", "a"])
    assert (len(taken.blocks[FEATURES]), len(taken.flagged)) == (2, 2)


def test_what_cannot_be_compared_is_left_out_with_the_reason() -> None:
    window = table(
        "ab", good=[1, 2], same=[1, 1], hole=[1, np.nan], mine=[1, 2], compression=[1, 2]
    )
    other = table("ab", good=[1, 1], same=[1, 1], hole=[1, 2], yours=[1, 2], compression=[1, 3])
    one, two, left_out = columns.comparable(window, other)
    assert list(one.numbers) == list(two.numbers) == ["good"]
    assert left_out == {
        "same": "constant", "hole": "missing values", "mine": "not in the reference",
        "yours": "not in the window", "compression": "not judged",
    }  # fmt: skip


def test_one_single_category_is_left_out_and_two_are_not() -> None:
    assert columns.comparable(table("aa"), table("aaa"))[2] == {CLASS: "constant"}
    assert columns.comparable(table("aa"), table("aab"))[2] == {}
    # constant on both sides, but not at the same value
    assert columns.comparable(table("ab", x=[1, 1]), table("ab", x=[2, 2]))[2] == {}
