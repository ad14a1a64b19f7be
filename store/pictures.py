"""Pictures: their bytes by digest, their rows, and the groups of pictures that are the same picture.

Bytes come before rows. A group has one purpose; when two purposes meet, golden beats audit beats training, and
rows of frozen training sets whose group is lost to training are marked as withdrawn, never deleted.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from store.database import Database, insert_new
from store.errors import NotFound
from store.objects import Objects
from store.tables import DuplicateGroup, StoredBundle, StoredPicture, TrainingRow
from store.tables.pictures import PURPOSES

Purpose = Literal["training", "audit", "golden"]


class PictureStore:
    """The bytes of pictures, named by their SHA-256."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def keep(self, data: bytes) -> str:
        """Durable when it returns; the digest (hexadecimal)."""
        digest = hashlib.sha256(data).hexdigest()
        self._objects.put(key_of(digest), data)
        return digest

    def read(self, digest: str) -> bytes:
        """Raises NotFound."""
        try:
            return self._objects.get(key_of(digest))
        except NotFound:
            # retention lays bytes aside for a day, in which somebody may have sent the same picture again
            return self._objects.get(aside(digest))


def storage_of(database: Database, url: str) -> Objects:
    """The storage of this database. Raises Unavailable, also for a folder that is missing or empty though rows name what
    is in it: nothing must be kept where its disk is not mounted.
    """
    with database.read() as session:
        known = (
            session.scalar(select(one).limit(1))
            for one in (StoredPicture.digest, StoredBundle.digest)
        )
        there = any(digest is not None for digest in known)
    return Objects(url, there=there)


@dataclass(frozen=True)
class NewPicture:
    """What a picture's row is made of. `format` as the decoder names it; sides in pixels after rotation."""

    digest: str
    format: str
    size_bytes: int
    width: int
    height: int


def record(
    session: Session, pictures: Iterable[NewPicture], purpose: Purpose, now: datetime
) -> None:
    """Rows for pictures whose bytes are kept; a picture that is known keeps its group, whose purpose may rise.

    Many at once and by two processes at once: the same picture becomes one row.
    """
    wanted = sorted(
        {picture.digest: picture for picture in pictures}.values(), key=lambda one: one.digest
    )
    if not wanted:
        return
    groups = [{"id": one.digest, "purpose": purpose, "created_at": now} for one in wanted]
    known = purposes(session, [one.digest for one in wanted])
    new = [one for one in wanted if one.digest not in known]
    if new:
        insert_new(session, DuplicateGroup, [group for group in groups if group["id"] not in known])
        insert_new(
            session,
            StoredPicture,
            [{**vars(one), "group_id": one.digest, "created_at": now} for one in new],
        )
    if purpose != PURPOSES[0]:
        _raise_purposes(session, [one.digest for one in wanted], purpose, now)


def get(session: Session, digest: str) -> StoredPicture:
    """Raises NotFound."""
    picture = session.get(StoredPicture, digest)
    if picture is None:
        raise NotFound("There is no such picture.")
    return picture


def purposes(session: Session, digests: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Group id and purpose by picture digest."""
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(digests), 500):
        rows = session.execute(
            select(StoredPicture.digest, DuplicateGroup.id, DuplicateGroup.purpose)
            .join(DuplicateGroup, DuplicateGroup.id == StoredPicture.group_id)
            .where(StoredPicture.digest.in_(digests[start : start + 500]))
        )
        found.update({digest: (group, purpose) for digest, group, purpose in rows})
    return found


def raise_purpose(session: Session, group_id: str, purpose: Purpose, now: datetime) -> None:
    """Give a group a purpose, unless the one it has is stronger."""
    if not _raised(session, group_id, purpose, now):
        raise NotFound("There is no such group of pictures.")


def merge_groups(session: Session, group_ids: Sequence[str], now: datetime) -> str:
    """Make one group of several, with the strongest of their purposes; the id that stays (the smallest)."""
    ids = sorted(set(group_ids))
    rows = session.scalars(
        select(DuplicateGroup)
        .where(DuplicateGroup.id.in_(ids))
        .order_by(DuplicateGroup.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if len(rows) != len(ids):
        raise NotFound("There is no such group of pictures.")
    stays, leaving = rows[0], rows[1:]
    strongest = max((row.purpose for row in rows), key=PURPOSES.index)
    if strongest != "training":
        for row in rows:
            _withdraw_from_training(session, row.id, now)
    for row in leaving:
        # pictures carry the new group into the rows of training sets (ON UPDATE CASCADE)
        session.execute(
            update(StoredPicture).where(StoredPicture.group_id == row.id).values(group_id=stays.id)
        )
        session.execute(delete(DuplicateGroup).where(DuplicateGroup.id == row.id))
    stays.purpose = strongest
    session.flush()
    return stays.id


def set_fingerprints(session: Session, fingerprints: dict[str, str]) -> None:
    """Keep the perceptual hashes (hexadecimal) by digest."""
    for digest, fingerprint in fingerprints.items():
        session.execute(
            update(StoredPicture)
            .where(StoredPicture.digest == digest)
            .values(fingerprint=fingerprint)
        )


def fingerprints(session: Session) -> dict[str, tuple[str, str]]:
    """Fingerprint and group id by digest, of every picture that has a fingerprint."""
    rows = session.execute(
        select(StoredPicture.digest, StoredPicture.fingerprint, StoredPicture.group_id).where(
            StoredPicture.fingerprint.is_not(None)
        )
    )
    return {digest: (fingerprint or "", group) for digest, fingerprint, group in rows}


def _raise_purposes(
    session: Session, digests: Sequence[str], purpose: Purpose, now: datetime
) -> None:
    weaker = PURPOSES[: PURPOSES.index(purpose)]
    while True:
        held = purposes(session, digests).values()
        # in one order, so that two processes never wait for each other
        groups = sorted({group_id for group_id, other in held if other in weaker})
        raised = [_raised(session, group_id, purpose, now) for group_id in groups]
        # one that is gone was merged meanwhile: its pictures are of another group now
        if all(raised):
            return


def _raised(session: Session, group_id: str, purpose: Purpose, now: datetime) -> bool:
    group = session.get(DuplicateGroup, group_id, with_for_update=True, populate_existing=True)
    if group is None:
        return False
    if PURPOSES.index(purpose) > PURPOSES.index(group.purpose):
        _withdraw_from_training(session, group_id, now)
        group.purpose = purpose
        session.flush()
    return True


def _withdraw_from_training(session: Session, group_id: str, now: datetime) -> None:
    session.execute(
        update(TrainingRow)
        .where(TrainingRow.group_id == group_id, TrainingRow.purpose.is_not(None))
        .values(purpose=None, withdrawn_at=now)
    )


def key_of(digest: str) -> str:
    """Where the bytes of a picture lie."""
    return f"pictures/{digest[:2]}/{digest}"


def aside(digest: str) -> str:
    """Where they lie for a day before they go."""
    return f"aside/{digest[:2]}/{digest}"
