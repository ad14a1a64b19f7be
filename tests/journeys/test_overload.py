"""Overload in small, on the real program: what must hold however fast the machine is. `make bench-overload` has the figures."""

from pathlib import Path

import pytest

from tests.benchmarks.overload import Sizes, judged, measure, pictures, prepared

SIZES = Sizes(capacity=2, usual=3, overload=6, closed=(8,), leaving=400, dripping=40)


@pytest.mark.journey
def test_overload_breaks_nothing_hangs_nobody_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with prepared(tmp_path, pictures(None), URSA_UPLOAD_SECONDS="2") as ready:
        found = measure(ready, SIZES)
    figures = judged(found)
    assert figures["server_errors"] == 0
    assert figures["hung"] == 0
    assert figures["refused_without_retry_after"] == 0
    # it was an overload, and most of the answers that could be given were given
    assert found.over.of(429)
    assert found.over.of(200)
    assert set(found.over.statuses) <= {200, 429}
    # who drips is told so, or refused, and costs the others nothing
    assert set(found.drips) <= {408, 429}
    assert found.drips[408] > 0
    assert found.beside.of(200)
    assert found.left == []
