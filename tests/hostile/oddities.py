"""Pictures that exist and are rare: several frames, deep or unusual channels, broken metadata."""

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.classifier.files import blocks, encode, frames, png

MODES = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "jpeg": ("L", "RGB", "CMYK"),
    "tiff": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"),
    "webp": ("RGB", "RGBA"),
    "gif": ("1", "L", "P"),
    "bmp": ("1", "L", "P", "RGB"),
}

# channels that no photograph has
UNREAD = ("LAB", "I", "F")


def files() -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, whether it must be refused)."""
    for format in ("gif", "webp", "png", "tiff"):
        yield f"an animated {format}", frames(format), True
    for side in (1, 2, 7, 8):
        yield "a tiny picture", encode(blocks().resize((side, side)), "png"), side < 8
    yield from _channels()
    yield from _metadata()


def _channels() -> Iterator[tuple[str, bytes, bool | None]]:
    for format, modes in MODES.items():
        for mode in modes:
            yield f"{mode} in a {format}", encode(_in(mode), format), mode in UNREAD
    for colour, channels in ((0, 1), (2, 3), (4, 2), (6, 4)):
        row = b"\0" + np.arange(80 * channels, dtype=">u2").tobytes()
        yield f"16 bits in {channels} channels of a PNG", png(80, 60, 16, colour, row * 60), False
    for compression in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg", "tiff_adobe_deflate"):
        yield "a packed TIFF", encode(blocks(), "tiff", compression=compression), False


def _metadata() -> Iterator[tuple[str, bytes, bool | None]]:
    for exif in _exifs():
        for format in ("jpeg", "png", "webp"):
            yield f"broken EXIF in a {format}", encode(blocks(), format, exif=exif), None
    for profile in (b"", b"\0" * 200, b"acsp" * 500, b"\xff" * 70_000, _profile_claiming(2**31)):
        for format in ("jpeg", "png", "webp", "tiff"):
            yield (
                f"a broken profile in a {format}",
                encode(blocks(), format, icc_profile=profile),
                None,
            )


def _in(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.arange(80 * 60, dtype=np.uint16).reshape(60, 80))
    if mode == "F":
        return Image.fromarray(np.full((60, 80), np.nan, dtype=np.float32))
    if mode == "LAB":
        return Image.merge("LAB", blocks().split())
    return blocks().convert(mode)


def _exifs() -> Iterator[bytes]:
    head = b"Exif\0\0"
    good = head + b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x112, 3, 1, 6) + bytes(4)
    yield good
    yield good[:20]
    for value in (0, 9, 65535):
        yield head + b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x112, 3, 1, value) + bytes(4)
    for offset in (0, 1, 2**31, 2**32 - 1):
        yield head + b"MM\0*" + struct.pack(">I", offset) + bytes(30)
    # tags that lead back to themselves
    yield (
        head + b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    )
    yield head + b"II*\0\x08\0\0\0\xff\xff" + bytes(600)
    yield head + b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x112, 2, 2**31, 8) + bytes(4)
    yield b"Exif\0\0"
    yield b"\0" * 60_000


def _profile_claiming(size: int) -> bytes:
    return struct.pack(">I", size) + b"acsp" * 40
