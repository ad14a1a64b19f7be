"""Who answers and who runs alongside, as of one moment: what every request takes once and keeps to its end.

Order: `service.live` makes one from the rows, `without` takes out what has been stopped since. Nothing here looks
anywhere. What changes are processes of candidates: whether one may be held, and that one which has left ends.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from classifier.classifier import Classifier
from classifier.engine_process import EngineProcess
from service import metrics
from store.rollouts import LiveModel
from store.stops import KILLED

# longer than a request waits for a candidate, as the settings come; who still waits then is answered by the incumbent
LEAVE_SECONDS = 10.0


@dataclass(frozen=True)
class Loaded:
    """A model version with its network in memory, from `folder`; `bounded`: as a candidate's."""

    model: LiveModel
    classifier: Classifier
    bounded: bool = False
    folder: Path | None = None

    def as_of(self, model: LiveModel) -> "Loaded":
        """The same, as the rows have its rollout now: who may answer somebody is not held."""
        if isinstance(self.classifier.engine, EngineProcess):
            self.classifier.engine.let_hold(model.stage == "manual")
        return replace(self, model=model)


@dataclass(frozen=True)
class Standing:
    """`event_id` is 0 before the first rollout event; `previous` comes back when the incumbent is taken back.

    `broken` says in a sentence, by version number, which bundles could not be loaded.
    """

    event_id: int
    incumbent: Loaded | None
    candidate: Loaded | None
    killed: bool
    broken: dict[int, str]
    previous: Loaded | None = None

    @property
    def models(self) -> tuple[Loaded, ...]:
        """The models that run, the one that answers first."""
        all_of_them = (self.incumbent, self.candidate, self.previous)
        return tuple(one for one in all_of_them if one is not None)

    def now(self, loaded: Loaded) -> Loaded | None:
        """The same network, as its rollout stands now; None where it has left."""
        return next((one for one in self.models if one.classifier is loaded.classifier), None)


NOBODY = Standing(0, None, None, False, {})


def without(standing: Standing, stopped: Collection[str]) -> Standing:
    """The same without the rollouts that were stopped; where the incumbent was, the one before it answers."""
    incumbent, candidate, previous = (
        None if one is not None and one.model.rollout_id in stopped else one
        for one in (standing.incumbent, standing.candidate, standing.previous)
    )
    if incumbent is None and standing.incumbent is not None:
        incumbent, previous = previous, None
    return replace(
        standing,
        incumbent=incumbent,
        candidate=candidate,
        previous=previous,
        killed=standing.killed or KILLED in stopped,
    )


def end_those_that_left(before: Standing, after: Standing) -> None:
    """What began with a candidate that runs no more has a while for it: one that hangs would be in the way of the next."""
    for one in before.models:
        if after.now(one) is None and isinstance(one.classifier.engine, EngineProcess):
            one.classifier.engine.stop_within(LEAVE_SECONDS)


def tell(standing: Standing) -> None:
    """Set the gauges."""
    for role, one in (("incumbent", standing.incumbent), ("candidate", standing.candidate)):
        metrics.LIVE_MODEL_VERSION.labels(role).set(one.model.number if one else 0)
    metrics.MODELS_BROKEN.set(len(standing.broken))
    metrics.MODELS_KILLED.set(standing.killed)
