"""Pictures, and the groups of pictures that are the same picture.

A group has one purpose. A row of a training set repeats the group's purpose and may only say "training", and a
composite foreign key ties the two: the database itself keeps golden and audit pictures out of training.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base, Digest, Name, one_of

PURPOSES = ("training", "audit", "golden")  # the later one wins when groups merge


class DuplicateGroup(Base):
    __tablename__ = "duplicate_groups"
    __table_args__ = (UniqueConstraint("id", "purpose"),)

    # the digest of the picture that founded it: no second number for the same thing
    id: Mapped[str] = mapped_column(Digest, primary_key=True)
    purpose: Mapped[str] = mapped_column(one_of("purpose", *PURPOSES))
    created_at: Mapped[datetime]


class StoredPicture(Base):
    """A picture whose bytes lie in the picture store under their SHA-256; never changed."""

    __tablename__ = "pictures"
    __table_args__ = (UniqueConstraint("digest", "group_id"),)

    digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("duplicate_groups.id"), index=True)
    format: Mapped[str] = mapped_column(Name)
    size_bytes: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    # perceptual hash, hexadecimal; absent until retrain has looked for near-duplicates
    fingerprint: Mapped[str | None] = mapped_column(Name, index=True)
    created_at: Mapped[datetime]


class StoredBundle(Base):
    """A bundle whose files lie in the bundle store under the digest of its manifest."""

    __tablename__ = "bundles"

    digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    size_bytes: Mapped[int]
    created_at: Mapped[datetime]
