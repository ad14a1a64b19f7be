"""What a retrain process holds while it runs: the ways to rows, to pictures and to bundles."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from retrain.settings import RetrainSettings
from store import migrate
from store.bundles import BundleStore
from store.database import Database
from store.pictures import PictureStore, storage_of

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Program:
    """Everything that commands and jobs need."""

    settings: RetrainSettings
    clock: Clock
    database: Database
    pictures: PictureStore
    bundles: BundleStore


@contextmanager
def open_program(settings: RetrainSettings, clock: Clock) -> Iterator[Program]:
    """Raises a StoreError with one sentence when the database or the storage cannot be used."""
    database = Database(settings.store.database_url)
    try:
        migrate.check(database)
        objects = storage_of(database, settings.store.storage_url)
        objects.probe()
        yield Program(
            settings=settings,
            clock=clock,
            database=database,
            pictures=PictureStore(objects),
            bundles=BundleStore(objects, settings.bundle_cache),
        )
    finally:
        database.dispose()
