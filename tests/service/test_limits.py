"""Token buckets: a burst, then a steady flow, each key for itself, memory bounded."""

from hypothesis import given
from hypothesis import strategies as st

from service.limits import TokenBuckets


def test_a_burst_then_a_steady_flow() -> None:
    buckets = TokenBuckets(rate=2, burst=3)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", 0.0) == 0.5
    assert buckets.take("a", 0.25) == 0.25
    assert buckets.take("a", 0.5) == 0
    assert buckets.take("b", 0.5) == 0


@given(st.lists(st.floats(0, 2), max_size=60))
def test_never_more_than_the_burst_and_the_flow(steps: list[float]) -> None:
    buckets, now, taken = TokenBuckets(rate=2, burst=3), 0.0, 0
    for step in steps:
        now += step
        taken += buckets.take("a", now) == 0
    assert taken <= 3 + 2 * now + 1e-6


def test_who_waits_as_long_as_told_is_let_through() -> None:
    buckets = TokenBuckets(rate=3, burst=1)
    buckets.take("a", 0.0)
    wait = buckets.take("a", 0.1)
    assert buckets.take("a", 0.1 + wait + 1e-9) == 0


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    buckets = TokenBuckets(rate=1, burst=2)
    buckets.take("a", 3600.0)
    assert buckets.take("a", 0.0) == 0
    assert buckets.take("a", 0.0) == 1
    assert buckets.take("a", 1.0) == 0


def test_full_buckets_are_forgotten_when_there_are_many() -> None:
    buckets = TokenBuckets(rate=1, burst=1, most=10)
    for number in range(1000):
        buckets.take(str(number), float(number))
    assert len(buckets._buckets) <= 10
