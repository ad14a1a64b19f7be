"""Find pictures and bundles whose bytes are gone or are not those that were kept.

Order: the names of what must be there, from the rows, some hundred at a time; then every byte of it, against its
digest. It reads everything and changes nothing, and no transaction is open while it reads.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database import Database
from store.errors import NotFound
from store.objects import Objects
from store.pictures import PictureStore, key_of
from store.tables import StoredBundle, StoredPicture

PAGE = 500


@dataclass(frozen=True)
class Fault:
    """One picture, or one file of a bundle, by its key in the storage."""

    key: str
    what: Literal["missing", "altered"]


def scrub(database: Database, objects: Objects) -> Iterator[Fault | None]:
    """One element for each picture and each bundle file: None when it is right. Raises Unavailable."""
    yield from compare(pictures(database), bundles(database), objects)


def compare(
    pictures: Iterable[str], bundles: Iterable[str], objects: Objects
) -> Iterator[Fault | None]:
    """The same for pictures and bundles by their digests."""
    kept = PictureStore(objects)
    for digest in pictures:
        # wherever they lie: retention lays bytes aside for a day, and somebody may have sent them again
        yield _fault(partial(kept.read, digest), key_of(digest), digest)
    for digest in bundles:
        yield from _bundle(objects, digest)


def pictures(database: Database) -> Iterator[str]:
    """The digest of every picture that has a row, in their order."""
    after = ""
    while True:
        with database.read() as session:
            page = _page(session, after)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]


def bundles(database: Database) -> list[str]:
    """The digest of every bundle that has a row."""
    with database.read() as session:
        return list(session.scalars(select(StoredBundle.digest).order_by(StoredBundle.digest)))


def bundle_files(objects: Objects, digest: str) -> dict[str, str]:
    """Digest by key of every file that a bundle's manifest names, the manifest last.

    Raises NotFound without a manifest, ValueError for one that is not the bundle's.
    """
    key = f"bundles/{digest}/manifest.json"
    manifest = objects.get(key)
    if hashlib.sha256(manifest).hexdigest() != digest:
        raise ValueError("not the manifest of this bundle")
    named = json.loads(manifest)["files"]
    return {f"bundles/{digest}/{name}": one["sha256"] for name, one in named.items()} | {
        key: digest
    }


def _page(session: Session, after: str) -> list[str]:
    query = select(StoredPicture.digest).where(StoredPicture.digest > after)
    return list(session.scalars(query.order_by(StoredPicture.digest).limit(PAGE)))


def _bundle(objects: Objects, digest: str) -> Iterator[Fault | None]:
    key = f"bundles/{digest}/manifest.json"
    try:
        files = bundle_files(objects, digest)
    except NotFound:
        yield Fault(key, "missing")
    except ValueError:
        yield Fault(key, "altered")
    else:
        for name, expected in files.items():
            yield _fault(partial(objects.get, name), name, expected)


def _fault(read: Callable[[], bytes], key: str, digest: str) -> Fault | None:
    try:
        data = read()
    except NotFound:
        return Fault(key, "missing")
    return None if hashlib.sha256(data).hexdigest() == digest else Fault(key, "altered")
