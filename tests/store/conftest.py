"""What tests of backups begin with: a storage that a database knows."""

from pathlib import Path

import pytest

from store import models
from store.bundles import BundleStore
from store.database import Database
from store.objects import Objects
from store.pictures import PictureStore
from tests.store import given
from tests.store.given import NOW
from tests.toy import toy_bundle

PICTURES = [f"picture {number}".encode() for number in range(3)]


@pytest.fixture
def storage(database: Database, tmp_path: Path) -> Path:
    """A storage with three pictures and a bundle, and a database that knows them."""
    folder = tmp_path / "storage"
    store = PictureStore(Objects(str(folder)))
    bundle = BundleStore(Objects(str(folder)), tmp_path / "cache").keep(
        toy_bundle(tmp_path / "toy")
    )
    with database.write() as session:
        models.register(session, models.NewVersion(bundle, 1, ["bear", "teddy"], {}), NOW)
        consumer = given.consumer(session)
    entries = [
        given.entry(consumer, number, picture_digest=store.keep(data))
        for number, data in enumerate(PICTURES)
    ]
    given.keep(database, entries)
    return folder
