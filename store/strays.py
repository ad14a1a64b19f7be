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


def count(database: Database, objects: Objects, now: datetime) -> int:
    """Pictures that have lain there for `AGE` and that no row names. Raises Unavailable."""
    found = 0
    for part in PARTS:
        for some in objects.listed(part):
            old = {one.name for one in some if one.at < now - AGE and not one.is_unfinished}
            found += len(old - _named(database, old)) if old else 0
    return found


def tidy(objects: Objects, now: datetime) -> int:
    """Remove what a kill has left half written, which nothing will ever name; how many files. Raises Unavailable."""
    removed = 0
    for part in PARTS:
        for some in objects.listed(part):
            for one in some:
                if one.is_unfinished and one.at < now - AGE:
                    objects.remove(one.key)
                    removed += 1
    return removed


def _named(database: Database, digests: Collection[str]) -> set[str]:
    with database.read() as session:
        return {
            digest
            for table in (StoredPicture, RetiredPicture)
            for digest in session.scalars(select(table.digest).where(table.digest.in_(digests)))
        }
