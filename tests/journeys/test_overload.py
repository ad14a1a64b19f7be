"""Overload in small, on the real program: what must hold however fast the machine is. `make bench-overload` has the figures.

Goodput is held against a bound so generous that only a service which breaks down is found.
"""

from pathlib import Path

import pytest

from tests.benchmarks.bars import failed_by
from tests.benchmarks.overload import BARS, Sizes, judged, measure
from tests.benchmarks.under_load import pictures, prepared

SIZES = Sizes(capacity=2, usual=3, overload=6, closed=(8,), leaving=400, dripping=40)


@pytest.mark.journey
def test_overload_breaks_nothing_hangs_nobody_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with prepared(tmp_path, pictures(None), URSA_UPLOAD_SECONDS="2") as ready:
        found = measure(ready, SIZES)
    figures = judged(found)
    assert found.over.of(429)
    assert found.over.goodput >= 0.5 * min(found.peak, found.peak_after)
    assert failed_by(figures, BARS) == []
    assert set(found.over.statuses) <= {200, 429}
    # who drips is told so, or refused, and costs the others nothing
    assert set(found.drips) <= {408, 429}
    assert found.drips[408] > 0
    assert found.beside.of(200)
    assert found.left == []
