"""Small files that ask for much: pixels, text, colour profiles, frames."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from tests.classifier.files import (
    blocks,
    bmp_claiming,
    chunk,
    encode,
    gif_claiming,
    jpeg_claiming,
    png,
    png_bomb,
    tiff_claiming,
    webp_claiming,
)

SIDES = (20_001, 30_000, 65_500)


def files() -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, whether it must be refused)."""
    for side in SIDES:
        yield "pixels claimed by a PNG", png_bomb(side), True
        yield "pixels really in a PNG", _real_png(side), True
        yield "pixels claimed by a JPEG", jpeg_claiming(side, side), True
        yield "pixels claimed by a GIF", gif_claiming(side, side), True
        yield "pixels claimed by a BMP", bmp_claiming(side, side), True
        yield "pixels claimed by a TIFF", tiff_claiming(side, side), True
    yield "pixels claimed by a WebP", webp_claiming(16_383, 16_383), True
    yield "pixels claimed by a PNG", png(2**31 - 1, 2**31 - 1, 8, 2, b"\0"), True
    for megabytes in (1, 16, 64):
        zeros = zlib.compress(bytes(megabytes * 2**20), 9)
        yield "text that unpacks", _with(b"zTXt", b"Comment\0\0" + zeros), None
        yield "text that unpacks", _with(b"iTXt", b"Comment\0\1\0\0\0" + zeros), None
        yield "profile that unpacks", _with(b"iCCP", b"icc\0\0" + zeros), None
        yield "rows that unpack to more than the picture", _rows(megabytes), None
    yield "a TIFF of one deflated strip", _tiff_strip(), None
    yield "many small chunks", _chunks(50_000), None
    yield "many comments", _comments(20_000), None


def _real_png(side: int) -> bytes:
    """A PNG that keeps what it promises: `side` by `side` pixels of one colour, in some kilobytes."""
    deflate = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    body = b"".join(deflate.compress(row) for _ in range(side)) + deflate.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _with(kind: bytes, body: bytes) -> bytes:
    rows = np.zeros((40, 1 + 3 * 40), np.uint8).tobytes()
    return png(40, 40, 8, 2, rows, chunk(kind, body))


def _rows(megabytes: int) -> bytes:
    return png(40, 40, 8, 2, bytes(megabytes * 2**20))


def _tiff_strip() -> bytes:
    file = BytesIO()
    Image.fromarray(np.zeros((7000, 7000), np.uint8)).save(file, "TIFF", compression="tiff_deflate")
    return file.getvalue()


def _chunks(count: int) -> bytes:
    data = encode(blocks(), "png")
    return data[:33] + chunk(b"teSt", b"x") * count + data[33:]


def _comments(count: int) -> bytes:
    data = encode(blocks(), "jpeg")
    return data[:2] + (b"\xff\xfe" + struct.pack(">H", 3) + b"x") * count + data[2:]
