"""A picture cut off at each of its own markers, and a byte to either side of them."""

import re
import struct
from collections.abc import Iterator

import numpy as np

MOST = 60


def files(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, whether it must be refused): what lacks pixels must be, what lacks its last bytes may be."""
    places = sorted({at + shift for at in _markers(data) for shift in (-1, 0, 1, 2)})
    inside = [at for at in places if 0 <= at < len(data)]
    if len(inside) > MOST:
        chosen = rng.choice(len(inside), MOST, replace=False)
        inside = [inside[place] for place in sorted(chosen)]
    for at in inside:
        yield "cut at a marker", data[:at], True if at < len(data) // 2 else None


def _markers(data: bytes) -> list[int]:
    if data.startswith(b"\xff\xd8"):
        return [found.start() for found in re.finditer(rb"\xff[\xc0-\xfe]", data)]
    if data.startswith(b"\x89PNG"):
        return list(_chunks(data, 8, ">I", 12))
    if data.startswith(b"RIFF"):
        return list(_chunks(data, 12, None, 8))
    return list(range(0, len(data), max(1, len(data) // 40)))


def _chunks(data: bytes, at: int, big: str | None, around: int) -> Iterator[int]:
    while at + 8 <= len(data):
        yield at
        if big:
            (length,) = struct.unpack_from(big, data, at)
        else:
            (length,) = struct.unpack_from("<I", data, at + 4)
        at += around + length
    yield len(data)
