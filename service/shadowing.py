"""Ask the candidate about a picture that the incumbent has answered already, without anybody waiting for it.

In a thread of its own, on a core that nobody else needs; what it says is kept when it has said it, and changes
nothing. When it fails, or thinks for longer than any model may, that is a hard limit: `failed` is told, and what it
said is kept with its error. Whoever answers everything, or did, runs alongside too: where it fails so nobody has missed it,
and its turn to be judged is when it answers. Under load it is left out before anything is done for it, and so is every next
one while one takes strangely long: that one goes on without the core that was lent to it, and stands still while a
consumer has one, which is not counted as time that it took. What is left out is counted.
"""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitTimeout
from contextvars import copy_context
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock, Thread
from time import monotonic, perf_counter

import structlog

from classifier.classifier import Opinion
from classifier.engine_process import EngineProcess
from classifier.pictures import Picture
from service import metrics
from service.cores import LEND_SECONDS, Busy, Cores, Loan
from service.standing import Loaded
from store.prediction_log import NewShadow

# how long one may wait for a core; it holds its picture in memory meanwhile
CORE_SECONDS = 0.5

_log = structlog.get_logger()


@dataclass(frozen=True, eq=False)
class Asked:
    """A candidate that was asked; `until` (on the monotonic clock) the request would wait for its answer."""

    model_version_id: str
    answer: Future[NewShadow]
    until: float


@dataclass(eq=False)
class _Thinking:
    """One that has a core, since when, and for how long its process had been held by then."""

    loaded: Loaded
    since: float = 0.0
    held_before: float = 0.0

    def begin(self) -> None:
        """It has a core."""
        self.since, self.held_before = monotonic(), self._held()

    def seconds(self) -> float:
        """How long it has thought."""
        return monotonic() - self.since - (self._held() - self.held_before)

    def _held(self) -> float:
        engine = self.loaded.classifier.engine
        return engine.held_seconds if isinstance(engine, EngineProcess) else 0.0


class Shadows:
    """`seconds` is what one request may wait for its shadow answers in all; at most `places` are under way.

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
        self._thinking: set[_Thinking] = set()
        self._lock = Lock()

    def has_room(self) -> bool:
        """Whether there is a point in asking, or in getting ready for it."""
        return not self._is_late() and not self._cores.pressed

    def ask(
        self, loaded: Loaded, picture: Picture, properties: dict[str, float], *, room: bool = True
    ) -> Asked | None:
        """Begin to ask; None when there is no room for it now, or was none when the picture was got ready."""
        if not (room and self.has_room()) or not self._places.acquire(blocking=False):
            metrics.SHADOWS.labels("shed").inc()
            return None
        asked = Asked(loaded.model.version_id, Future(), monotonic() + self._seconds)
        thread = Thread(
            # with the request's context, so that its id is in what is logged there
            target=copy_context().run,
            args=(self._answer, asked, loaded, picture, properties),
            name="shadow",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError:
            # the machine has none left
            self._places.release()
            metrics.SHADOWS.labels("shed").inc()
            return None
        return asked

    def collect(self, asked: Asked) -> NewShadow | None:
        """What the candidate said, if it did so in time."""
        try:
            return asked.answer.result(max(0.0, asked.until - monotonic()))
        except (WaitTimeout, Busy):
            return None

    def _answer(
        self, asked: Asked, loaded: Loaded, picture: Picture, properties: dict[str, float]
    ) -> None:
        # where the system lets all others go first, who answers need not wait for the core either
        engine = loaded.classifier.engine
        process = engine if isinstance(engine, EngineProcess) else None
        loan = Loan(self._cores, LEND_SECONDS if process is None else 0.0)
        thinking = _Thinking(loaded)
        try:
            loan.begin(CORE_SECONDS)
            thinking.begin()
            with self._lock:
                self._thinking.add(thinking)
            answer = _opine(loaded, picture, properties)
            metrics.SHADOWS.labels("failed" if answer.error else "answered").inc()
            asked.answer.set_result(answer)
            if answer.error is not None:
                self._tell(loaded, answer.error)
        except Busy as busy:
            metrics.SHADOWS.labels("shed").inc()
            asked.answer.set_exception(busy)
        finally:
            with self._lock:
                self._thinking.discard(thinking)
                if process is not None:
                    self._cores.leave(process)
            loan.end()
            self._places.release()

    def _is_late(self) -> bool:
        """Whether one takes strangely long; one that is too slow is told of."""
        with self._lock:
            late = [one for one in self._thinking if one.seconds() > LEND_SECONDS]
            slow = [one for one in late if one.seconds() > self._slow_seconds]
            for one in late:
                engine = one.loaded.classifier.engine
                # whoever is done meanwhile waits for this lock to say so
                if isinstance(engine, EngineProcess) and one not in slow:
                    self._cores.stand_by(engine)
        for one in slow:
            self._tell(one.loaded, f"it took more than {self._slow_seconds:g} s for one picture")
        return bool(late)

    def _tell(self, loaded: Loaded, why: str) -> None:
        if loaded.model.stage != "full":
            self._failed(loaded, why)


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
