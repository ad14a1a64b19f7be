from dataclasses import replace
from datetime import timedelta

import pytest

from store import accuracies
from store.accuracies import NewAccuracy
from store.database import Database
from store.errors import NotFound
from tests.store.given import NOW, later, version

DAY = timedelta(days=1)
ALL = NewAccuracy(
    model_version_id=None, slice_kind="all", slice_name="", method="difference",
    starts_at=NOW - 28 * DAY, ends_at=NOW, labels=400, effective_labels=412.5, estimate=0.95,
    low=0.925, high=0.968, detail={"drawn": 420},
)  # fmt: skip


def test_the_newest_look_is_all_its_slices_and_nothing_of_an_older_one(database: Database) -> None:
    with database.write() as session:
        number_one = version(session).id
        segment = replace(ALL, slice_kind="segment", slice_name="north")
        accuracies.keep(session, [ALL, segment], NOW)
        later_on = replace(ALL, ends_at=NOW + DAY)
        of_version = replace(later_on, model_version_id=number_one, estimate=None, low=None)
        accuracies.keep(session, [of_version, later_on], later(days=1))
    with database.read() as session:
        found = accuracies.newest(session)
        assert [(one.model_version_id, one.slice_kind) for one in found] == [
            (None, "all"),
            (number_one, "all"),
        ]
        assert found[0].ends_at == NOW + DAY
        assert (found[0].estimate, found[0].detail) == (0.95, {"drawn": 420})
        assert accuracies.last_look(session) == NOW + DAY


def test_a_later_look_takes_the_place_of_the_same_days(database: Database) -> None:
    with database.write() as session:
        first = accuracies.keep(session, [ALL], NOW)
    changed = replace(ALL, ends_at=later(hours=2), estimate=0.94)
    with database.write() as session:
        assert accuracies.keep(session, [changed], later(hours=2)) == first
    with database.write() as session:
        accuracies.keep(session, [replace(ALL, estimate=0.5)], later(hours=3))  # it ended before
    with database.read() as session:
        (row,) = accuracies.history(session, None, NOW - DAY)
        assert (row.id, row.estimate, row.ends_at) == (first[0], 0.94, later(hours=2))


def test_history_is_a_row_a_day_of_one_version(database: Database) -> None:
    with database.write() as session:
        number_one = version(session).id
        for day in range(4):
            look = replace(ALL, ends_at=later(days=day))
            mine = replace(look, model_version_id=number_one)
            part = replace(mine, slice_kind="class", slice_name="teddy")
            accuracies.keep(session, [look, mine, part], later(days=day))
    with database.read() as session:
        ends = [one.ends_at for one in accuracies.history(session, number_one, NOW)]
        assert ends == [later(days=day) for day in (1, 2, 3)]
        assert len(accuracies.history(session, None, NOW - DAY)) == 4


def test_before_the_first_look_there_is_nothing(database: Database) -> None:
    with database.read() as session:
        assert accuracies.newest(session) == []
        assert accuracies.last_look(session) is None
        with pytest.raises(NotFound):
            accuracies.get(session, "nothing")
