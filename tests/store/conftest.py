"""What tests of backups begin with: a storage that a database knows, and an empty database of the same kind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from store import models
from store.bundles import BundleStore
from store.database import Database
from store.objects import Objects
from store.pictures import PictureStore
from tests.conftest import lacking
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


@pytest.fixture
def empty_url(database: Database, tmp_path: Path) -> Iterator[str]:
    """An empty database of the same kind."""
    if database.is_sqlite:
        yield f"sqlite:///{tmp_path / 'again' / 'ursa.db'}"
        return
    if shutil.which("pg_restore") is None:
        lacking("PostgreSQL's client programs")
    url = make_url(database.url).set(database="ursa_brought_back")
    _statement(database.url, 'CREATE DATABASE "ursa_brought_back"')
    yield url.render_as_string(hide_password=False)
    _statement(database.url, 'DROP DATABASE "ursa_brought_back" WITH (FORCE)')


def _statement(url: str, statement: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement)
