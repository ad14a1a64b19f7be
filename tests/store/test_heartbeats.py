"""Signs of life: the newest of a program's instances is what counts."""

from store import heartbeats
from store.database import Database
from tests.store.given import NOW, later


def test_the_newest_sign_of_life_of_each_program(database: Database) -> None:
    for instance, second in (("one", 5), ("two", 9), ("one", 7)):
        heartbeats.beat(database, "monitoring", instance, {"looks": second}, later(seconds=second))
    heartbeats.beat(database, "retrain", "one", {}, NOW)
    with database.read() as session:
        assert heartbeats.last(session) == {"monitoring": later(seconds=9), "retrain": NOW}
