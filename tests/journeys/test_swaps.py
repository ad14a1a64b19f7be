"""Swaps in small, on the real program. `make bench-swaps` has 500 moves."""

from pathlib import Path

import pytest

from tests.benchmarks.swaps import swap
from tests.benchmarks.swaps_rows import BAD
from tests.benchmarks.under_load import pictures, prepared


@pytest.mark.journey
def test_models_swap_under_load_and_bad_ones_never_answer(tmp_path: Path) -> None:
    files = pictures(None)[:4]
    with prepared(tmp_path, files, URSA_POLL_SECONDS="0.05") as ready:
        # each of these kinds of bad bundles is tried once, and a way is gone; one that hangs takes half a minute
        bad = [one for one in BAD if one != "hangs"]
        done = swap(ready, files, moves=30, bad_every=2, bad=bad)
    assert done.moves >= 30
    assert done.bad_tried >= len(bad)
    assert done.ways + done.ways_cut_short >= 1
    assert done.unfollowed > 0
    assert done.answers > 24
    assert len(done.versions) == 2
    assert (done.not_answered, done.mixed, done.rows_differing, done.bad_became_live) == (
        0,
        0,
        0,
        0,
    )
