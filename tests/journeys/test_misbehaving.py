"""Candidates that misbehave under load, on the real program: counts, no times. `make bench-misbehaving` has the figures."""

from pathlib import Path

import pytest

from tests.benchmarks.bars import failed_by
from tests.benchmarks.misbehaving import BARS, KINDS, measure
from tests.benchmarks.under_load import pictures, prepared


@pytest.mark.journey
def test_candidates_that_misbehave_are_noticed_and_everybody_is_answered(tmp_path: Path) -> None:
    files = pictures(None)[:4]
    with prepared(tmp_path, files, URSA_POLL_SECONDS="0.05", URSA_CANDIDATE_SECONDS="0.5") as ready:
        figures = measure(ready, 5.0, 1, loaded=True)
    # each was there, and everybody had an answer, if only to come again; one that hangs on a busy machine is found out later
    assert set(failed_by(figures, BARS)) <= {"hangs_failed"}
    # what was taken off is not put back by itself
    assert [figures[f"{kind}_times"] for kind in KINDS] == [1.0] * len(KINDS)
    # it keeps others from being asked, and that is counted
    assert figures["hangs_shed"] >= 1
