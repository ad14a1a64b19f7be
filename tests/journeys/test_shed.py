"""Full load with a healthy candidate alongside, on the real program: counts, no times. `make bench-shed` has the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from tests.benchmarks.networks import costly_network
from tests.benchmarks.shed import OUTCOMES, alongside, outcomes
from tests.benchmarks.swaps import sending
from tests.benchmarks.swaps_rows import Rows, Told
from tests.benchmarks.under_load import Ready, pictures, prepared

# more than there are cores and places in the queue for them; a stretch is over when so many were answered
CLIENTS, ENOUGH = 14, 40
# a machine that does something else for a moment may spoil one of them
TRIES = 3


@dataclass(frozen=True)
class Flood:
    """What all clients were told in one stretch, which took so many seconds."""

    told: Sequence[Told]
    seconds: float

    @property
    def answered(self) -> list[Told]:
        """Those that were not told to come again."""
        return [one for one in self.told if one.status == 200]

    @property
    def goodput(self) -> float:
        """Answers a second."""
        return len(self.answered) / self.seconds


@pytest.mark.journey
def test_at_full_load_the_candidate_is_left_out_first_and_consumers_are_answered_as_without(
    tmp_path: Path,
) -> None:
    files = pictures(None)[:4]
    with prepared(tmp_path, files, URSA_POLL_SECONDS="0.05", URSA_CORES="2") as ready:
        rows = Rows(ready)
        # as costly, and of the other opinion: none of its answers could pass for the incumbent's
        number = rows.register("other", network=costly_network((1, 0)), order=(1, 0))
        key, expected = rows.key(), rows.opinions(1, files)
        for _ in range(TRIES):
            without = flood(ready, key, files)
            with alongside(ready, rows, number):
                before = outcomes(ready)
                beside = flood(ready, key, files)
                became = {one: count - before[one] for one, count in outcomes(ready).items()}
            for one in (without, beside):
                # it was an overload, and everybody had an answer, if only to come again
                assert {told.status for told in one.told} == {200, 429}
                assert [told for told in one.answered if not is_right(told, expected)] == []
            assert became["shed"] > 0
            assert sum(became[one] for one in OUTCOMES) <= len(beside.answered)
            # it was left out first: hardly any consumer that was answered had it run alongside
            assert became["answered"] + became["failed"] <= len(beside.answered) / 2
            # generous: it catches a candidate that takes consumers' places
            if beside.goodput >= 0.5 * without.goodput:
                break
        else:
            raise AssertionError("with a candidate alongside not half as many were answered")
        rows.database.dispose()


def flood(ready: Ready, key: str, files: Sequence[bytes]) -> Flood:
    """More clients than have places, each with the next picture when it was told about the last."""
    began = monotonic()
    with sending(ready.running.port, key, files, CLIENTS) as told:
        ready.running.wait_for(
            lambda: sum(one.status == 200 for one in told) >= ENOUGH, 120, "enough answers"
        )
    return Flood(told, monotonic() - began)


def is_right(told: Told, expected: Sequence[dict[str, float]]) -> bool:
    """Whether it is what the incumbent says about this picture."""
    said, known = told.answer["probabilities"], expected[told.picture]
    return (
        told.answer["model_version"] == 1
        and told.answer["label"] == max(known, key=known.__getitem__)
        and all(abs(said[name] - known[name]) < 1e-5 for name in known)
    )
