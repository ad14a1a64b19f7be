from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from store import pictures, training_sets
from store.database import Database
from store.errors import Conflict, Invalid, NotFound, StoreError
from store.tables import TrainingRow, TrainingSet
from store.training_sets import Row, digest_of, freeze
from tests.store.given import CLASSES, NOW, digest, later, picture

ROWS = [
    Row(digest(number), CLASSES[number % 3], ("train", "valid")[number % 2], "folder")
    for number in range(6)
]


def record(database: Database, purpose: pictures.Purpose = "training", count: int = 6) -> None:
    with database.write() as session:
        pictures.record(session, [picture(number) for number in range(count)], purpose, NOW)


@given(st.permutations(ROWS))
def test_the_digest_does_not_depend_on_the_order(rows: Sequence[Row]) -> None:
    assert digest_of(CLASSES, rows) == digest_of(CLASSES, ROWS)


@pytest.mark.parametrize(
    "change",
    [
        {"picture_digest": digest("another")},
        {"label": "teddy"},
        {"split": "calibration"},
        {"source": "human_blind"},
    ],
)
def test_the_digest_covers_every_row(change: dict[str, str]) -> None:
    changed = [replace(ROWS[0], **change), *ROWS[1:]]
    assert digest_of(CLASSES, changed) != digest_of(CLASSES, ROWS)
    assert digest_of(CLASSES, ROWS[1:]) != digest_of(CLASSES, ROWS)
    assert digest_of(CLASSES[::-1], ROWS) != digest_of(CLASSES, ROWS)


def test_freezing_the_same_rows_again_gives_the_same_set(database: Database) -> None:
    record(database)
    with database.write() as session:
        first = freeze(session, CLASSES, ROWS, NOW)
    with database.write() as session:
        second = freeze(session, CLASSES, ROWS[::-1], later(days=1), parent_id=first.id)
        assert session.scalar(select(func.count()).select_from(TrainingSet)) == 1
        assert session.scalar(select(func.count()).select_from(TrainingRow)) == len(ROWS)
        assert training_sets.get(session, first.id).digest == digest_of(CLASSES, ROWS)
        kept = training_sets.rows(session, first.id)
    assert (second.id, second.parent_id) == (first.id, None)
    assert kept == sorted(ROWS, key=lambda row: row.picture_digest)
    assert first.counts == {
        "class": {"black": 2, "grizzly": 2, "teddy": 2},
        "split": {"train": 3, "valid": 3},
        "source": {"folder": 6},
    }


@pytest.mark.parametrize(
    ("rows", "kind", "code"),
    [
        ([], Invalid, "empty_set"),
        ([ROWS[0], replace(ROWS[0], label="teddy")], Invalid, "picture_twice"),
        ([replace(ROWS[0], label="polar")], Invalid, "unknown_class"),
        ([replace(ROWS[0], picture_digest=digest("unseen"))], NotFound, "not_found"),
    ],
)
def test_what_cannot_be_frozen_leaves_nothing(
    database: Database, rows: list[Row], kind: type[StoreError], code: str
) -> None:
    record(database)
    with pytest.raises(kind) as refused, database.write() as session:
        freeze(session, CLASSES, rows, NOW)
    assert refused.value.code == code
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(TrainingSet)) == 0


@pytest.mark.parametrize("purpose", ["audit", "golden"])
def test_a_set_with_a_picture_of_the_audit_or_the_golden_set_is_refused(
    database: Database, purpose: pictures.Purpose
) -> None:
    record(database)
    record(database, purpose, 1)
    with pytest.raises(Conflict) as refused, database.write() as session:
        freeze(session, CLASSES, ROWS, NOW)
    assert refused.value.code == "not_for_training"


def test_what_a_model_has_seen_includes_what_was_withdrawn_since(database: Database) -> None:
    record(database)
    with database.write() as session:
        one = freeze(session, CLASSES, ROWS[:3], NOW).id
        two = freeze(session, CLASSES, ROWS[2:5], NOW, parent_id=one).id
    record(database, "audit", 1)
    with database.read() as session:
        assert training_sets.seen_groups(session, [one, two]) == {digest(n) for n in range(5)}
        assert training_sets.seen_groups(session, []) == set()
        assert len(training_sets.rows(session, one)) == 2


def test_the_first_golden_answer_stays(database: Database) -> None:
    record(database, "golden")
    with database.write() as session:
        training_sets.keep_golden(session, {digest(0): "teddy"}, NOW)
        training_sets.keep_golden(session, {digest(0): "black", digest(1): "black"}, NOW)
        training_sets.keep_golden(session, {}, NOW)
        assert training_sets.golden(session) == {digest(0): "teddy", digest(1): "black"}


def test_a_set_that_is_not_there_is_not_found(database: Database) -> None:
    with database.read() as session, pytest.raises(NotFound):
        training_sets.get(session, "nothing")
