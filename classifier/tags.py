"""Directories of tags, as a TIFF and the EXIF of any picture have them: which tags, of what kind, how many values and where.

Pillow makes an object of every value it is asked for, two microseconds and a hundred bytes each: so values are counted here
before it is asked for them. Nothing in this room makes more of them than it is told to, or says what is too many of a picture.
"""

import struct
from typing import NamedTuple

# tags in a directory: 64 KiB, a whole block of EXIF in a JPEG, have 5,461
MOST_TAGS = 10_000
# values of one tag: those of which a decoder asks have a handful
MOST_VALUES = 1000

# bytes of one value, by kind
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
# by kind: whole numbers without a sign
WHOLE = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
# bytes, characters and what has no kind: one object for all of it
PLAIN = (1, 2, 7)
SHORT = 3


class Tag(NamedTuple):
    """One tag, with the number of its values and the place of the first."""

    name: int
    kind: int
    values: int
    at: int


class Directory(NamedTuple):
    """The first directory of what begins as a TIFF does; `order` as struct has it, `<` or `>`."""

    order: str
    tags: list[Tag]


def first(data: bytes) -> Directory | None:
    """None where it does not begin so."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    (at,) = struct.unpack_from(order + "I", data, 4)
    return Directory(order, directory(data, at, order))


def directory(data: bytes, at: int, order: str) -> list[Tag]:
    """As many tags as are there, `MOST_TAGS` and one at most."""
    if at + 2 > len(data):
        return []
    (number,) = struct.unpack_from(order + "H", data, at)
    number = min(number, MOST_TAGS + 1, (len(data) - at - 2) // 12)
    return [_tag(data, place, order) for place in range(at + 2, at + 2 + 12 * number, 12)]


def _tag(data: bytes, place: int, order: str) -> Tag:
    name, kind, values, at = struct.unpack_from(order + "HHII", data, place)
    return Tag(name, kind, values, at if values * SIZES.get(kind, 0) > 4 else place + 8)


def whole(data: bytes, tag: Tag, order: str, most: int) -> tuple[int, ...] | None:
    """Its first `most` values, as many as are there; None where they are no whole numbers."""
    if tag.kind not in WHOLE:
        return None
    number = min(tag.values, most, max(0, len(data) - tag.at) // SIZES[tag.kind])
    form = f"{order}{number}{WHOLE[tag.kind]}"
    return struct.unpack_from(form, data, tag.at) if number else ()


def objects(data: bytes, tag: Tag) -> int:
    """How many Pillow would make of it: none where there would be more bytes than the file has."""
    size = SIZES.get(tag.kind, 0)
    return 0 if tag.kind in PLAIN or tag.values * size > len(data) else tag.values if size else 0
