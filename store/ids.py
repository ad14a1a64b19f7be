"""Ids that sort by time: UUID version 7 (RFC 9562, section 5.7)."""

import secrets
from datetime import UTC, datetime
from uuid import UUID


def new_id(now: datetime) -> str:
    """A UUIDv7 for the moment `now` (aware): 48 bits of milliseconds, 12 of microseconds, 62 random.

    The microseconds stand in the field that the RFC leaves to the maker, so that ids of one process follow time.
    """
    micros = int(now.timestamp() * 1_000_000)
    milliseconds, rest = divmod(micros, 1000)
    fraction = (rest << 12) // 1000
    number = (milliseconds & 0xFFFFFFFFFFFF) << 80
    number |= 0x7 << 76 | fraction << 64
    number |= 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=number))


def time_of(identity: str) -> datetime:
    """The moment (UTC, to the millisecond) that a UUIDv7 was made at."""
    return datetime.fromtimestamp((UUID(identity).int >> 80) / 1000, tz=UTC)


def first_id(at: datetime) -> str:
    """What no id made at `at` or later is smaller than, and no id made in an earlier millisecond larger."""
    return str(UUID(int=int(at.timestamp() * 1000) << 80))
