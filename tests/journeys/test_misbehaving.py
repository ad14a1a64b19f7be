"""Candidates that misbehave under load, on the real program: counts, no times. `make bench-misbehaving` has the figures."""

from pathlib import Path

import pytest

from tests.benchmarks.bars import failed_by
from tests.benchmarks.misbehaving import BARS, KINDS, measure
from tests.benchmarks.under_load import pictures, prepared


@pytest.mark.journey
def test_candidates_that_misbehave_are_noticed_and_everybody_is_answered(tmp_path: Path) -> None:
    with prepared(tmp_path, pictures(None)[:4], URSA_POLL_SECONDS="0.05") as ready:
        figures = measure(ready, 4.0, 1, again=True)
    # each was there and failed, and everybody had an answer, if only to come again
    assert failed_by(figures, BARS) == []
    # what nobody has taken off is not asked again by itself, and what is put back is asked
    assert [figures[f"{kind}_times"] for kind in KINDS] == [1.0] * len(KINDS)
    assert all(figures[f"{kind}_again_failed"] >= 1 for kind in KINDS)
    # one that hangs keeps others from being asked, and that is counted
    assert figures["hangs_shed"] >= 1
