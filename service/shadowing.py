"""Ask the candidate about a picture that the incumbent has answered already, without anybody waiting for long.

In a thread of its own, so that a candidate that hangs keeps no consumer waiting and no process from ending; on a
core that nobody else needs. What it says changes nothing. When it fails, or thinks for longer than any model may,
that is a hard limit: `failed` is told, and what it said is kept with its error. Under load it is left out.
"""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitTimeout
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock, Thread
from time import monotonic, perf_counter

import structlog

from classifier.classifier import Opinion
from classifier.pictures import Picture
from service import metrics
from service.cores import Busy, Cores, Loan
from service.standing import Loaded
from store.prediction_log import NewShadow

_log = structlog.get_logger()


@dataclass(frozen=True, eq=False)
class Asked:
    """A candidate that was asked; its answer is waited for until `until` (on the monotonic clock)."""

    answer: Future[NewShadow]
    loan: Loan
    until: float


class Shadows:
    """`seconds` is what one request may spend on its shadow answer in all; at most `places` are under way.

    One that has had a core for more than `slow_seconds` is too slow, noticed at the latest when the next is asked.
    """

    def __init__(
        self,
        cores: Cores,
        places: int,
        seconds: float,
        slow_seconds: float,
        failed: Callable[[Loaded, str], None],
    ) -> None:
        self._cores, self._seconds = cores, seconds
        self._slow_seconds, self._failed = slow_seconds, failed
        self._places = BoundedSemaphore(places)
        self._thinking: dict[Asked, tuple[Loaded, float]] = {}
        self._lock = Lock()

    def ask(self, loaded: Loaded, picture: Picture, properties: dict[str, float]) -> Asked | None:
        """Begin to ask; None when there is no room for it now."""
        self._notice_slow()
        if not self._places.acquire(blocking=False):
            metrics.SHADOWS.labels("shed").inc()
            return None
        asked = Asked(Future(), Loan(self._cores), monotonic() + self._seconds)
        Thread(
            target=self._answer,
            args=(asked, loaded, picture, properties),
            name="shadow",
            daemon=True,
        ).start()
        return asked

    def collect(self, asked: Asked | None) -> tuple[NewShadow, ...]:
        """What the candidate said, if it did so in time."""
        if asked is None:
            return ()
        try:
            answer = asked.answer.result(max(0.0, asked.until - monotonic()))
        except (WaitTimeout, Busy):
            metrics.SHADOWS.labels("shed").inc()
            return ()
        finally:
            asked.loan.end()
        metrics.SHADOWS.labels("failed" if answer.error else "answered").inc()
        return (answer,)

    def _answer(
        self, asked: Asked, loaded: Loaded, picture: Picture, properties: dict[str, float]
    ) -> None:
        try:
            asked.loan.begin(self._seconds)
            with self._lock:
                self._thinking[asked] = (loaded, monotonic())
            answer = _opine(loaded, picture, properties)
            asked.answer.set_result(answer)
            if answer.error is not None:
                self._failed(loaded, answer.error)
        except Busy as busy:
            asked.answer.set_exception(busy)
        finally:
            with self._lock:
                self._thinking.pop(asked, None)
            asked.loan.end()
            self._places.release()

    def _notice_slow(self) -> None:
        since = monotonic() - self._slow_seconds
        with self._lock:
            slow = [loaded for loaded, begun in self._thinking.values() if begun < since]
        for loaded in slow:
            self._failed(loaded, f"it took more than {self._slow_seconds:g} s for one picture")


def _opine(loaded: Loaded, picture: Picture, properties: dict[str, float]) -> NewShadow:
    opinion: Opinion | None = None
    error: str | None = None
    started = perf_counter()
    try:
        opinion = loaded.classifier.opine(picture, properties)
    except Exception as failed:  # noqa: BLE001  # a candidate that fails is a finding, not a fault
        error = f"{type(failed).__name__}: {failed}"[:500]
        _log.warning("shadow_failed", version=loaded.model.number, why=error)
    return NewShadow(
        model_version_id=loaded.model.version_id,
        label=opinion.label if opinion else None,
        confidence=opinion.confidence if opinion else None,
        probabilities=opinion.probabilities if opinion else None,
        error=error,
        milliseconds=1000 * (perf_counter() - started),
    )
