"""Numbers inside a file that are not what they should be: sizes, depths, offsets, lengths, checksums."""

import struct
import zlib
from collections.abc import Iterator

from tests.classifier.files import (
    blocks,
    bmp_claiming,
    chunk,
    encode,
    gif_claiming,
    jpeg_claiming,
    png,
    tiff_claiming,
    webp_claiming,
)

SIDES = ((0, 0), (0, 60), (80, 0), (1, 1), (7, 7), (1, 60_000), (60_000, 1), (79, 61))
CLAIMING = {"jpeg": jpeg_claiming, "gif": gif_claiming, "bmp": bmp_claiming, "tiff": tiff_claiming}


def files() -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, whether it must be refused)."""
    for format, claiming in CLAIMING.items():
        for width, height in SIDES:
            yield f"sides of a {format}", claiming(width, height), None
    for width, height in SIDES[3:]:
        yield "sides of a webp", webp_claiming(width, min(height, 16_000)), None
    for width, height in ((-1, -1), (-80, 60), (80, -60), (2**31 - 1, -(2**31))):
        yield "sides of a bmp", bmp_claiming(width, height), None
    yield from _png()
    yield from _tiff()
    yield from _gif()


def _png() -> Iterator[tuple[str, bytes, bool | None]]:
    for depth in (0, 1, 2, 3, 4, 5, 8, 16, 32, 255):
        for colour in (0, 1, 2, 3, 4, 5, 6, 7):
            yield "depth and colour of a PNG", png(16, 16, depth, colour, bytes(17 * 16)), None
    data = encode(blocks(), "png")
    yield "a wrong checksum", data[:29] + b"\0\0\0\0" + data[33:], None
    for length in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
        yield "a wrong length of a chunk", data[:33] + struct.pack(">I", length) + data[37:], None
    end = chunk(b"IEND", b"")
    head = data[:33]
    yield "no pixels at all", head + end, True
    yield "pixels that do not unpack", head + chunk(b"IDAT", b"not zlib at all") + end, True
    yield "two headers", head + data[8:], None
    yield "a palette picture without a palette", png(16, 16, 8, 3, bytes(17 * 16)), None
    yield "an empty palette", png(16, 16, 8, 3, bytes(17 * 16), chunk(b"PLTE", b"")), None
    rows = chunk(b"IDAT", zlib.compress(bytes(17 * 16)))
    head = data[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 9, 9, 9))
    yield "methods that do not exist", head + rows + end, None


def _tiff() -> Iterator[tuple[str, bytes, bool | None]]:
    data = encode(blocks(), "tiff")
    for offset in (0, 1, 7, 8, len(data), 2**31, 2**32 - 1):
        yield "where a TIFF's tags lie", data[:4] + struct.pack("<I", offset) + data[8:], None
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(count):
        place = at + 2 + 12 * entry
        for value in (0, 1, 2**31, 2**32 - 1):
            changed = bytearray(data)
            struct.pack_into("<I", changed, place + 8, value)
            yield "a tag's value", bytes(changed), None
            struct.pack_into("<I", changed, place + 4, value)
            yield "a tag's count", bytes(changed), None
        changed = bytearray(data)
        struct.pack_into("<H", changed, place + 2, 99)
        yield "a tag's type", bytes(changed), None
    loop = bytearray(data)
    struct.pack_into("<I", loop, at + 2 + 12 * count, at)
    yield "tags that lead to themselves", bytes(loop), None


def _gif() -> Iterator[tuple[str, bytes, bool | None]]:
    data = encode(blocks(), "gif")
    for bits in (0x00, 0x7F, 0xF7, 0xFF):
        yield "flags of a GIF", data[:10] + bytes([bits]) + data[11:], None
    at = data.rfind(b"\x2c")
    for size in (0, 1, 12, 13, 255):
        yield "the code size of a GIF", data[: at + 10] + bytes([size]) + data[at + 11 :], None
