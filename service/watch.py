"""A watch beside one prediction: what each phase of it took."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from service import metrics


@dataclass
class Watch:
    """Milliseconds by phase; each is counted among the process's own as well."""

    milliseconds: dict[str, float] = field(default_factory=dict)

    def note(self, phase: str, started: float) -> None:
        """It began at `started`, seconds of `perf_counter`, and ends now."""
        self.add(phase, 1000 * (perf_counter() - started))

    def add(self, phase: str, milliseconds: float) -> None:
        """It took so long."""
        self.milliseconds[phase] = round(milliseconds, 3)
        metrics.PREDICTION_SECONDS.labels(phase).observe(milliseconds / 1000)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """The block, if it comes to its end."""
        started = perf_counter()
        yield
        self.note(name, started)
