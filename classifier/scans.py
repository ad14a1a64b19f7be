"""The markers of a JPEG, and what its scans would take: time for each pass over its blocks, room for its coefficients.

A JPEG of more than one scan is held as coefficients, two bytes for each sample, until its last scan is read; and each scan
goes over all blocks of its components, also one of ten bytes. Markers are read as libjpeg does (jdmarker.c, jdhuff.c): what
it would take for a scan is never passed over. Restart markers are none of a picture's parts: there may be one for each block.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from classifier import tags

# segments of a JPEG, chunks of a PNG: 20 MiB in chunks of 2 KiB
MOST = 10_000
# a file is read byte by byte where something stands between two parts
MOST_BETWEEN = 2**16
# photographs have about ten
MOST_SCANS = 100
# samples gone over in all scans together: about half a second. A progressive photograph has 8 (4:2:0) to 14 (4:4:4) a pixel
MOST_GONE_OVER = 500_000_000
# samples whose coefficients are held at once: 200 MB, as much as 50 million pixels of colour in any other format
MOST_HELD = 100_000_000
# Pillow joins them one by one
MOST_EXIFS = 32

SAMPLES = 64
HEAD = b"Exif\0\0"
RESOLUTION = (274, 282, 283, 296)
MARKER = re.compile(rb"\xff[^\x00\xff]")
# restart markers stand between coded blocks
BEHIND_A_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
END, SCAN, EXIF = 0xD9, 0xDA, 0xE1
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
# coded arithmetically, which takes up to four times as long
ARITHMETIC, LONGER = range(0xC9, 0xD0), 4
# no length follows: restart, begin, end, and what no decoder knows; nor is it read behind those that are kept for later
# versions of the format: Pillow goes on with their next byte, and libjpeg takes none of them
BARE = frozenset((*range(0xC0), 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)))


class TooMany(Exception):
    """A file that would take far more than its pixels ask for; `str()` is a sentence for people."""

    def __init__(
        self, sentence: str, reason: Literal["too_many_parts", "too_many_pixels"] = "too_many_parts"
    ) -> None:
        super().__init__(sentence)
        self.reason: Literal["too_many_parts", "too_many_pixels"] = reason


class _Segment(NamedTuple):
    marker: int
    body: bytes


def jpeg(data: bytes) -> None:
    """Raises TooMany."""
    scanned(data, [(0, len(data))])


def scanned(data: bytes, pieces: Iterable[tuple[int, int]]) -> None:
    """The JPEGs that lie there in `data`, decoded one after the other. Raises TooMany."""
    gone_over = 0
    for start, end in pieces:
        for samples in _passes(data, start, end):
            gone_over += samples
            if gone_over > MOST_GONE_OVER:
                raise TooMany("The JPEG file has far too many scans for its size.")


def _passes(data: bytes, start: int, end: int) -> Iterator[int]:
    """The samples that each scan goes over, as many times as they take longer than others."""
    frame: list[tuple[int, int]] = []
    exifs: list[bytes] = []
    scans, several, times = 0, False, 1
    for marker, body in _segments(data, start, end):
        if marker == EXIF:
            exifs += [body.removeprefix(HEAD)] if body.startswith(HEAD) else []
            if len(exifs) > MOST_EXIFS:
                raise TooMany(f"The JPEG file has more than {MOST_EXIFS} blocks of EXIF.")
        elif marker in FRAMES and not frame:
            frame, several = _samples(body), marker in PROGRESSIVE
            times = LONGER if marker in ARITHMETIC else 1
        elif marker == SCAN:
            scans += 1
            _check_exif(b"".join(exifs).removeprefix(HEAD) if scans == 1 else b"")
            if scans > MOST_SCANS:
                raise TooMany(f"The JPEG file has more than {MOST_SCANS} scans.")
            theirs = [_most(frame, one) for one in body[1 : 1 + 2 * body[0] : 2]] if body else []
            several = several or len(theirs) < len(frame)
            if not several:
                return  # it is decoded as it is read, and ends with its only scan
            _check_held(sum(samples for _, samples in frame))
            yield times * sum(theirs)


def _check_exif(exif: bytes) -> None:
    """Of the tags that Pillow reads when it opens a JPEG, to know its resolution."""
    found = tags.first(exif)
    if found is None:
        return
    if len(found.tags) > tags.MOST_TAGS:
        raise TooMany(f"The EXIF of the JPEG file has more than {tags.MOST_TAGS:,} tags.")
    read = [tags.objects(exif, tag) for tag in found.tags if tag.name in RESOLUTION]
    if max(read, default=0) > tags.MOST_VALUES:
        raise TooMany(f"A tag of the JPEG file's EXIF has more than {tags.MOST_VALUES:,} values.")


def _check_held(samples: int) -> None:
    if samples > MOST_HELD:
        raise TooMany(
            f"The JPEG file is progressive and holds {samples:,} samples of brightness and colour;"
            f" {MOST_HELD:,} are allowed. Send it as a baseline JPEG.",
            "too_many_pixels",
        )


def _segments(data: bytes, start: int, end: int) -> Iterator[_Segment]:
    """Markers with what follows them, up to the end that comes after a scan."""
    at, between, seen_scan, pattern = start, 0, False, MARKER
    for _ in range(MOST):
        far = end if pattern is BEHIND_A_SCAN else min(end, at + MOST_BETWEEN + 2)
        found = pattern.search(data, at, far)
        if pattern is MARKER:
            between += (found.start() if found else max(at, far - 2)) - at
            if between > MOST_BETWEEN or (found is None and far < end):
                raise TooMany("The JPEG file has much between its segments that belongs to none.")
        if found is None:
            return
        marker = data[found.start() + 1]
        at = found.end()
        if marker == END and seen_scan:
            return
        if marker in BARE:
            continue
        pattern = MARKER
        length = int.from_bytes(data[at : at + 2], "big")
        yield _Segment(marker, data[at + 2 : at + max(2, length)])
        at += max(2, length)
        if marker == SCAN:
            seen_scan, pattern = True, BEHIND_A_SCAN
    raise TooMany(f"The JPEG file has more than {MOST:,} segments.")


def _most(frame: list[tuple[int, int]], name: int) -> int:
    """The samples of the component that a scan names, at most: several may have one name, and libjpeg makes up others."""
    named = [samples for one, samples in frame if one == name]
    return max(named or [samples for _, samples in frame], default=0)


def _samples(frame: bytes) -> list[tuple[int, int]]:
    """Each component's name and its samples, in whole blocks."""
    if len(frame) < 6:
        return []
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    parts = [frame[at : at + 2] for at in range(6, 6 + 3 * frame[5], 3)]
    sides = [(one[0], max(1, one[1] >> 4), max(1, one[1] & 15)) for one in parts if len(one) == 2]
    if not sides:
        return []
    widest, highest = max(across for _, across, _ in sides), max(down for _, _, down in sides)
    return [
        (name, SAMPLES * -(-width * across // (8 * widest)) * -(-height * down // (8 * highest)))
        for name, across, down in sides
    ]
