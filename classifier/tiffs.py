"""What the strips and tiles of a TIFF would take, and the tags that a decoder reads on the way to them.

A few bytes can say that a picture of 16 by 16 pixels lies in one tile of 16,384 by 16,384, or that 60,000 strips lie in the same
megabyte: libtiff unpacks each as often as it is told to, and a tile as a whole. What it would have to unpack is read off the tags,
as it reads them and as Pillow does; a file that tells the two different things is refused.
"""

from collections.abc import Iterable, Sequence

from classifier import tags
from classifier.scans import TooMany, scanned
from classifier.tags import MOST_VALUES, Tag

# a strip for each row of the longest side, for each colour a plane of its own
MOST_STRIPS = 60_000
# pixels of one tile, if the picture itself has not more: 2,048 by 2,048. Most have 128 to 1,024 a side
MOST_TILE = 2**22
# pixels of all tiles together, what lies outside the picture included, if that is not twice what it has
MOST_TILED = 2**26
# bytes of the strip or tile that is unpacked, which are held beside the picture: as much as 50 million pixels of colour
MOST_UNPACKED = 200_000_000
# how many times the bytes of the file may be in its strips
MOST_SHARED = 3
# tags of the picture: a camera writes a hundred, and libtiff sorts all it has for each that it does not know
MOST_TAGS = 1000
# how many times the bytes of the file may be in values of tags
MOST_COPIED = 2
# bytes: up to so many lie in the directory itself; of one value of a kind that is not known here
INLINE, LARGEST_VALUE = 4, 8
# values in a directory below the first, all of which Pillow reads
MOST_BELOW = 10_000

WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, ROWS, PLANAR = 256, 257, 258, 259, 277, 278, 284
STRIPS, LENGTHS, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_LENGTHS = 273, 279, 322, 323, 324, 325
COLOURS, OLD_JPEG = 320, 513
EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965
# as many values as a picture has strips, or a palette of 16 bits has colours
LONG = {STRIPS: MOST_STRIPS, LENGTHS: MOST_STRIPS, TILES: MOST_STRIPS, TILE_LENGTHS: MOST_STRIPS, COLOURS: 3 * 2**16}  # fmt: skip
# what says where the pixels lie
PLACES = (
    WIDTH,
    HEIGHT,
    BITS,
    COMPRESSION,
    SAMPLES,
    ROWS,
    PLANAR,
    TILE_WIDTH,
    TILE_HEIGHT,
    OLD_JPEG,
    *LONG,
)
# what Pillow reads besides: kinds of pixels and samples, resolution, orientation, profile, XMP
READ = (*PLACES, 262, 266, 274, 282, 283, 296, 338, 339, 530, 700, 34675, EXIF, GPS, INTEROPERABILITY)  # fmt: skip
# where there are directories below the first
BELOW: dict[int, tuple[int, ...]] = {EXIF: (INTEROPERABILITY,), GPS: (), INTEROPERABILITY: ()}
RAW, JPEGS, SEPARATE = 1, (6, 7), 2


def tiff(data: bytes) -> None:
    """Raises TooMany."""
    found = tags.first(data)
    if found is None:
        return
    _check_number(found.tags, MOST_TAGS)
    _check_copied(data, found.tags)
    for tag in found.tags:
        most = LONG.get(tag.name, MOST_VALUES)
        if tag.name in READ and tags.objects(data, tag) > most:
            what = "strips or tiles" if most == MOST_STRIPS else f"values of its tag {tag.name}"
            raise TooMany(f"The TIFF file has more than {most:,} {what}.")
    _check_below(data, found.tags, (EXIF, GPS), found.order)
    _check_pieces(data, _places(data, found))


def _check_number(found: Sequence[Tag], most: int) -> None:
    if len(found) > most:
        raise TooMany(f"The TIFF file has more than {most:,} tags.")


def _check_copied(data: bytes, found: Iterable[Tag]) -> None:
    """libtiff takes a copy of the value of every tag, also of those that nobody knows, and several may lie in one place."""
    sizes = [tag.values * tags.SIZES.get(tag.kind, LARGEST_VALUE) for tag in found]
    if sum(min(size, len(data)) for size in sizes if size > INLINE) > MOST_COPIED * len(data):
        raise TooMany("The tags of the TIFF file share their bytes.")


