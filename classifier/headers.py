"""What the first bytes of a file say, read without decoding a picture.

Which format it is, whether its end is there, how large a WebP claims to be. Pillow is asked
only afterwards, and only for the one format found here. Nothing in this room allocates by what a header says.
"""

import struct

SIGNATURES: tuple[tuple[str, bytes, int], ...] = (
    ("jpeg", b"\xff\xd8\xff", 0),
    ("png", b"\x89PNG\r\n\x1a\n", 0),
    ("gif", b"GIF87a", 0),
    ("gif", b"GIF89a", 0),
    ("webp", b"WEBP", 8),
    ("bmp", b"BM", 0),
    ("tiff", b"II*\x00", 0),
    ("tiff", b"MM\x00*", 0),
)

# pictures to people, but not ours to decode: they get a sentence of their own
FOREIGN: tuple[tuple[str, bytes, int], ...] = (
    ("HEIC", b"ftyphei", 4),
    ("HEIC", b"ftyphev", 4),
    ("HEIC", b"ftypmif1", 4),
    ("HEIC", b"ftypmsf1", 4),
    ("AVIF", b"ftypavif", 4),
    ("AVIF", b"ftypavis", 4),
    ("JPEG 2000", b"\x00\x00\x00\x0cjP  ", 0),
    ("JPEG XL", b"\xff\x0a", 0),
    ("JPEG XL", b"\x00\x00\x00\x0cJXL ", 0),
    ("Photoshop", b"8BPS", 0),
    ("BigTIFF", b"II+\x00", 0),
    ("BigTIFF", b"MM\x00+", 0),
    ("icon", b"\x00\x00\x01\x00", 0),
    ("PDF", b"%PDF-", 0),
)


END = b"\xff\xd9"  # of a JPEG
# lengths of the known kinds of header behind "BM"
BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


def _first(table: tuple[tuple[str, bytes, int], ...], data: bytes) -> str | None:
    return next((name for name, magic, at in table if data.startswith(magic, at)), None)


def format_of(data: bytes) -> str | None:
    """The format by content, one of those in `SIGNATURES`, or None."""
    name = _first(SIGNATURES, data)
    if name == "webp" and not data.startswith(b"RIFF"):
        return None
    if name == "bmp" and int.from_bytes(data[14:18], "little") not in BMP_HEADERS:
        return None  # two letters begin many a text
    return name


def foreign_format_of(data: bytes) -> str | None:
    """The name of a known picture format that is not decoded here, or None."""
    return _first(FOREIGN, data)


def is_complete(data: bytes, name: str) -> bool:
    """Whether the file reaches its own end.

    Decoders forgive a missing end where every pixel came before it (JPEG, PNG) and some fill the rest with
    grey; a cut upload has to be seen whatever they do.
    """
    if name == "jpeg":
        return _jpeg_ends(data)
    if name == "png":
        return _png_ends(data)
    if name == "webp":
        return len(data) >= 12 and int.from_bytes(data[4:8], "little") + 8 <= len(data)
    return True


def _jpeg_ends(data: bytes) -> bool:
    """An end marker after the first scan; the one in an embedded thumbnail does not count."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return data.find(END, at) >= 0  # damaged before the first scan: the decoder says how
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes may stand before any marker
            at += 1
            continue
        if marker == 0xDA:
            return data.find(END, at) >= 0
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _png_ends(data: bytes) -> bool:
    at = 8
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return False


def webp_side_lengths(data: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP canvas, or None when its header is none.

    Pillow makes room for the canvas when it opens a WebP, before anyone can look at the size.
    Layout: developers.google.com/speed/webp/docs/riff_container and RFC 9649.
    """
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        width = 1 + int.from_bytes(data[24:27], "little")
        return width, 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
