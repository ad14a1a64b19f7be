"""Models on their way into memory: fetched, read, started and proved, each in a thread of its own.

Who follows the rows asks for them at every look and waits for none: one that hangs keeps nobody else, and is ended when
nobody asks for it any more. A network that has not proved itself yet runs in a process that may be ended, where there are
such; only what has is loaded where all are that answer everything. Nothing here says who answers.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, Thread

from classifier.bundle import Bundle, BundleError, read_bundle
from classifier.classifier import Classifier
from classifier.engine_process import EngineProcess, EngineProcesses
from service.standing import Loaded, Standing
from store.bundles import BundleStore
from store.rollouts import LiveModel

# at the end, for threads that have nothing to wait for but the storage
END_SECONDS = 5.0

# a bundle's digest, and whether it is a candidate's
Wanted = tuple[str, bool]


class Loader:
    """Asked by one thread at a time; `processes` and `get_ready` are those of `LiveModels`.

    `come` is told whenever one may be had, or has failed.
    """

    def __init__(
        self,
        bundles: BundleStore,
        processes: EngineProcesses | None,
        get_ready: Callable[[Path], None],
        come: Callable[[], None],
    ) -> None:
        self._bundles, self._processes = bundles, processes
        self._get_ready, self._come = get_ready, come
        self._loads: dict[Wanted, _Load] = {}
        self._asked = set[Wanted]()

    def load(self, model: LiveModel, before: Standing) -> Loaded | None:
        """To be had once; None while it is on its way. Raises whatever it failed at."""
        digest, bounded = model.bundle_digest, model.stage != "full"
        alongside = [one.classifier for one in before.models if one.model.bundle_digest == digest]
        # what has run alongside and takes over has proved itself
        proved = alongside[0] if alongside and not bounded else self._take((digest, bounded))
        if proved is None:
            return None
        folder = proved.bundle.folder
        if self._processes is not None and not bounded:
            proved = Classifier.of(proved.bundle)
            self._get_ready(folder)
        return Loaded(model, proved, bounded, folder)

    def drop_others(self) -> None:
        """End those that nobody has asked for since this was called last."""
        for wanted in self._loads.keys() - self._asked:
            self._loads.pop(wanted).stop()
        self._asked.clear()

    @property
    def any_come(self) -> bool:
        """Whether there is one to take, or a failure to be told of."""
        return any(one.outcome is not None for one in self._loads.values())

    def coming(self, *, candidates: bool) -> list[Event]:
        """For each that is on its way, with or without candidates: what is set when it is there."""
        return [one.done for (_, bounded), one in self._loads.items() if candidates or not bounded]

    def stop(self) -> None:
        """End all; nobody may ask any more."""
        for one in self._loads.values():
            one.stop()
        for one in self._loads.values():
            one.thread.join(END_SECONDS)

    def _take(self, wanted: Wanted) -> Classifier | None:
        self._asked.add(wanted)
        load = self._loads.get(wanted)
        if load is None:
            self._loads[wanted] = _Load(partial(self._load, wanted), self._come)
            return None
        if load.outcome is None:
            return None
        del self._loads[wanted]
        if isinstance(load.outcome, Exception):
            raise load.outcome
        return load.outcome

    def _load(self, wanted: Wanted, begun: Callable[[EngineProcess], None]) -> Classifier:
        digest, bounded = wanted
        bundle = self._read(digest)
        if self._processes is None:
            return Classifier.of(bundle)
        # who is to answer everything is proved as those who answer compute: a busy machine does not keep it away
        start = partial(self._processes.start, last=bounded, begun=begun)
        proved = Classifier.of(bundle, start=start)
        if bounded and isinstance(proved.engine, EngineProcess):
            proved.engine.go_last()
        return proved

    def _read(self, digest: str) -> Bundle:
        """Raises BundleError: then it is the stored bundle that is bad, and not a copy of it."""
        try:
            return read_bundle(self._bundles.fetch(digest), digest)
        except (BundleError, OSError):
            return read_bundle(self._bundles.fetch(digest, anew=True), digest)


class _Load:
    """One bundle that is being loaded; `outcome` is there once `done` is set."""

    def __init__(
        self,
        load: Callable[[Callable[[EngineProcess], None]], Classifier],
        come: Callable[[], None],
    ) -> None:
        self.outcome: Classifier | Exception | None = None
        self.done = Event()
        self._load, self._come = load, come
        self._process: EngineProcess | None = None
        self._over = False
        self.thread = Thread(target=self._run, name="loading", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End its process, also one that begins only now."""
        self._over = True
        self._end()

    def _run(self) -> None:
        try:
            self.outcome = self._load(self._begun)
        except Exception as error:  # noqa: BLE001  # whatever a bundle does wrong, the model before it answers
            self._end()
            # what it went through on its way holds the network
            self.outcome = error.with_traceback(None)
        self.done.set()
        self._come()

    def _begun(self, process: EngineProcess) -> None:
        self._process = process
        # in this order, as `stop` has the other one: one of the two sees both
        if self._over:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.stop()
