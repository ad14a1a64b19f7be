"""Texts and EXIF that unpack to much, or of which a reader makes an object for every eight bytes."""

import struct
import zlib
from collections.abc import Iterator

from tests.classifier.files import blocks, chunk, encode

ORIENTATION, XRESOLUTION, UNIT = 0x0112, 0x011A, 0x0128
# a million letters and one that no two bytes can hold: four megabytes
WIDE = ("x" * (2**20 - 4) + "\U0001f43b").encode()


def files() -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, whether it must be refused)."""
    packed = b"\0\1\0\0\0" + zlib.compress(WIDE, 9)
    yield "wide texts that unpack", with_chunks(texts(b"iTXt", packed, 60)), True
    zeros = b"\0\0" + zlib.compress(bytes(2**20), 9)
    yield "texts that unpack", with_chunks(texts(b"zTXt", zeros, 60)), True
    yield "wide texts", with_chunks(texts(b"iTXt", b"\0\0\0\0\0" + WIDE, 15)), True
    lines = b"Raw profile type exif\0" + b"0\n" * 2**20
    yield "EXIF in lines of a letter", with_chunks(chunk(b"tEXt", lines)), None
    exif = rationals(ORIENTATION, 3 * 2**17)
    yield "an orientation of many rationals in a PNG", with_chunks(chunk(b"eXIf", exif)), None
    yield "an orientation of many rationals in a WebP", webp(exif), None
    for tag in (ORIENTATION, XRESOLUTION, UNIT):
        yield "many rationals in a JPEG", jpeg(rationals(tag, 2**17)), True
    yield "many tags in a JPEG", jpeg(many_tags()), True


def texts(kind: bytes, body: bytes, count: int) -> bytes:
    """So many chunks of it, each with a keyword of its own."""
    return b"".join(chunk(kind, f"Comment {number}".encode() + body) for number in range(count))


def rationals(tag: int, count: int) -> bytes:
    """EXIF with so many in that tag, and one in those that are read to know a resolution."""
    tags = dict.fromkeys((ORIENTATION, XRESOLUTION, UNIT), 1) | {tag: count}
    at = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", one, 5, number, at) for one, number in tags.items())
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    return head + entries + bytes(4) + struct.pack("<II", 1, 1) * count


def many_tags() -> bytes:
    """EXIF with as many as a directory can have."""
    entries = b"".join(struct.pack("<HHII", n, 3, 1, 1) for n in range(65_535))
    return b"II*\0\x08\0\0\0\xff\xff" + entries + bytes(4)


def with_chunks(chunks: bytes) -> bytes:
    """A good PNG with these behind its header."""
    data = encode(blocks(), "png")
    return data[:33] + chunks + data[33:]


def webp(exif: bytes) -> bytes:
    """A good WebP with this EXIF."""
    return encode(blocks(), "webp", exif=exif)


def jpeg(exif: bytes) -> bytes:
    """A good JPEG with this EXIF in as many segments as it takes, and no resolution but in there."""
    data = encode(blocks(), "jpeg", dpi=(0, 0))
    most = 65_000
    segments = b"".join(
        b"\xff\xe1" + struct.pack(">H", len(part) + 8) + b"Exif\0\0" + part
        for part in (exif[at : at + most] for at in range(0, len(exif), most))
    )
    return data[:2] + segments + data[2:]
