"""Bytes that no row names, by the storage's own list: what a kill between a picture and its row has left.

A service notes those that it knows of (`store.retired`); one that was killed cannot. They are told and not taken: another
database, a copy that somebody tries a restore with, say, may name what lies in the same storage.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select

from store.database import Database
from store.objects import Objects
from store.tables import RetiredPicture, StoredPicture

# far longer than any request, and than the time in which a server may still write what it had begun
AGE = timedelta(days=1)
# the folders in which pictures lie
PARTS = tuple(f"pictures/{number:02x}" for number in range(256))
# files in a batch
MANY = 5000


def count(database: Database, objects: Objects, now: datetime) -> int:
    """Pictures that have lain there for `AGE` and that no row names. Raises Unavailable."""
    found = 0
    for part in PARTS:
        for some in objects.listed(part):
            old = {one.name for one in some if one.at < now - AGE and not one.is_unfinished}
            found += len(old - _named(database, old)) if old else 0
    return found


def tidy(objects: Objects, after: str, now: datetime) -> str | None:
    """Remove what a kill has left half written, which nothing will ever name, in a batch of parts; behind which the next
    batch begins (None: that was all). Raises Unavailable.
    """
    # only in a folder is anything written by halves
    looked = 0
    for part in (one for one in PARTS if one > after and objects.folder is not None):
        for some in objects.listed(part):
            looked += len(some)
            for one in some:
                if one.is_unfinished and one.at < now - AGE:
                    objects.remove(one.key)
        if looked >= MANY:
            return part
    return None


def _named(database: Database, digests: Collection[str]) -> set[str]:
    with database.read() as session:
        return {
            digest
            for table in (StoredPicture, RetiredPicture)
            for digest in session.scalars(select(table.digest).where(table.digest.in_(digests)))
        }
