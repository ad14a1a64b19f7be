from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from store.ids import new_id, time_of
from tests.store.given import NOW


def test_ids_sort_by_the_microsecond() -> None:
    moments = [NOW + timedelta(microseconds=number) for number in range(2500)]
    ids = [new_id(moment) for moment in moments]
    assert all(before < after for before, after in pairwise(ids))


def test_an_id_is_a_uuid_of_version_7_that_knows_its_time() -> None:
    made = NOW + timedelta(milliseconds=123)
    identity = UUID(new_id(made))
    assert (identity.version, identity.variant) == (7, "specified in RFC 4122")
    assert time_of(str(identity)) == made


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id(NOW) for _ in range(1000)}) == 1000