def _check_below(data: bytes, found: Iterable[Tag], pointers: Sequence[int], order: str) -> None:
    """Of the directories that these tags lead to."""
    for tag in _once(found, pointers):
        for at in tags.whole(data, tag, order, 1) or ():
            below = tags.directory(data, at, order)
            _check_number(below, tags.MOST_TAGS)
            if sum(tags.objects(data, one) for one in below) > MOST_BELOW:
                raise TooMany(f"The EXIF of the TIFF file has more than {MOST_BELOW:,} values.")
            _check_below(data, below, BELOW[tag.name], order)


def _once(found: Iterable[Tag], names: Sequence[int]) -> list[Tag]:
    """Those tags; one that comes twice is read in two ways."""
    wanted = [tag for tag in found if tag.name in names]
    if len({tag.name for tag in wanted}) < len(wanted):
        raise TooMany("The TIFF file says more than once where its pixels or its EXIF lie.")
    return wanted


def _places(data: bytes, found: tags.Directory) -> dict[int, tuple[int, ...]]:
    places: dict[int, tuple[int, ...]] = {}
    for tag in _once(found.tags, PLACES):
        values = tags.whole(data, tag, found.order, LONG.get(tag.name, MOST_VALUES) + 1)
        if values is None:
            raise TooMany("The TIFF file says where its pixels lie in numbers that are not whole.")
        if values:
            places[tag.name] = values
    if STRIPS in places and TILES in places:
        raise TooMany(
            "The TIFF file has its pixels in strips and in tiles; one of them is allowed."
        )
    return places


def _check_pieces(data: bytes, places: dict[int, tuple[int, ...]]) -> None:
    width, height = _one(places, WIDTH, 0), _one(places, HEIGHT, 0)
    if not width or not height:
        return  # it is no picture
    raw = _one(places, COMPRESSION, RAW) == RAW
    # Pillow goes by what there is, libtiff by whether a tile has sides
    tiled = TILES in places if raw else TILE_WIDTH in places or TILE_HEIGHT in places
    across, down = width, min(_one(places, ROWS, 0) or height, height)
    if tiled:
        across, down = _one(places, TILE_WIDTH, 0) or 1, _one(places, TILE_HEIGHT, 0) or 1
    pieces = -(-width // across) * -(-height // down)
    samples = _one(places, SAMPLES, 1)
    separate = _one(places, PLANAR, 1) == SEPARATE
    if tiled:
        _check_tiles(width, height, across * down, pieces)
    starts = places.get(STRIPS) or places.get(TILES) or ()
    if len(starts) > pieces * (samples if separate else 1):
        raise TooMany("The TIFF file has more strips or tiles than its picture.")
    if raw:
        return  # as Pillow reads it, bytes and pixels are as many
    bits = max(places.get(BITS, (1,))) * (1 if separate else samples)
    if across * down * bits > 8 * MOST_UNPACKED:
        raise TooMany(
            f"A strip or tile of the TIFF file would unpack to {across * down * bits // 8:,} bytes;"
            f" {MOST_UNPACKED:,} are allowed.",
            "too_many_pixels",
        )
    _check_shared(data, places, starts)


def _one(places: dict[int, tuple[int, ...]], name: int, otherwise: int) -> int:
    return places.get(name, (otherwise,))[0]


def _check_tiles(width: int, height: int, tile: int, tiles: int) -> None:
    """By pixels. A tile may be as large as the picture, whose sides it has in whole multiples of 16."""
    whole = -(-width // 16) * -(-height // 16) * 256
    if tile > max(MOST_TILE, whole) or tiles * tile > max(MOST_TILED, 2 * width * height):
        raise TooMany(
            f"The tiles of the TIFF file have {tiles * tile:,} pixels, its picture has {width * height:,}.",
            "too_many_pixels",
        )
    if tiles > MOST_STRIPS:
        raise TooMany(f"The TIFF file has more than {MOST_STRIPS:,} strips or tiles.")


def _check_shared(data: bytes, places: dict[int, tuple[int, ...]], starts: tuple[int, ...]) -> None:
    lengths = places.get(LENGTHS) or places.get(TILE_LENGTHS) or ()
    lengths = lengths + (0,) * (len(starts) - len(lengths))
    # where no length is given libtiff makes one up
    pieces = [(start, length or len(data)) for start, length in zip(starts, lengths, strict=False)]
    pieces += [(one, len(data)) for one in places.get(OLD_JPEG, ())[:1]]
    if sum(min(length, len(data)) for _, length in pieces) > MOST_SHARED * len(data):
        raise TooMany("The strips of the TIFF file share their bytes.")
    if _one(places, COMPRESSION, RAW) in JPEGS:
        scanned(data, [(start, start + length) for start, length in pieces])
