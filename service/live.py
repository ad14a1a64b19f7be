"""The models that answer now: load, warm, check, swap, drop.

One thread asks the rows who answers. A bundle is fetched, loaded, warmed and checked against its own sample answers
(`service.loading`, beside this thread) before anyone is asked about it; then one reference is replaced. Requests in flight
keep what they began with, and a bundle that fails, or is not there yet, leaves the models before it in place. A second
thread looks for stops in the storage, so that they are followed within a second whatever the database does. Nothing
here talks to a consumer.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from classifier.engine_process import EngineProcesses
from service import metrics, standing
from service.clock import Clock
from service.loading import Loader
from service.standing import NOBODY, Loaded, Standing
from store import rollouts, stops
from store.bundles import BundleStore
from store.database import Database
from store.errors import StoreError, Unavailable
from store.objects import Objects
from store.rollouts import Actor, Live, LiveModel
from store.stops import KILLED, Stop

_log = structlog.get_logger()

RETRY_SECONDS = 30.0
# so often an incumbent fails where the one before it does not, until it is taken back
IN_A_ROW = 3
HARD_LIMITS = Actor("system", "hard limits")


class LiveModels:
    """`standing` may be read by any thread at any time; `start` returns when the first look has been taken.

    `processes` are where candidates run, and where every network has to prove itself first; without them all run here.
    `get_ready` is given the folder of each bundle that is about to answer everything, when it has.
    """

    def __init__(
        self,
        database: Database,
        objects: Objects,
        bundles: BundleStore,
        clock: Clock,
        poll_seconds: float,
        get_ready: Callable[[Path], None] = lambda _folder: None,
        processes: EngineProcesses | None = None,
    ) -> None:
        self.standing = NOBODY
        self._database, self._objects = database, objects
        self._clock, self._poll_seconds = clock, poll_seconds
        self._from_rows = NOBODY
        self._stops: dict[str, Stop] = {}
        self._unmarked: list[Stop] = []
        # of a model, and when whoever asked for it was told that the others may not know
        self.unanswered: tuple[Stop, datetime] | None = None
        # by rollout, how often a model that answers everything failed since it answered
        self._in_a_row: dict[str, int] = {}
        self._seen: Live | None = None
        self._again_at: datetime | None = None
        self._looking, self._marking = threading.Lock(), threading.Lock()
        self._swapping = threading.Lock()
        self._over = False
        # what wakes each thread before its time
        self._rows_due, self._marks_due = threading.Event(), threading.Event()
        self._loader = Loader(bundles, processes, get_ready, self._rows_due.set)
        self._threads = [
            threading.Thread(
                target=self._watch, args=(self._rows_due, self._look), name="live-models", daemon=True
            ),
            threading.Thread(
                target=self._watch, args=(self._marks_due, self.look_for_stops), name="stops", daemon=True
            ),
        ]  # fmt: skip

    def start(self) -> None:
        """Load what answers now, then keep watching. Raises Unavailable when the database does not answer."""
        self.refresh(candidates=False)
        self.look_for_stops()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the watch and what is being loaded; what is loaded stays until it is dropped with this object."""
        self._over = True
        self._rows_due.set()
        self._marks_due.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        # when nobody is left who could take it for a failure
        self._loader.stop()

    @property
    def alive(self) -> bool:
        """Whether the watch goes on."""
        return all(thread.is_alive() for thread in self._threads)

    def halt(self, stop: Stop) -> None:
        """Stop a rollout or all models in this process now, in the others within a second, then in the rows."""
        with self._swapping:
            # whoever stops all models again may do so before this process has heard of the release between
            if stop.target in self._stops and stop.target != KILLED:
                return
            self._stops[stop.target] = stop
            self._unmarked.append(stop)
        _log.warning("stopped", target=stop.target, actor=stop.actor.name, why=stop.reason)
        self._swap()
        self._marks_due.set()
        self._rows_due.set()

    def fail(self, loaded: Loaded, why: str) -> None:
        """A hard limit: this candidate answers nobody any more, and what it thinks about is ended.

        Who answers everything fails IN_A_ROW times first.
        """
        # as it stands now: what began with it before it took over, or was taken off, says nothing about who answers
        now = next(
            (one for one in self.standing.models if one.classifier is loaded.classifier), None
        )
        if now is None:
            return
        model = now.model
        if model.stage == "full":
            times = self._in_a_row.get(model.rollout_id, 0) + 1
            self._in_a_row[model.rollout_id] = times
            if times < IN_A_ROW or self.standing.previous is None:
                return
        self._fail(model, why)
        if loaded.bounded:
            loaded.classifier.engine.stop()

    def answered(self, loaded: Loaded) -> None:
        """It could answer: what it failed at before was no row of failures."""
        self._in_a_row.pop(loaded.model.rollout_id, None)

    def may_answer(self, by: Loaded | None) -> bool:
        """Whether neither its rollout nor all models are stopped; people (None) always may."""
        return by is None or not (self.standing.killed or by.model.rollout_id in self._stops)

    def is_marked(self, target: str) -> bool:
        """Whether nothing is left to put for it."""
        return all(one.target != target for one in self._unmarked)

    def refresh(self, *, candidates: bool = True) -> None:
        """Look at the rows and wait until all that they name is loaded or has failed. Raises Unavailable.

        Without `candidates` wait for those only that are at `full`.
        """
        while coming := self._look(candidates=candidates):
            for one in coming:
                one.wait()

    def look_for_stops(self) -> None:
        """Look at the storage once: put the marks of this process, find those of others. Raises Unavailable."""
        with self._marking:
            self._put_marks()
            changed = self._find_marks()
        if changed:
            self._swap()
            self._rows_due.set()

    def _look(self, *, candidates: bool = True) -> list[threading.Event]:
        """Look at the rows once, and swap when something has changed; what there is to wait for then."""
        # one look at a time: an older one must not have the last word
        with self._looking:
            self._refresh()
            if self._record():
                self._refresh()
            return self._loader.coming(candidates=candidates)

    def _put_marks(self) -> None:
        with self._swapping:
            unmarked = list(self._unmarked)
        for stop in unmarked:
            stops.put(self._objects, stop, self._clock())
            with self._swapping:
                self._unmarked.remove(stop)

    def _find_marks(self) -> bool:
        """Whether there is another mark, or one less, than before."""
        # also of the one before: it answers once the incumbent is stopped, whatever the rows say yet
        targets = {*_rollouts(self._seen), *_before(self._seen)} - set(self._stops)
        found = {target: stops.find(self._objects, target) for target in (*targets, KILLED)}
        with self._swapping:
            known = dict(self._stops)
            self._stops.update({target: one for target, one in found.items() if one is not None})
            # the mark for all models is the one that can be lifted
            if found[KILLED] is None and all(one.target != KILLED for one in self._unmarked):
                self._stops.pop(KILLED, None)
            return self._stops.keys() != known.keys()

    def _swap(self) -> None:
        with self._swapping:
            self.standing = standing.without(self._from_rows, set(self._stops))
            standing.tell(self.standing)

    def _record(self) -> bool:
        """Write into the rows what they do not say yet; whether there was anything."""
        with self._swapping:
            known = list(self._stops.values())
        wanted = set(_rollouts(self._seen)) | (set() if self._from_rows.killed else {KILLED})
        unwritten = [stop for stop in known if stop.target in wanted]
        for stop in unwritten:
            stops.record(self._database, stop, self._clock())
        return bool(unwritten)

    def _refresh(self) -> None:
        with self._database.read() as session:
            live = rollouts.live(session)
        now = self._clock()
        due = self._again_at is not None and self._again_at <= now
        if live == self._seen and not due and not self._loader.any_come:
            return
        before, self._from_rows = self._from_rows, self._stand(live)
        standing.end_those_that_left(before, self._from_rows)
        self._seen = live
        self._again_at = now + timedelta(seconds=RETRY_SECONDS) if self._from_rows.broken else None
        self._swap()

    def _watch(self, due: threading.Event, look: Callable[[], object]) -> None:
        while True:
            due.wait(self._poll_seconds)
            due.clear()
            if self._over:
                return
            try:
                look()
                metrics.LIVE_POLLS.labels("ok").inc()
            except StoreError:
                # the last known models go on; predictions say 503 by themselves while nothing can be kept
                metrics.LIVE_POLLS.labels("failed").inc()
            except Exception:  # noqa: BLE001  # whatever it was, the watch must go on
                metrics.LIVE_POLLS.labels("failed").inc()
                _log.exception("live_models_poll_failed")

    def _stand(self, live: Live) -> Standing:
        before, broken = self._from_rows, dict[int, str]()
        incumbent = self._load(live.incumbent, before, broken)
        candidate = self._load(live.candidate, before, broken)
        previous = self._load(live.previous, before, broken)
        self._loader.drop_others()
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
        return Standing(event_id, incumbent, candidate, live.killed, broken, previous)

    def _load(
        self, model: LiveModel | None, before: Standing, broken: dict[int, str]
    ) -> Loaded | None:
        if model is None:
            return None
        # a candidate's network runs where it may be ended: one that takes over is loaded anew
        bounded = model.stage != "full"
        for one in before.models:
            ended = one.bounded and one.model.rollout_id in self._stops
            same = one.model.bundle_digest == model.bundle_digest and one.bounded == bounded
            if same and not ended:
                return one.as_of(model)
        try:
            loaded = self._loader.load(model, before)
        except Exception as error:  # noqa: BLE001  # whatever a bundle does wrong, the model before it answers
            broken[model.number] = f"Version {model.number} cannot be loaded: {error}"
            metrics.MODEL_LOADS.labels("failed").inc()
            _log.error("model_load_failed", version=model.number, why=str(error))
            # a storage that is away, or a machine without room for a process, is not the candidate's fault
            # and who answers everything is not taken back by a bundle: the one that is loaded goes on
            if not isinstance(error, Unavailable | OSError) and model.stage != "full":
                self._fail(model, f"cannot be loaded: {error}")
            return None
        if loaded is not None:
            metrics.MODEL_LOADS.labels("loaded").inc()
            _log.info("model_loaded", version=model.number, bundle=model.bundle_digest)
        elif model.number in before.broken:
            # tried again, it is broken until it is there
            broken[model.number] = before.broken[model.number]
        return loaded

    def _fail(self, model: LiveModel, why: str) -> None:
        metrics.HARD_LIMITS.inc()
        reason = f"A hard limit: {why}"[:1000]
        self.halt(Stop(model.rollout_id, HARD_LIMITS, reason, self._clock()))


def _before(live: Live | None) -> list[str]:
    return [live.previous.rollout_id] if live is not None and live.previous is not None else []


def _rollouts(live: Live | None) -> list[str]:
    """Those that can be stopped."""
    both = (live.incumbent, live.candidate) if live is not None else ()
    return [one.rollout_id for one in both if one is not None]
