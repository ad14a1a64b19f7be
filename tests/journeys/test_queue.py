"""The review queue in small, on real programs. `make bench-queue` has 50 reviewers, 10,000 reviews and both databases."""

import argparse
from pathlib import Path

import pytest

from tests.benchmarks import queue
from tests.benchmarks.bars import failed_by


@pytest.mark.journey
def test_no_label_is_lost_or_counted_twice_while_services_die(tmp_path: Path) -> None:
    given = argparse.Namespace(reviews=120, reviewers=6, seconds_between_kills=4.0)
    # so generous that only what is stuck is found: how soon a review is asked again is a bar of the benchmark
    found = queue.run(tmp_path, f"sqlite:///{tmp_path / 'ursa.db'}", given, slack=60)
    assert failed_by(found, queue.BARS) == []
    assert found["acknowledged"] >= 120
    assert found["kills"] >= 1
