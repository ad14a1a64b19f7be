"""Bytes that no row names: a picture is kept before its row, which a database that was away, or a kill, has then prevented.

They are people's pictures as any others are. A day later, when whoever sent one has long been told, they are retired as a
picture whose row went (`store.retired`): also one that is sent again in that moment is not lost. What a kill has left half
written goes at once.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select

from store.database import Database, insert_new
from store.objects import Objects
from store.tables import RetiredPicture, StoredPicture

# far longer than any request, and than the time in which a server may still write what it had begun
AGE = timedelta(days=1)
# the folders in which pictures lie; a batch is as many of them as hold so many files
PARTS = tuple(f"{number:02x}" for number in range(256))
MANY = 2000


def retire(
    database: Database, objects: Objects, after: str, now: datetime
) -> tuple[int, str | None]:
    """Retire what has lain for `AGE` without a row, in a batch of parts; how many pictures those are, and after which part
    the next batch begins (None: this was the last). Raises Unavailable.
    """
    found = looked = 0
    for part in (one for one in PARTS if one > after):
        for some in objects.listed(f"pictures/{part}"):
            old = [one for one in some if one.at < now - AGE]
            for one in old:
                if one.is_unfinished:
                    objects.remove(one.key)
            found += _retire(database, [one.name for one in old if not one.is_unfinished], now)
            looked += len(some)
        if looked >= MANY:
            return found, part
    return found, None


def _retire(database: Database, digests: Iterable[str], now: datetime) -> int:
    strays = set(digests)
    if not strays:
        return 0
    with database.read() as session:
        for table in (StoredPicture, RetiredPicture):
            strays -= set(session.scalars(select(table.digest).where(table.digest.in_(strays))))
    if not strays:
        return 0
    with database.write() as session:
        rows = [{"digest": digest, "retired_at": now} for digest in sorted(strays)]
        return insert_new(session, RetiredPicture, rows)
