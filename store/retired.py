"""The bytes of pictures whose rows are gone: laid aside for a day, then removed. Rows first, bytes after.

Somebody may send the same picture in the very moment in which its bytes go: it finds them there, writes nothing, and
commits its row afterwards. So bytes are laid aside first, where `PictureStore.read` still finds them, and a day later,
when that request has long ended, the rows say whether they are put back or removed. Every step may be done twice,
by two monitors, and be cut off anywhere.
"""

import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from store.database import Database, insert_new
from store.errors import NotFound
from store.objects import Objects
from store.pictures import aside, key_of
from store.tables import RetiredPicture, StoredPicture

ASIDE = timedelta(days=1)
PAGE = 200


def retire(session: Session, digests: Collection[str], now: datetime) -> int:
    """Let those go that no row names; how many are new among them."""
    leaving = set(digests) - _known(session, list(digests))
    rows = [{"digest": digest, "retired_at": now} for digest in sorted(leaving)]
    return insert_new(session, RetiredPicture, rows)


def lay_aside(database: Database, objects: Objects, now: datetime) -> int:
    """Lay a batch of bytes aside; how many pictures were looked at."""
    with database.read() as session:
        digests = _page(session, RetiredPicture.moved_at.is_(None))
        known = _known(session, digests)
    leaving = [digest for digest in digests if digest not in known]
    for digest in leaving:
        # not found: laid aside before, and not written down
        with suppress(NotFound):
            objects.put(aside(digest), objects.get(key_of(digest)))
        objects.remove(key_of(digest))
    with database.write() as session:
        session.execute(
            update(RetiredPicture).where(RetiredPicture.digest.in_(leaving)).values(moved_at=now)
        )
        # sent again since its row went
        session.execute(delete(RetiredPicture).where(RetiredPicture.digest.in_(known)))
    return len(digests)


def forget(database: Database, objects: Objects, now: datetime) -> int:
    """Remove a batch that has lain aside for a day, or put back what was sent again; how many were looked at."""
    with database.read() as session:
        digests = _page(session, RetiredPicture.moved_at <= now - ASIDE)
        known = _known(session, digests)
    for digest in digests:
        if digest in known:
            _put_back(objects, digest)
        objects.remove(aside(digest))
    with database.write() as session:
        session.execute(delete(RetiredPicture).where(RetiredPicture.digest.in_(digests)))
    return len(digests)


def _put_back(objects: Objects, digest: str) -> None:
    """Unless it is there: whoever sent it again meanwhile has written it anew, and what lies aside may have rotted."""
    with suppress(NotFound):
        objects.get(key_of(digest))
        return
    # not found: put back before, and not written down
    with suppress(NotFound):
        data = objects.get(aside(digest))
        if hashlib.sha256(data).hexdigest() == digest:
            objects.put(key_of(digest), data)


def _known(session: Session, digests: Sequence[str]) -> set[str]:
    found = select(StoredPicture.digest).where(StoredPicture.digest.in_(digests))
    return set(session.scalars(found))


def _page(session: Session, which: ColumnElement[bool]) -> list[str]:
    return list(
        session.scalars(
            select(RetiredPicture.digest).where(which).order_by(RetiredPicture.digest).limit(PAGE)
        )
    )
