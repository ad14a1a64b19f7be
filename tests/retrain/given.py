"""What tests of retraining begin with: a program in a folder, toy pictures, versions, and what people said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from classifier.pictures import open_picture
from retrain.program import Program
from retrain.settings import RetrainSettings
from store import labels, models, pictures, reviews, rollouts, training_sets
from store.bundles import BundleStore
from store.database import Database
from store.labels import Answer
from store.objects import Objects
from store.pictures import NewPicture, PictureStore
from store.rollouts import Actor
from store.settings import StoreSettings
from store.tables import ModelVersion
from store.training_sets import Row
from tests.store import given as store_given
from tests.store.given import later
from tests.toy import draw, toy_bundle

CLASSES = ("blue", "red")
# in tests.toy.draw, colours are numbered: 0 is red, 1 is blue
COLOUR = {"red": 0, "blue": 1}
ME = Actor("command", "a test")


class Clock:
    """A second later each time it is asked, so that rows have an order."""

    def __init__(self) -> None:
        self._ticks = count()

    def __call__(self) -> datetime:
        return later(days=1, seconds=next(self._ticks))


def program_in(folder: Path, database: Database, **settings: Any) -> Program:
    """A program whose pictures and bundles lie in `folder`."""
    objects = Objects(str(folder / "storage"))
    store = StoreSettings(database.url, str(folder / "storage"), "s" * 32)
    small = RetrainSettings(
        store,
        bundle_cache=folder / "bundles",
        device="cpu",
        **{"threads": 1, "epochs": 1, "batch_size": 16, "poll_seconds": 0.05, **settings},
    )
    return Program(
        settings=small,
        clock=Clock(),
        database=database,
        pictures=PictureStore(objects),
        bundles=BundleStore(objects, small.bundle_cache),
    )


def toy_folder(root: Path, per_class: int = 30, first: int = 0) -> Path:
    """A folder of class folders with toy pictures, by rising seeds."""
    for name, colour in COLOUR.items():
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            (root / name / f"{number}.png").write_bytes(draw(colour, first + number))
    return root


@dataclass
class World:
    """A program, and the people and consumers of its store. Seconds go on with each thing said."""

    program: Program
    second: int = 0
    consumer: str = ""
    person: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.program.database.write() as session:
            self.consumer = store_given.consumer(session)
            self.person = store_given.person(session)

    def keep(self, data: bytes) -> str:
        """Bytes and row of a picture for training; its digest."""
        digest = self.program.pictures.keep(data)
        opened = open_picture(data)
        row = NewPicture(digest, opened.format, len(data), opened.width, opened.height)
        with self.program.database.write() as session:
            pictures.record(session, [row], "training", later())
        return digest

    def say(self, data: bytes, label: str, *, audited: bool = False, blind: bool = True) -> str:
        """A picture is asked about, and a person settles what it shows; its digest."""
        self.second += 1
        digest = self.program.pictures.keep(data)
        lane = "audit" if audited else "rule"
        entry = store_given.entry(
            self.consumer, self.second, lane, picture_digest=digest, audited=audited
        )
        store_given.keep(self.program.database, [entry])
        return self._answer(entry.prediction.id, digest, label, blind)

    def _answer(self, prediction_id: str, digest: str, label: str, blind: bool) -> str:
        now = later(hours=1, seconds=self.second)
        with self.program.database.write() as session:
            held = reviews.lease_next(session, self.person, now)
            assert held is not None
            assert held.picture_digest == digest
            if not blind:
                reviews.saw_answer(session, digest, self.person, now)
            answer = Answer(held.review_id, self.person, held.token, "class", label, prediction_id)
            labels.give(session, answer, [*CLASSES, "green"], now)
        return digest

    def version(
        self, rows: Sequence[Row] = (), stage: str | None = "full", **bundle: Any
    ) -> ModelVersion:
        """A registered toy version that was trained on `rows`, at `full`, in `manual` or nowhere."""
        self.second += 1
        now = later(seconds=self.second)
        folder = self.program.settings.bundle_cache.parent / f"made-{self.second}"
        toy_bundle(folder, CLASSES, **{"order": (1, 0), **bundle})
        with self.program.database.write() as session:
            trained_on = training_sets.freeze(session, CLASSES, rows, now) if rows else None
            new = models.NewVersion(
                self.program.bundles.keep(folder),
                1000,
                list(CLASSES),
                {},
                training_set_id=trained_on.id if trained_on else None,
            )
            version = models.register(session, new, now)
            if stage is not None:
                rollout = rollouts.open_rollout(session, version.id, ME, "a test", now)
                if stage == "full":
                    rollouts.move(session, rollout.id, "promote", ME, "a test", now)
        return version


def changed(program: Program, **settings: Any) -> Program:
    """The same program with other settings."""
    return replace(program, settings=replace(program.settings, **settings))
