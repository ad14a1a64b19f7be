"""How many parts a file has, counted before anything of it is decoded.

A decoder's work grows with scans, chunks and blocks as it does with pixels, and a part can be a few bytes long: a hundred
kilobytes can ask for minutes, and Pillow reads what stands between two markers byte by byte. Photographs have a dozen scans
and under a hundred segments; what has far more is refused. Each walk ends at the first part that is too many, so that it
takes no longer than the limits allow. Never says whether a file is whole or well made: that is for others to see.
"""

import struct
from collections.abc import Callable

from classifier.scans import MOST, MOST_BETWEEN, TooMany, jpeg, scanned

# data blocks of a GIF have 255 bytes at most: as many as 20 MiB hold, and some more
MOST_BLOCKS = 100_000
# a PNG has one; each may unpack to a megabyte
MOST_PROFILES = 4
# of a TIFF: a strip for each row of the longest side, for each colour a plane of its own
MOST_STRIPS = 60_000
# of a BMP packed by run lengths, which Pillow unpacks in Python
MOST_PACKED = 2**20
MOST_PACKED_PIXELS = 4_000_000
RUN_LENGTHS = (1, 2)

COMPRESSION, STRIPS, LENGTHS, TILES, TILE_LENGTHS, OLD_JPEG = 259, 273, 279, 324, 325, 513
PLACES = (COMPRESSION, STRIPS, LENGTHS, TILES, TILE_LENGTHS, OLD_JPEG)
JPEG_COMPRESSIONS = (6, 7)
# by type: whole numbers without a sign, of so many bytes
WHOLE = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4), 13: ("I", 4), 16: ("Q", 8)}


def count(data: bytes, name: str) -> None:
    """Raises TooMany where this file, of the format `name`, would take far longer than its pixels ask for."""
    walk = _WALKS.get(name)
    if walk is not None:
        walk(data)


def _png(data: bytes) -> None:
    at = 8
    profiles = 0
    for _ in range(MOST):
        kind = data[at + 4 : at + 8]
        if kind == b"IEND" or at + 12 > len(data):
            return
        profiles += kind == b"iCCP"
        if profiles > MOST_PROFILES:
            raise TooMany("The PNG file has many colour profiles; one is allowed.")
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    raise TooMany(f"The PNG file has more than {MOST:,} chunks.")


def _gif(data: bytes) -> None:
    at, images, between, blocks = 13 + _palette(data[10:11]), 0, 0, 0
    # a second picture is refused for being one
    while at < len(data) and images < 2 and data[at] != 0x3B:
        start = _to_blocks(data, at)
        if start is None:
            at, between = at + 1, between + 1
            if between > MOST_BETWEEN:
                raise TooMany("The GIF file has much between its blocks that belongs to none.")
            continue
        images += data[at] == 0x2C
        at = start
        while at < len(data) and data[at] and blocks <= MOST_BLOCKS:
            at, blocks = at + 1 + data[at], blocks + 1
        at, blocks = at + 1, blocks + 1
        if blocks > MOST_BLOCKS:
            raise TooMany(f"The GIF file has more than {MOST_BLOCKS:,} blocks.")


def _to_blocks(data: bytes, at: int) -> int | None:
    """Where the data blocks begin of what stands there: an extension, a picture, or nothing known."""
    if data[at] == 0x2C:
        return at + 11 + _palette(data[at + 9 : at + 10])
    return at + 2 if data[at] == 0x21 else None


def _palette(flags: bytes) -> int:
    """How many bytes of colours follow."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _bmp(data: bytes) -> None:
    if len(data) < 34 or int.from_bytes(data[14:18], "little") < 40:
        return
    width, height, _, _, packing = struct.unpack_from("<iiHHI", data, 18)
    if packing not in RUN_LENGTHS:
        return
    if abs(width * height) > MOST_PACKED_PIXELS:
        raise TooMany(
            f"A BMP file that is packed by run lengths may have {MOST_PACKED_PIXELS:,} pixels;"
            f" this one claims {abs(width * height):,}.",
            "too_many_pixels",
        )
    if len(data) > MOST_PACKED:
        raise TooMany(f"A BMP file that is packed by run lengths may have {MOST_PACKED:,} bytes.")


def _tiff(data: bytes) -> None:
    end = "<" if data.startswith(b"II") else ">"
    (at,) = struct.unpack_from(end + "I", data.ljust(8, b"\0"), 4)
    tags = _tags(data, at, end)
    if STRIPS in tags and TILES in tags:
        raise TooMany(
            "The TIFF file has its pixels in strips and in tiles; one of them is allowed."
        )
    for name in (STRIPS, LENGTHS, TILES, TILE_LENGTHS):
        if len(tags.get(name, ())) > MOST_STRIPS:
            raise TooMany(f"The TIFF file has more than {MOST_STRIPS:,} strips or tiles.")
    if not set(tags.get(COMPRESSION, ())) & set(JPEG_COMPRESSIONS):
        return
    starts = tags.get(STRIPS) or tags.get(TILES) or ()
    lengths = tags.get(LENGTHS) or tags.get(TILE_LENGTHS) or ()
    lengths = lengths + (0,) * (len(starts) - len(lengths))
    # where no length is given libtiff makes one up
    pieces = [(start, length or len(data)) for start, length in zip(starts, lengths, strict=False)]
    pieces += [(one, len(data)) for one in tags.get(OLD_JPEG, ())[:1]]
    if sum(min(length, len(data)) for _, length in pieces) > 3 * len(data):
        raise TooMany("The strips of the TIFF file share their bytes.")
    scanned(data, [(start, start + length) for start, length in pieces])


def _tags(data: bytes, at: int, end: str) -> dict[int, tuple[int, ...]]:
    """The values of those whole-numbered tags that say where a TIFF's pixels lie and how; the first of a kind counts."""
    found: dict[int, tuple[int, ...]] = {}
    number = int.from_bytes(data[at : at + 2], "little" if end == "<" else "big")
    for place in range(at + 2, min(at + 2 + 12 * number, len(data) - 11), 12):
        tag, kind, values = struct.unpack_from(end + "HHI", data, place)
        if tag in PLACES and tag not in found:
            found[tag] = _values(data, place + 8, kind, values, end)
    return found


def _values(data: bytes, at: int, kind: int, number: int, end: str) -> tuple[int, ...]:
    if kind not in WHOLE:
        raise TooMany("The TIFF file says where its pixels lie in numbers that are not whole.")
    letter, size = WHOLE[kind]
    if number * size > 4:
        (at,) = struct.unpack_from(end + "I", data, at)
    number = min(number, MOST_STRIPS + 1, max(0, len(data) - at) // size)
    return struct.unpack_from(f"{end}{number}{letter}", data, at) if number else ()


_WALKS: dict[str, Callable[[bytes], None]] = {
    "jpeg": jpeg,
    "png": _png,
    "gif": _gif,
    "bmp": _bmp,
    "tiff": _tiff,
}
