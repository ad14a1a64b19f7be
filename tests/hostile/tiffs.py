"""Small TIFF files that ask for much: tiles larger than the picture, strips that share their bytes, values without end."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

Values = tuple[int, Sequence[int]]
FORMS = {1: "B", 3: "H", 4: "I", 5: "II", 7: "B", 16: "Q"}
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, ROWS, PLANAR = 256, 257, 258, 259, 262, 266, 277, 278, 284  # fmt: skip
STRIPS, LENGTHS, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_LENGTHS = 273, 279, 322, 323, 324, 325
ORIENTATION, XRESOLUTION, XMP, EXIF, GPS = 274, 282, 700, 34665, 34853
RAW, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, IFD8 = 1, 2, 3, 4, 5, 7, 18
# of a value
WIDE = {LONG: 4, IFD8: 8}
# from here on tags are anybody's own
OWN = 40_000
# where what a file is made of begins
BODY = 8


def files() -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, whether it must be refused)."""
    yield "a tile larger than its TIFF", one_tile(8192, 3), True
    yield "a tile larger than its TIFF", one_tile(16_384, 1), True
    yield "tiles in a row, of one offset", row_of_tiles(20), True
    yield "a tile of three planes", one_tile(8192, 3, separate=True), True
    yield "strips that share a megabyte", shared_strips(1000), True
    yield "strips without lengths", shared_strips(1000, lengths=False), True
    yield "strips again and again over one picture", strips_over(7000, 200), True
    yield "a strip of 16 bits in four channels", one_strip(7000), True
    yield "a tag twice, of two sizes", twice(), True
    for tag in (ORIENTATION, XRESOLUTION, XMP, GPS):
        yield "a tag of many rationals", rationals(tag, 2**17), True
    yield "EXIF of many rationals in a TIFF", below(EXIF, 2**17), True
    yield "GPS of many rationals in a TIFF", below(GPS, 2**17), True
    yield "many tags in a TIFF", many_tags(), True
    for kind in (BYTE, ASCII, LONG, UNDEFINED, IFD8):
        yield "tags that share their bytes", shared_tags(900, 200_000, kind), True
    yield "tags that nobody knows", shared_tags(4000, 5, UNDEFINED), True


