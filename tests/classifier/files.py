"""Picture files built for the tests, many of them as no encoder would write them."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    """The file that Pillow writes."""
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def blocks(width: int = 80, height: int = 60, seed: int = 0) -> Image.Image:
    """Blocks of ten pixels in colours of their own: nothing in it is symmetric."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(20, 236, (height // 10, width // 10, 3), dtype=np.uint8)
    return Image.fromarray(np.kron(colours, np.ones((10, 10, 1), np.uint8)))


def frames(format: str, **options: Any) -> bytes:
    """Three pictures in one file."""
    rest = [blocks(seed=1), blocks(seed=2)]
    return encode(blocks(), format, save_all=True, append_images=rest, **options)


def png(width: int, height: int, depth: int, colour: int, body: bytes, extra: bytes = b"") -> bytes:
    """A PNG with this header and these unfiltered, uncompressed rows; `extra` are chunks before them."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(side: int) -> bytes:
    """A few hundred bytes that claim `side` by `side` pixels."""
    return png(side, side, 8, 2, b"\x00" * 1000)


def jpeg_claiming(width: int, height: int) -> bytes:
    """A JPEG whose header says another size."""
    data = encode(blocks(), "jpeg")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def gif_claiming(width: int, height: int) -> bytes:
    """A GIF whose screen is of another size."""
    data = encode(blocks(), "gif")
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


def bmp_claiming(width: int, height: int) -> bytes:
    """A BMP whose header says another size."""
    data = encode(blocks(), "bmp")
    return data[:18] + struct.pack("<ii", width, height) + data[26:]


def webp_claiming(width: int, height: int) -> bytes:
    """An extended WebP whose canvas is of another size."""
    data = frames("webp")
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return data[:24] + sides + data[30:]


def tiff_claiming(width: int, height: int) -> bytes:
    """A TIFF whose first two tags say another size."""
    data = bytearray(encode(blocks(), "tiff"))
    (at,) = struct.unpack_from("<I", data, 4)
    for number in range(struct.unpack_from("<H", data, at)[0]):
        entry = at + 2 + 12 * number
        (tag,) = struct.unpack_from("<H", data, entry)
        if tag in (256, 257):
            struct.pack_into("<HII", data, entry + 2, 4, 1, width if tag == 256 else height)
    return bytes(data)
