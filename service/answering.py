"""Get one opinion for a consumer: from the model that should answer, else from the one that stands in.

Order: ask, check that it came in time, else ask the next. A candidate is asked in a thread of its own, so that one
that hangs keeps its consumer waiting for `seconds` and no longer; what it failed at is kept as its answer, and it is
told of as a hard limit. The incumbent is asked directly, and told of where the one before it answered the same picture:
then the picture is not to blame. Without an opinion people answer. Writes nothing.
"""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitTimeout
from contextvars import copy_context
from dataclasses import dataclass, replace
from threading import Thread
from time import perf_counter

import structlog

from classifier.classifier import Opinion
from classifier.core import Seen
from service import metrics
from service.routing import Route
from service.standing import Loaded
from store.prediction_log import NewShadow

_log = structlog.get_logger()


@dataclass(frozen=True)
class Answered:
    """Who answered and what; both None when people must. `failed`: candidates that should have and could not."""

    by: Loaded | None
    opinion: Opinion | None
    failed: tuple[NewShadow, ...]


def answer(
    route: Route,
    seen: Seen,
    seconds: float,
    tell_failed: Callable[[Loaded, str], None],
    tell_answered: Callable[[Loaded], None],
) -> Answered:
    """The first opinion that could be had, in the route's order.

    Where the route begins with who answers everything, that one was asked when the picture was `seen`.
    """
    failed: list[NewShadow] = []
    suspect: tuple[Loaded, str] | None = None
    for loaded in (route.answering, route.instead):
        if loaded is None:
            continue
        started = perf_counter()
        try:
            first = seen if loaded is route.answering else replace(seen, opinion=None, failed=None)
            opinion = _opinion(loaded, first, seconds)
        except _Unasked:
            metrics.SHADOWS.labels("shed").inc()
        except Exception as error:  # noqa: BLE001  # whatever it was, somebody else answers
            metrics.MODEL_FAILURES.inc()
            _log.exception("model_failed", version=loaded.model.number)
            why = _why(error, seconds)
            if loaded.model.stage == "full":
                suspect = suspect or (loaded, why)
                continue
            tell_failed(loaded, why)
            spent = 1000 * (perf_counter() - started)
            failed.append(NewShadow(loaded.model.version_id, None, None, None, why, spent))
        else:
            if suspect is not None:
                tell_failed(*suspect)
            tell_answered(loaded)
            return Answered(loaded, opinion, tuple(failed))
    return Answered(None, None, tuple(failed))


class _Failed(Exception):
    """A network failed where the picture was seen."""


class _Unasked(Exception):
    """The machine has no thread left for it, which is nobody's fault."""


def _opinion(loaded: Loaded, seen: Seen, seconds: float) -> Opinion:
    picture, properties = seen.picture, seen.properties
    if seen.opinion is not None:
        return seen.opinion
    if seen.failed is not None:
        raise _Failed(seen.failed)
    if loaded.model.stage == "full":
        return loaded.classifier.opine(picture, properties)
    said: Future[Opinion] = Future()

    def ask() -> None:
        try:
            said.set_result(loaded.classifier.opine(picture, properties))
        except Exception as error:  # noqa: BLE001  # raised again where it is waited for
            said.set_exception(error)

    # with the request's context, so that its id is in what is logged there
    thread = Thread(target=copy_context().run, args=(ask,), name="candidate", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise _Unasked from error
    return said.result(seconds)


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, WaitTimeout):
        return f"it took more than {seconds:g} s for one picture"
    if isinstance(error, _Failed):
        return str(error)
    return f"{type(error).__name__}: {error}"[:500]
