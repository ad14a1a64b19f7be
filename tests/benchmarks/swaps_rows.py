"""The database and the bundles under `make bench-swaps`, as a second process sees and changes them.

Moves are made in the rows, as the acts make them; bundles are registered as they come out of training, some of them
broken. And what was told is held against what was kept.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast, get_args

import numpy as np
import onnx
from onnx import numpy_helper

from classifier.classifier import Classifier
from classifier.pictures import open_picture
from service.clock import wall_clock
from store import heartbeats, models, people, predictions, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.errors import Conflict
from store.models import NewBacktest, NewVersion
from store.objects import Objects
from store.rollouts import Actor
from tests.benchmarks.networks import Misbehaviour, misbehaving_network
from tests.benchmarks.under_load import Ready
from tests.toy import CLASSES, toy_bundle, toy_contents, toy_network

ACTOR = Actor("system", "benchmark")
# bundles that must never become live: broken, not answering as tested, or misbehaving while that is tried
BAD = ("damaged", "differs", "endless", *get_args(Misbehaviour))


@dataclass(frozen=True)
class Told:
    """One answer: which picture was sent, and what came back; status 0 where nothing did."""

    picture: int
    status: int
    answer: dict[str, Any]


class Rows:
    """The database and the bundles, as a second process sees them."""

    def __init__(self, ready: Ready) -> None:
        self.database = Database(ready.running.database_url)
        self._folder = ready.running.folder
        self._storage = self._folder / "storage"
        self._store = BundleStore(Objects(str(self._storage)), self._folder / "fetched")
        self._numbers = count(1)

    def key(self, name: str = "swaps", role: str = "consumer") -> str:
        """A new consumer's."""
        key, now = people.new_key(), wall_clock()
        with self.database.write() as session:
            people.add_key(session, people.add_consumer(session, name, now), key, role, now)
        return key

    def prepared(self, number: int, against: int) -> None:
        """What the retrain program and monitoring would have said before a version goes its way."""
        now = wall_clock()
        with self.database.write() as session:
            version, other = (models.by_number(session, one).id for one in (number, against))
            told = NewBacktest(version, other, "cannot_tell", 90, 0.9, 0.9, 0.0, -0.1, 0.1, {})
            models.add_backtest(session, told, now)
        heartbeats.beat(self.database, "monitoring", "a benchmark", {}, now)

    def is_on_its_way(self) -> bool:
        """Whether a candidate is."""
        with self.database.read() as session:
            return rollouts.live(session).candidate is not None

    def register(self, name: str, **changes: Any) -> int:
        """A version of the toy bundle with these changes; its number."""
        folder = self._folder / f"{name}-{next(self._numbers)}"
        digest = self._store.keep(toy_bundle(folder, **changes))
        with self.database.write() as session:
            new = NewVersion(digest, 1, list(CLASSES), {"about": name})
            return models.register(session, new, wall_clock()).number

    def damaged(self) -> int:
        """A version one byte of whose network was altered in the storage."""
        number = self.register("damaged", seed=3)
        digest = self._digest(number)
        file = next(one for one in self._storage.rglob("network.onnx") if digest in str(one))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        return number

    def opinions(self, number: int, files: Sequence[bytes]) -> list[dict[str, float]]:
        """What a version says about each file, by class."""
        loaded = Classifier.load(self._store.fetch(self._digest(number)))
        return [loaded.opine(open_picture(one)).probabilities for one in files]

    def newest_event(self) -> int:
        """The id of the newest rollout event."""
        with self.database.read() as session:
            return rollouts.live(session).event_id

    def promote(self, number: int) -> tuple[int, str]:
        """Let a version answer; the ids of the newest event then and of the rollout."""
        now = wall_clock()
        with self.database.write() as session:
            version = models.by_number(session, number)
            rollout = rollouts.open_rollout(session, version.id, ACTOR, "benchmark", now)
            rollouts.move(session, rollout.id, "promote", ACTOR, "benchmark", now)
            return rollouts.live(session).event_id, rollout.id

    def revert(self, rollout_id: str) -> int:
        """Take it back; the id of the newest event then."""
        with self.database.write() as session:
            rollouts.move(session, rollout_id, "revert", ACTOR, "benchmark", wall_clock())
            return rollouts.live(session).event_id

    @contextmanager
    def put_back(self, number: int, *, again: bool = True) -> Iterator[list[str]]:
        """A version runs alongside; `again` a second after it was taken off its way. The ids of its rollouts."""
        over, times = threading.Event(), list[str]()

        def put() -> None:
            while not over.wait(1.0):
                try:
                    with self.database.write() as session:
                        version = models.by_number(session, number)
                        rollout = rollouts.open_rollout(
                            session, version.id, ACTOR, "benchmark", wall_clock()
                        )
                        identity = rollout.id
                    times.append(identity)
                    if not again:
                        return
                except Conflict:
                    continue  # it is still on its way

        putting = threading.Thread(target=put)
        putting.start()
        try:
            yield times
        finally:
            over.set()
            putting.join()
        self._take_off()

    def differing(self, told: Sequence[Told], answering: Mapping[int, set[int]], base: int) -> int:
        """Answers whose row says something else; `answering` has the versions that may, by the newest event.

        An event that nobody here has made is a hard limit, and `base` answers then.
        """
        wrong = 0
        with self.database.read() as session:
            numbers = {one.id: one.number for one in models.newest_first(session, 100)}
            for one in told:
                if one.status != 200:
                    continue
                row = predictions.get(session, one.answer["id"])
                said = (row.label, row.confidence, row.probabilities, row.stage)
                given = (one.answer["label"], one.answer["confidence"], one.answer["probabilities"])
                version = numbers.get(row.model_version_id or "")
                wrong += (
                    said != (*given, one.answer["stage"])
                    or version != one.answer["model_version"]
                    or version not in answering.get(row.rollout_event_id or 0, {base})
                )
        return wrong

    def _take_off(self) -> None:
        with self.database.write() as session:
            live = rollouts.live(session)
            if live.candidate is not None:
                rollouts.move(
                    session, live.candidate.rollout_id, "withdraw", ACTOR, "over", wall_clock()
                )

    def _digest(self, number: int) -> str:
        with self.database.read() as session:
            return models.by_number(session, number).bundle_digest


def spoil(rows: Rows, how: str) -> int:
    """A version that must never become live; its number."""
    if how == "damaged":
        return rows.damaged()
    if how == "differs":
        return rows.register("differs", samples=lying())
    if how == "endless":
        return rows.register("endless", network=no_numbers(), seed=4)
    said = cast(Misbehaviour, how)
    network = misbehaving_network(said, always=True)
    return rows.register(f"proof-{how}".replace(" ", "-"), network=network, seed=5)


def lying() -> list[Any]:
    """The toy's samples with the answers of another class."""
    samples = toy_contents().samples
    return [
        replace(
            one, probabilities=dict(zip(CLASSES, [*one.probabilities.values()][::-1], strict=True))
        )
        for one in samples
    ]


def no_numbers() -> bytes:
    """The toy network with a weight that is not a number."""
    model = onnx.load_from_string(toy_network(len(CLASSES)))
    for weight in model.graph.initializer:
        if weight.name == "head":
            numbers = numpy_helper.to_array(weight).copy()
            numbers[0, 0] = np.nan
            weight.CopyFrom(numpy_helper.from_array(numbers, "head"))
    content: bytes = model.SerializeToString()
    return content
