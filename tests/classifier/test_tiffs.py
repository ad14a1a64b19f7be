"""A TIFF that asks for more than its picture is refused before it is decoded; as writers write them, TIFFs are read."""

import zlib
from time import thread_time

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from classifier import tiffs
from classifier.pictures import BadPicture, Reason, open_picture
from tests.classifier.files import blocks, encode
from tests.hostile import tiffs as bombs
from tests.hostile.tiffs import BODY, DEFLATE, LONG, RAW, SHORT, made, picture

COMPRESSIONS = (None, "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "jpeg")
TURNED = b'<x:xmpmeta><rdf tiff:Orientation="6"/></x:xmpmeta>'


def refusal(data: bytes) -> Reason:
    with pytest.raises(BadPicture) as caught:
        open_picture(data)
    assert str(caught.value).endswith(".")
    return caught.value.reason


def test_what_asks_for_much_is_refused_at_once() -> None:
    for kind, data, refused in bombs.files():
        took = []
        for _ in range(2):
            before = thread_time()
            assert refusal(data) in ("too_many_parts", "too_many_pixels"), kind
            took.append(thread_time() - before)
        # one of them may have had the whole run's garbage to collect
        assert min(took) < 0.3, kind
        assert refused


def in_tiles(image: Image.Image, width: int, height: int, compression: int, planes: int) -> bytes:
    """As writers lay them: row by row and plane by plane, filled up beyond the edges."""
    pixels = np.asarray(image)
    rows, columns = -(-image.height // height), -(-image.width // width)
    padded = np.zeros((rows * height, columns * width, 3), np.uint8)
    padded[: image.height, : image.width] = pixels
    parts = [
        padded[y : y + height, x : x + width, plane].tobytes()
        for plane in ([slice(None)] if planes == 1 else [0, 1, 2])
        for y in range(0, len(padded), height)
        for x in range(0, padded.shape[1], width)
    ]
    parts = [zlib.compress(part) if compression == DEFLATE else part for part in parts]
    starts = BODY + np.cumsum([0, *(len(part) for part in parts)])[:-1]
    tags = picture(*image.size, 3, compression) | {bombs.PLANAR: (SHORT, [1 if planes == 1 else 2])}
    tags |= {bombs.TILE_WIDTH: (SHORT, [width]), bombs.TILE_HEIGHT: (SHORT, [height])}
    tags |= {bombs.TILES: (LONG, starts.tolist())}
    tags |= {bombs.TILE_LENGTHS: (LONG, [len(part) for part in parts])}
    return made(tags, b"".join(parts))


@pytest.mark.parametrize("compression", [RAW, DEFLATE])
@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize(
    "sides", [(16, 16), (128, 128), (256, 256), (1024, 1024), (2048, 2048), (4096, 1024)]
)
def test_tiles_are_read(sides: tuple[int, int], planes: int, compression: int) -> None:
    read = open_picture(in_tiles(blocks(), *sides, compression, planes))
    assert np.array_equal(read.pixels, np.asarray(blocks()))


def test_one_tile_may_be_as_large_as_the_picture() -> None:
    image = Image.new("RGB", (5000, 4000), (10, 20, 30))
    assert open_picture(in_tiles(image, 5008, 4000, DEFLATE, 1)).width == 5000
    assert tiffs.MOST_TILE < 5008 * 4000


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("rows", [8, 24, 64, 2**32 - 1])
def test_strips_are_read_however_many_rows_each_has(compression: str | None, rows: int) -> None:
    options = {"compression": compression} if compression else {}
    data = encode(blocks(), "tiff", tiffinfo={bombs.ROWS: rows}, **options)
    assert (open_picture(data).width, open_picture(data).height) == (80, 60)


@pytest.mark.parametrize("compression", [None, "group3", "group4", "tiff_ccitt"])
def test_pictures_of_two_colours_are_read(compression: str | None) -> None:
    image = blocks().convert("1")
    data = encode(image, "tiff", **({"compression": compression} if compression else {}))
    assert np.array_equal(open_picture(data).pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_large_profile_xmp_and_exif_are_no_reason_to_refuse(compression: str | None) -> None:
    exif = Image.Exif()
    exif.update({bombs.ORIENTATION: 8, bombs.XRESOLUTION: 72.0, 271: "Camera"})
    exif.get_ifd(bombs.EXIF)[37_500] = b"note" * 20_000
    exif.get_ifd(bombs.GPS)[2] = (50.0, 30.0, 2.5)
    options = {"compression": compression} if compression else {}
    profile = bytes(2**20)
    read = open_picture(encode(blocks(), "tiff", exif=exif, icc_profile=profile, **options))
    assert (read.width, read.height) == (60, 80)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[bombs.XMP] = TURNED.ljust(2**21)
    tags.tagtype[bombs.XMP] = 1
    read = open_picture(encode(blocks(), "tiff", tiffinfo=tags, **options))
    assert (read.width, read.height) == (60, 80)


def test_values_that_nobody_reads_may_be_many() -> None:
    tags, body = bombs.small()
    # where a map lies, for each of its points
    data = made(tags | {33_922: (bombs.RATIONAL, [1] * 20_000)}, body)
    assert open_picture(data).width == 16


def test_bytes_may_be_in_several_strips_as_long_as_they_are_few() -> None:
    body = zlib.compress(bytes(16 * 16))
    tags = picture(16, 32, 1, DEFLATE) | {bombs.ROWS: (LONG, [16])}
    tags |= {bombs.STRIPS: (LONG, [BODY] * 2), bombs.LENGTHS: (LONG, [len(body)] * 2)}
    assert open_picture(made(tags, body)).height == 32


def test_a_picture_without_sides_is_not_said_to_have_many_parts() -> None:
    tags, body = bombs.small()
    assert refusal(made(tags | {bombs.WIDTH: (LONG, [0])}, body)) in ("broken", "too_small")
