"""The models that answer now: load, warm, check, swap, drop.

A thread asks the rows who answers. A bundle is fetched, loaded, warmed and checked against its own sample answers
before anyone is asked about it; then one reference is replaced. Requests in flight keep what they began with, and
a bundle that fails leaves the models before it in place. Nothing here talks to a consumer.
"""

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from classifier.classifier import Classifier
from service import metrics
from service.clock import Clock
from store import rollouts
from store.bundles import BundleStore
from store.database import Database
from store.errors import StoreError
from store.rollouts import Live, LiveModel

_log = structlog.get_logger()

RETRY_SECONDS = 30.0


@dataclass(frozen=True)
class Loaded:
    """A model version with its network in memory."""

    model: LiveModel
    classifier: Classifier


@dataclass(frozen=True)
class Standing:
    """Who answers and who runs alongside, as of one moment; `event_id` is 0 before the first rollout event.

    `broken` says in a sentence, by version number, which bundles could not be loaded.
    """

    event_id: int
    incumbent: Loaded | None
    candidate: Loaded | None
    killed: bool
    broken: dict[int, str]

    @property
    def models(self) -> tuple[Loaded, ...]:
        """The models that run, the one that answers first."""
        return tuple(one for one in (self.incumbent, self.candidate) if one is not None)


NOBODY = Standing(0, None, None, False, {})


class LiveModels:
    """`standing` may be read by any thread at any time; `start` returns when the first look has been taken."""

    def __init__(
        self, database: Database, bundles: BundleStore, clock: Clock, poll_seconds: float
    ) -> None:
        self.standing = NOBODY
        self._database, self._bundles, self._clock = database, bundles, clock
        self._poll_seconds = poll_seconds
        self._seen: Live | None = None
        self._again_at: datetime | None = None
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="live-models", daemon=True)

    def start(self) -> None:
        """Load what answers now, then keep watching. Raises Unavailable when the database does not answer."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """End the watch; what is loaded stays until it is dropped with this object."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the watch goes on."""
        return self._thread.is_alive()

    def refresh(self) -> None:
        """Look once, and swap when something has changed. Raises Unavailable."""
        # one look at a time: an older one must not have the last word
        with self._looking:
            self._refresh()

    def _refresh(self) -> None:
        with self._database.read() as session:
            live = rollouts.live(session)
        now = self._clock()
        due = self._again_at is not None and self._again_at <= now
        if live == self._seen and not due:
            return
        self.standing = self._stand(live)
        self._seen = live
        self._again_at = now + timedelta(seconds=RETRY_SECONDS) if self.standing.broken else None
        _tell(self.standing)

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            try:
                self.refresh()
                metrics.LIVE_POLLS.labels("ok").inc()
            except StoreError:
                # the last known models go on; predictions say 503 by themselves while nothing can be kept
                metrics.LIVE_POLLS.labels("failed").inc()
            except Exception:  # noqa: BLE001  # whatever it was, the watch must go on
                metrics.LIVE_POLLS.labels("failed").inc()
                _log.exception("live_models_poll_failed")

    def _stand(self, live: Live) -> Standing:
        before, broken = self.standing, dict[int, str]()
        incumbent = self._load(live.incumbent, before, broken)
        candidate = self._load(live.candidate, before, broken)
        event_id = live.event_id
        target, serving = live.incumbent, before.incumbent
        # the one before goes on, under the event that put it there; but not one that was taken back: a revert leads
        # to a rollout that was opened earlier, and ids follow time. Then people answer.
        if (
            incumbent is None
            and target
            and serving
            and target.rollout_id > serving.model.rollout_id
        ):
            incumbent, event_id = serving, before.event_id
        return Standing(event_id, incumbent, candidate, live.killed, broken)

    def _load(
        self, model: LiveModel | None, before: Standing, broken: dict[int, str]
    ) -> Loaded | None:
        if model is None:
            return None
        for one in before.models:
            if one.model.bundle_digest == model.bundle_digest:
                return replace(one, model=model)
        try:
            classifier = Classifier.load(self._bundles.fetch(model.bundle_digest))
        except Exception as error:  # noqa: BLE001  # whatever a bundle does wrong, the model before it answers
            # the copy in the cache may be what is broken
            self._bundles.forget(model.bundle_digest)
            broken[model.number] = f"Version {model.number} cannot be loaded: {error}"
            metrics.MODEL_LOADS.labels("failed").inc()
            _log.error("model_load_failed", version=model.number, why=str(error))
            return None
        metrics.MODEL_LOADS.labels("loaded").inc()
        _log.info("model_loaded", version=model.number, bundle=model.bundle_digest)
        return Loaded(model, classifier)


def _tell(standing: Standing) -> None:
    for role, one in (("incumbent", standing.incumbent), ("candidate", standing.candidate)):
        metrics.LIVE_MODEL_VERSION.labels(role).set(one.model.number if one else 0)
    metrics.MODELS_BROKEN.set(len(standing.broken))
    metrics.MODELS_KILLED.set(standing.killed)
