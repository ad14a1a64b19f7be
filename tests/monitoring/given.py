"""What tests of the monitoring loop begin with: a toy model that answers, pictures it has answered, a clock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from classifier.classifier import Classifier, Opinion
from classifier.pictures import open_picture
from monitoring.monitor import Monitor
from monitoring.references import References
from monitoring.settings import MonitoringSettings
from store import models, rollouts
from store.bundles import BundleStore
from store.database import Database
from store.objects import Objects
from store.prediction_log import Entry, NewPrediction
from store.reviews import NewReview
from store.rollouts import Actor
from store.settings import StoreSettings
from store.tables import ModelVersion
from tests.store import given as store_given
from tests.store.given import NOW, digest, keep
from tests.toy import CLASSES, Shift, draw

SECRET = "a secret of the tests that is long enough"


class Clock:
    """Time that stands still until a test lets it pass."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        """Let time pass, by the arguments of timedelta."""
        self.now += timedelta(**time)


def settings(database_url: str, folder: Path, **changes: Any) -> MonitoringSettings:
    """Windows of 60 pictures, of which 20 are enough; no metrics."""
    store = StoreSettings(database_url, str(folder / "storage"), SECRET)
    quick = {"window_predictions": 60, "window_minimum": 20, "monitoring_poll_seconds": 0.05}
    # what a test writes is committed before it looks
    quick |= {"window_settle_seconds": 0.0, "null_replay_windows": 20}
    return MonitoringSettings(store=store, bundle_cache=folder / "cache", **{**quick, **changes})


class Watched:
    """A monitor over a database in which a toy model answers at `full`."""

    def __init__(self, database: Database, folder: Path, **changes: Any) -> None:
        self.database, self.folder, self.clock = database, folder, Clock()
        self.settings = settings(database.url, folder, **changes)
        self.storage = folder / "storage"
        self.bundles = BundleStore(Objects(str(self.storage)), folder / "cache")
        self.monitor = self.another("monitor one")
        self.answered = 0
        with database.write() as session:
            self.consumer = store_given.consumer(session)

    def another(self, name: str) -> Monitor:
        """One more monitor over the same database, with its own local copies of bundles."""
        bundles = BundleStore(Objects(str(self.storage)), self.folder / f"cache of {name}")
        return Monitor(self.settings, self.clock, self.database, References(bundles), name)

    def promote(self, bundle: Path, training_set_id: str | None = None) -> ModelVersion:
        """Let a bundle answer."""
        kept, actor = self.bundles.keep(bundle), Actor("system", "a test")
        with self.database.write() as session:
            new = models.NewVersion(kept, 1, list(CLASSES), {}, training_set_id)
            version = models.register(session, new, self.clock())
            rollout = rollouts.open_rollout(session, version.id, actor, "new", self.clock())
            rollouts.move(session, rollout.id, "promote", actor, "try", self.clock())
        return version

    def answer(
        self,
        version: ModelVersion,
        opinions: Sequence[Opinion],
        lane: str | None = None,
        **changes: Any,
    ) -> None:
        """Predictions of `version`, a second apart, ending now; people are asked about them if a lane is named."""
        count = len(opinions)
        self.clock.pass_by(seconds=count)
        entries = []
        for place, opinion in enumerate(opinions):
            self.answered += 1
            made = self.clock() - timedelta(seconds=count - 1 - place)
            row = replace(self._row(version, opinion, made), **changes)
            picture = replace(store_given.picture(self.answered), digest=row.picture_digest)
            review = lane and NewReview(row.id, row.picture_digest, lane, ("audit",))
            entries.append(Entry(row, picture, review=review or None))
        keep(self.database, entries)

    def _row(self, version: ModelVersion, opinion: Opinion, made: datetime) -> NewPrediction:
        domain = opinion.domain
        offset = int((made - NOW).total_seconds())
        row = store_given.prediction(self.consumer, offset, picture_digest=digest(self.answered))
        return replace(
            row,
            label=opinion.label,
            confidence=opinion.confidence,
            model_version_id=version.id,
            properties=dict(opinion.properties),
            look_score=domain.look_score,
            look_p=domain.look_p,
            feature_score=domain.feature_score,
            feature_p=domain.feature_p,
            domain_score=domain.score,
            domain_p=domain.p,
            inside=domain.inside,
            features=opinion.projected,
        )


@lru_cache(maxsize=8)
def opinions(bundle: Path, count: int, first: int = 0, shift: Shift = "none") -> list[Opinion]:
    """What the toy says of pictures that nobody has seen, or of shifted ones."""
    classifier = Classifier.load(bundle)
    numbers = range(first, first + count)
    pictures = [draw(number % len(CLASSES), number, shift=shift) for number in numbers]
    return [classifier.opine(open_picture(picture)) for picture in pictures]