def made(tags: dict[int, Values], body: bytes, extra: Sequence[tuple[int, Values]] = ()) -> bytes:
    """A TIFF with these tags behind `body`, which begins at `BODY`; `extra` are tags more."""
    body += bytes(-len(body) % 4)
    entries, outside = b"", b""
    every = [*tags.items(), *extra]
    end = BODY + len(body) + 2 + 12 * len(every) + 4
    for tag, (kind, values) in every:
        form = FORMS[kind]
        packed = struct.pack("<" + form[0] * len(values), *values)
        place = packed.ljust(4, b"\0")
        if len(packed) > 4:
            place = struct.pack("<I", end + len(outside))
            outside += packed
        entries += struct.pack("<HHI", tag, kind, len(values) // len(form)) + place
    head = b"II*\0" + struct.pack("<I", BODY + len(body))
    return head + body + struct.pack("<H", len(every)) + entries + bytes(4) + outside


def picture(width: int, height: int, samples: int, compression: int, bits: int = 8) -> dict[int, Values]:  # fmt: skip
    """The tags that say what a picture is, and none of where it lies."""
    return {
        WIDTH: (LONG, [width]),
        HEIGHT: (LONG, [height]),
        BITS: (SHORT, [bits] * samples),
        COMPRESSION: (SHORT, [compression]),
        PHOTOMETRIC: (SHORT, [1 if samples == 1 else 2]),
        SAMPLES: (SHORT, [samples]),
    }


@cache
def zeros(size: int) -> bytes:
    """So many of them, deflated."""
    deflate = zlib.compressobj(9)
    block = bytes(2**20)
    body = b"".join(deflate.compress(block[: min(2**20, size - at)]) for at in range(0, size, 2**20))  # fmt: skip
    return body + deflate.flush()


def tiled(tags: dict[int, Values], sides: tuple[int, int], body: bytes, count: int) -> bytes:
    """With so many tiles, each of which is all of `body`."""
    tags = tags | {TILE_WIDTH: (LONG, [sides[0]]), TILE_HEIGHT: (LONG, [sides[1]])}
    tags |= {TILES: (LONG, [BODY] * count), TILE_LENGTHS: (LONG, [len(body)] * count)}
    return made(tags, body)


def one_tile(side: int, samples: int, separate: bool = False) -> bytes:
    """A picture of 16 by 16 pixels in a tile of `side` by `side`, or in one for each colour."""
    planes = samples if separate else 1
    tags = picture(16, 16, samples, DEFLATE) | {PLANAR: (SHORT, [2 if separate else 1])}
    return tiled(tags, (side, side), zeros(side * side * samples // planes), planes)


def row_of_tiles(count: int) -> bytes:
    """Of 16 by 4,194,304 pixels each, all in the same bytes."""
    return tiled(picture(16 * count, 16, 1, DEFLATE), (16, 2**22), zeros(2**26), count)


def shared_strips(count: int, lengths: bool = True) -> bytes:
    """Of a row each, in the same megabyte, the most that libtiff takes for one; it has to turn the bits of all of it round."""
    rows = bytes(int(f"{one:08b}"[::-1], 2) for one in zeros(16))
    body = rows + np.random.default_rng(1).bytes(2**20 - len(rows))
    tags = picture(16, count, 1, DEFLATE)
    tags |= {FILL_ORDER: (SHORT, [2]), ROWS: (LONG, [1]), STRIPS: (LONG, [BODY] * count)}
    return made(tags | ({LENGTHS: (LONG, [len(body)] * count)} if lengths else {}), body)


def strips_over(side: int, count: int) -> bytes:
    """Of a bit a pixel, raw: one of all rows but the last, and one of that, so many times. Pillow draws what is listed."""
    tags = picture(side, side - 1, 1, RAW, bits=1) | {ROWS: (LONG, [side - 2])}
    body = bytes(side // 8 * side)
    tags |= {STRIPS: (LONG, [BODY] * count), LENGTHS: (LONG, [len(body)] * count)}
    return made(tags, body)


def one_strip(side: int) -> bytes:
    """Eight bytes for each of its pixels."""
    body = zeros(side * side * 8)
    tags = picture(side, side, 4, DEFLATE, bits=16) | {ROWS: (LONG, [side])}
    return made(tags | {STRIPS: (LONG, [BODY]), LENGTHS: (LONG, [len(body)])}, body)


def small() -> tuple[dict[int, Values], bytes]:
    """A good picture, raw."""
    tags = picture(16, 16, 1, RAW) | {STRIPS: (LONG, [BODY]), LENGTHS: (LONG, [256])}
    return tags, bytes(256)


def twice() -> bytes:
    """The first of two widths of a tile is none that Pillow or libtiff would read."""
    tags = picture(16, 16, 3, DEFLATE)
    body = zeros(8192 * 8192 * 3)
    tags |= {TILE_HEIGHT: (LONG, [8192]), TILES: (LONG, [BODY]), TILE_LENGTHS: (LONG, [len(body)])}
    return made(tags, body, [(TILE_WIDTH, (SHORT, [])), (TILE_WIDTH, (LONG, [8192]))])


def rationals(tag: int, count: int) -> bytes:
    """In that tag."""
    tags, body = small()
    return made(tags | {tag: (RATIONAL, [1] * 2 * count)}, body)


def below(tag: int, count: int) -> bytes:
    """In a directory that the tag leads to."""
    inner = made({37_500: (RATIONAL, [1] * 2 * count)}, b"")
    tags, body = small()
    outer = made(tags | {tag: (LONG, [0])}, body)
    entry = struct.pack("<HHI", tag, LONG, 1)
    at = outer.index(entry) + 8
    # the values lie behind a directory of one tag
    place = struct.pack("<I", len(outer) + 2 + 12 + 4)
    directory = inner[BODY : BODY + 2 + 8] + place + inner[BODY + 2 + 12 :]
    return outer[:at] + struct.pack("<I", len(outer)) + outer[at + 4 :] + directory


def many_tags() -> bytes:
    """As many as a directory can have."""
    tags, body = small()
    most = 65_535 - len(tags) - 2000
    return made(tags, body, [(2000 + n, (SHORT, [1])) for n in range(most)])


def shared_tags(count: int, size: int, kind: int) -> bytes:
    """A good picture with so many tags of its own, the values of all of which are the same `size` bytes."""
    body = zeros(256)
    tags = picture(16, 16, 1, DEFLATE) | {STRIPS: (LONG, [BODY]), LENGTHS: (LONG, [len(body)])}
    data = made(tags, body, [(OWN + number, (SHORT, [0])) for number in range(count)])
    entries = len(data) - 4 - 12 * count
    shared = b"".join(
        struct.pack("<HHII", OWN + number, kind, size // WIDE.get(kind, 1), BODY)
        for number in range(count)
    )
    return (data[:entries] + shared + bytes(4)).ljust(BODY + size, b"\0")
