"""What one reading session sees belongs together, whatever others commit meanwhile."""

from datetime import UTC, datetime

from store import people
from store.database import Database

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_a_reading_session_sees_one_moment(database: Database) -> None:
    with database.read() as reading:
        before = people.people(reading)
        with database.write() as writing:
            people.add_person(writing, "anna", "0123456789", "reviewer", NOON)
        after = people.people(reading)
    with database.read() as reading:
        later = people.people(reading)
    assert (len(before), len(after), len(later)) == (0, 0, 1)
