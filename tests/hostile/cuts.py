"""A picture cut off at each of its own markers, and a byte to either side of them.

Markers are those of JPEG, the chunks of PNG and WebP, the blocks of a GIF, the tags and strips of a TIFF, the fields of a
BMP's header. Of a picture that has very many (restart markers) as many are taken, the same distance apart.
"""

import re
import struct
from collections.abc import Iterator
from itertools import accumulate

MOST = 400


def files(data: bytes) -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, whether it must be refused): what lacks pixels must be, what lacks its last bytes may be."""
    places = sorted({at + shift for at in _thinned(markers(data)) for shift in (-1, 0, 1, 2)})
    for at in places:
        if 0 <= at < len(data):
            yield "cut at a marker", data[:at], True if at < len(data) // 2 else None


def markers(data: bytes) -> list[int]:
    """Where each part begins."""
    if data.startswith(b"\xff\xd8"):
        return [found.start() for found in re.finditer(rb"\xff[\xc0-\xfe]", data)]
    if data.startswith(b"\x89PNG"):
        return list(_chunks(data, 8, ">I", 12))
    if data.startswith(b"RIFF"):
        return list(_chunks(data, 12, None, 8))
    if data.startswith(b"GIF"):
        return list(_blocks(data))
    if data.startswith((b"II*", b"MM\0")):
        return list(_tags(data))
    # the header's fields, then the rows' beginning
    fields = (2, 4, 2, 2, 4, 4, 4, 4, 2, 2, 4, 4, 4, 4, 4, 4)
    return [0, *accumulate(fields), *struct.unpack_from("<I", data, 10)]


def _thinned(found: list[int]) -> list[int]:
    return found[:: 1 + (len(found) - 1) // MOST]


def _chunks(data: bytes, at: int, big: str | None, around: int) -> Iterator[int]:
    while at + 8 <= len(data):
        yield at
        if big:
            (length,) = struct.unpack_from(big, data, at)
        else:
            # padded to an even number
            (length,) = struct.unpack_from("<I", data, at + 4)
            length += length & 1
        at += around + length
    yield len(data)


def _blocks(data: bytes) -> Iterator[int]:
    yield from (0, 6, 13)
    at = 13 + _palette(data[10])
    while data[at] in (0x21, 0x2C):
        yield at
        at += 2 if data[at] == 0x21 else 11 + _palette(data[at + 9])
        while data[at]:
            yield at
            at += 1 + data[at]
        yield at
        at += 1
    yield at


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _tags(data: bytes) -> Iterator[int]:
    """Each entry of the first directory, and where its value lies; so also each strip."""
    end = "<" if data.startswith(b"II") else ">"
    (at,) = struct.unpack_from(end + "I", data, 4)
    (count,) = struct.unpack_from(end + "H", data, at)
    yield from (0, 4, at, at + 2 + 12 * count)
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, values, value = struct.unpack_from(end + "HHII", data, place)
        yield place
        size = {3: 2, 4: 4, 5: 8}.get(kind, 1)
        if values * size > 4:
            yield value
        if tag == 273:
            form = f"{end}{values}{'H' if kind == 3 else 'I'}"
            yield from struct.unpack_from(form, data, value if values * size > 4 else place + 8)
