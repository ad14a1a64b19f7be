"""Several copies of everything on one PostgreSQL, also through a pooler: whoever dies, the others go on.

A service and two monitors are killed, the database is started again, all models are stopped: no answer that was given
is lost, nothing is decided twice, and no model answers behind the stop. How long it takes: `make bench-copies`.
"""

from pathlib import Path

import pytest

from tests.journeys.deaths import live_through, several

# the bars of `make bench-copies` are 15 seconds and one: so generous that only what is broken is found
TAKEOVER_SECONDS, STOP_SECONDS = 60.0, 10.0

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooled"])
def test_whoever_dies_the_others_go_on(tmp_path: Path, pooled: bool) -> None:
    with several(tmp_path, pooled=pooled) as copies:
        came = live_through(copies)
    assert came.verdict.harm == {}
    assert came.decided_twice == 0
    assert came.relapses == 0
    assert came.given_up == 0
    assert came.unexpected == {}
    assert 0 < came.decision_taken_over < TAKEOVER_SECONDS
    assert 0 < came.window_taken_over < TAKEOVER_SECONDS
    assert came.stopped < STOP_SECONDS
