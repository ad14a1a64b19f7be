"""Gauges whose labels come and go, handed over all at once: a scrape sees the old rows or the new ones, never half.

A gauge that is set series by series keeps what is gone, or is empty for a moment after it was cleared.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Series = Mapping[tuple[str, ...], float]
OTHER = "other"


@dataclass(frozen=True)
class Described:
    """A gauge's name, what it says, and its labels."""

    name: str
    words: str
    labels: tuple[str, ...] = ()


class Snapshot(Collector):
    """A collector of the described gauges; before the first `show` they have no series."""

    def __init__(self, gauges: Sequence[Described]) -> None:
        self._gauges = tuple(gauges)
        self._shown: Mapping[str, Series] = {}

    def show(self, values: Mapping[str, Series]) -> None:
        """Let these be all series from now on, by name and then by the values of the labels in their order."""
        unknown = values.keys() - {gauge.name for gauge in self._gauges}
        if unknown:
            raise ValueError(f"nobody described {', '.join(sorted(unknown))}")
        self._shown = values

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What a scrape reads."""
        shown = self._shown
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.words, labels=gauge.labels)
            for labels, value in sorted(shown.get(gauge.name, {}).items()):
                family.add_metric(labels, value)
            yield family


def few(names: Iterable[tuple[str, float]], most: int) -> set[str]:
    """The `most` names with the largest weights; of equal ones those that come first by name."""
    ordered = sorted(names, key=lambda one: (-one[1], one[0]))
    return {name for name, _ in ordered[:most]}
