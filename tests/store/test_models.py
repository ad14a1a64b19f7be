from dataclasses import replace

import pytest

from store import jobs, models, pictures, training_sets
from store.database import Database
from store.errors import Invalid, NotFound
from store.models import NewBacktest, NewVersion
from store.training_sets import Row
from tests.store.given import CLASSES, NOW, digest, later, picture, version

NEW = NewVersion(digest("bundle"), 1000, CLASSES, {"accuracy": 0.9})


def test_versions_are_numbered_and_may_share_a_bundle(database: Database) -> None:
    with database.write() as session:
        first = models.register(session, NEW, NOW)
        second = models.register(session, replace(NEW, parent_id=first.id), later(hours=1))
        assert [one.number for one in models.newest_first(session)] == [2, 1]
        assert models.by_number(session, 2).parent_id == first.id
        assert models.get(session, second.id).card == {"accuracy": 0.9}
        with pytest.raises(NotFound):
            models.get(session, "nothing")
        with pytest.raises(NotFound):
            models.by_number(session, 3)


def test_a_job_that_runs_twice_registers_once(database: Database) -> None:
    with database.write() as session:
        job = jobs.add(session, "train", {}, NOW, asked_by="a test").id
    numbers = []
    for _ in range(2):
        with database.write() as session:
            numbers.append(models.register(session, replace(NEW, job_id=job), NOW).number)
    assert numbers == [1, 1]


def test_versions_are_found_by_what_made_them(database: Database) -> None:
    with database.write() as session:
        job = jobs.add(session, "train", {}, NOW, asked_by="a test").id
        rows = [Row(digest("a"), CLASSES[0], "train", "folder")]
        pictures.record(session, [picture("a")], "training", NOW)
        trained_on = training_sets.freeze(session, CLASSES, rows, NOW).id
        assert models.of_job(session, job) is None
        assert models.of_training_set(session, trained_on) is None
        models.register(session, replace(NEW, training_set_id=trained_on), NOW)
        made = models.register(session, replace(NEW, training_set_id=trained_on, job_id=job), NOW)
        assert models.of_job(session, job) is made
        assert models.of_training_set(session, trained_on) is made


def test_a_model_of_one_class_is_none(database: Database) -> None:
    with pytest.raises(Invalid) as refused, database.write() as session:
        models.register(session, replace(NEW, classes=["teddy"]), NOW)
    assert refused.value.code == "too_few_classes"


def test_the_newest_backtest_of_a_version_counts(database: Database) -> None:
    with database.write() as session:
        one, other = version(session, "one").id, version(session, "two").id
        new = NewBacktest(one, other, "worse", 40, 0.7, 0.8, -0.1, -0.2, -0.01, {"by": "class"})
        models.add_backtest(session, new, NOW)
        models.add_backtest(session, replace(new, verdict="better"), later(hours=1))
        newest = models.newest_backtest(session, one)
        assert newest is not None
        assert (newest.verdict, newest.detail) == ("better", {"by": "class"})
        assert models.newest_backtest(session, other) is None
        with pytest.raises(Invalid):
            models.add_backtest(session, replace(new, verdict="fine"), NOW)
