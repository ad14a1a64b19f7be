"""How many parts a file has, counted before anything of it is decoded.

A decoder's work grows with scans, chunks and blocks as it does with pixels, and a part can be a few bytes long: a hundred
kilobytes can ask for minutes, and Pillow reads what stands between two markers byte by byte. Photographs have a dozen scans
and under a hundred segments; what has far more is refused. Each walk ends at the first part that is too many, so that it
takes no longer than the limits allow. Never says whether a file is whole or well made: that is for others to see.
"""

import struct
from collections.abc import Callable

from classifier.scans import MOST, MOST_BETWEEN, TooMany, jpeg
from classifier.tiffs import tiff

# data blocks of a GIF have 255 bytes at most: as many as 20 MiB hold, and some more
MOST_BLOCKS = 100_000
# a PNG has one; each may unpack to a megabyte
MOST_PROFILES = 4
# of a PNG's texts those that unpack, to a million characters each: of four bytes where one of them asks for it. ImageMagick
# writes five, of profiles; and the bytes of all its texts
MOST_TEXTS = 16
MOST_TEXT = 2**22
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
# of a BMP packed by run lengths, which Pillow unpacks in Python
MOST_PACKED = 2**20
MOST_PACKED_PIXELS = 4_000_000
RUN_LENGTHS = (1, 2)


def count(data: bytes, name: str) -> None:
    """Raises TooMany where this file, of the format `name`, would take far longer than its pixels ask for."""
    walk = _WALKS.get(name)
    if walk is not None:
        walk(data)


def _png(data: bytes) -> None:
    at = 8
    profiles = texts = text = 0
    for _ in range(MOST):
        kind, length = data[at + 4 : at + 8], int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND" or at + 12 > len(data):
            return
        profiles += kind == b"iCCP"
        if profiles > MOST_PROFILES:
            raise TooMany("The PNG file has many colour profiles; one is allowed.")
        if kind in TEXTS:
            texts += _unpacks(kind, data, at + 8, length)
            text += length
            if texts > MOST_TEXTS or text > MOST_TEXT:
                raise TooMany(
                    f"The PNG file has more than {MOST_TEXTS} packed texts or {MOST_TEXT:,} bytes of text."
                )
        at += 12 + length
    raise TooMany(f"The PNG file has more than {MOST:,} chunks.")


def _unpacks(kind: bytes, data: bytes, at: int, length: int) -> bool:
    """Whether that text is packed: an iTXt says so behind its keyword."""
    if kind != b"iTXt":
        return kind == b"zTXt"
    end = data.find(b"\0", at, at + length)
    return end >= 0 and data[end + 1 : end + 2] != b"\0"


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


_WALKS: dict[str, Callable[[bytes], None]] = {
    "jpeg": jpeg,
    "png": _png,
    "gif": _gif,
    "bmp": _bmp,
    "tiff": tiff,
}
