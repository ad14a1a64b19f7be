"""Small files that ask for much: pixels, text, colour profiles, scans, parts of a few bytes."""

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
    yield from _scans()
    yield from _parts()


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


def _scans() -> Iterator[tuple[str, bytes, bool | None]]:
    yield "scans of a large JPEG", scans(5000, 100), True
    yield "scans of a JPEG", scans(1000, 1000), True
    yield "coefficients of a progressive JPEG", progressive(7000), True
    yield "scans of planes of one name", planes_of_one_name(1000, 2000), True
    strip = scans(1000, 200)
    yield "scans of a strip in a TIFF", jpeg_in_tiff(1000, strip), True
    yield "a strip whose place has eight bytes", jpeg_in_tiff(1000, strip, kind=16), True


def scans(side: int, count: int) -> bytes:
    """A grey progressive JPEG whose last scan comes so many times more."""
    image = Image.new("L", (side, side), 128)
    data = encode(image, "jpeg", progressive=True)
    last = data.rfind(b"\xff\xda")
    start = data.rfind(b"\xff\xc4", 0, last)
    return data[:-2] + data[start:-2] * count + data[-2:]


def planes_of_one_name(side: int, count: int) -> bytes:
    """A baseline JPEG whose three planes have one name, with so many scans of one of them."""
    data = encode(Image.new("RGB", (side, side)), "jpeg", subsampling=0)
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    head = bytearray(data[:scan])
    head[frame + 10 : frame + 19 : 3] = b"\1\1\1"
    return bytes(head) + b"\xff\xda\0\x08\1\1\0\0\x3f\0\0" * count + b"\xff\xd9"


def progressive(side: int) -> bytes:
    """With the coefficients of three whole planes."""
    image = Image.new("RGB", (side, side), (10, 200, 30))
    return encode(image, "jpeg", progressive=True, subsampling=0)


def jpeg_in_tiff(side: int, strip: bytes, kind: int = 4) -> bytes:
    """A grey TIFF of one strip, which is this JPEG; `kind`: in numbers of four bytes (4) or eight (16) it says where."""
    tags = {256: side, 257: side, 258: 8, 259: 7, 262: 1, 273: 138, 277: 1, 278: side, 279: len(strip)}  # fmt: skip
    # what does not fit into the directory stands behind it
    outside = struct.pack("<QQ", tags[273], tags[279])
    places = {273: 122, 279: 130} if kind == 16 else {}
    entries = b"".join(
        struct.pack("<HHII", tag, kind if tag in (273, 279) else 4, 1, places.get(tag, value))
        for tag, value in tags.items()
    )
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + outside + strip


def _parts() -> Iterator[tuple[str, bytes, bool | None]]:
    """Files of a megabyte or two whose parts are a few bytes long."""
    png_file, jpeg, gif = (encode(blocks(), one) for one in ("png", "jpeg", "gif"))
    yield "many small chunks", png_file[:33] + chunk(b"teSt", b"x") * 50_000 + png_file[33:], True
    yield "many empty IDATs", png_file[:33] + chunk(b"IDAT", b"") * 50_000 + png_file[33:], True
    profile = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(2**20 - 10), 9))
    yield "many profiles", png_file[:33] + profile * 900 + png_file[33:], True
    comment = b"\xff\xfe" + struct.pack(">H", 3) + b"x"
    yield "many comments", jpeg[:2] + comment * 20_000 + jpeg[2:], True
    yield "fill bytes before a marker", jpeg[:2] + b"\xff" * 2**20 + jpeg[2:], True
    exif = b"\xff\xe1" + struct.pack(">H", 65_002) + b"Exif\0\0" + bytes(64_994)
    yield "EXIF again and again", jpeg[:2] + exif * 40 + jpeg[2:], True
    small = b"\xff\xe1\0\x08Exif\0\0" * 1000
    kept = b"\xff\xf0" + struct.pack(">H", len(small) + 2) + small
    yield "EXIF in a segment that nobody knows", jpeg[:2] + kept + jpeg[2:], True
    at = 13 + (3 << (gif[10] & 7) + 1)
    yield "blocks of one byte", gif[:at] + b"!\xf5" + b"\1x" * 200_000 + b"\0" + gif[at:], True
    yield "nothing between a GIF's blocks", gif[:at] + bytes(2**20) + gif[at:], True
    yield "tiles of a pixel", _tiles(), True
    yield "one tag of a TIFF again and again", one_tag(65_535), None
    for side, rows in ((20_000, b"\0\0" * 2000), (1000, b"\1\5" * 1_000_000)):
        yield "a BMP packed by run lengths", run_lengths(side, rows), True


def one_tag(count: int) -> bytes:
    """A TIFF that says so many times where its 60,000 strips lie."""
    entry = struct.pack("<HHII", 273, 4, 60_000, 8 + 2 + 12 * count + 4)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entry * count + bytes(4 + 240_000)


def _tiles() -> bytes:
    count = 500 * 500
    after = 8 + 2 + 12 * 10 + 4
    tags = ((256, 1, 500), (257, 1, 500), (258, 1, 8), (259, 1, 1), (262, 1, 1), (277, 1, 1), (322, 1, 1), (323, 1, 1), (324, count, after), (325, count, after))  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, *rest) for tag, *rest in tags)
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    return head + struct.pack("<I", 1) * count


def run_lengths(side: int, rows: bytes) -> bytes:
    """A BMP of `side` by 1,000 pixels of 8 bits, packed by run lengths."""
    body = rows + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, side, 1000, 1, 8, 1, len(body), 0, 0, 256, 0)
    at = 14 + len(head) + 1024
    return b"BM" + struct.pack("<IHHI", at + len(body), 0, 0, at) + head + bytes(1024) + body
