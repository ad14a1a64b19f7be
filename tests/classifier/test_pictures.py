"""Files that are good pictures, in every way in which a good picture can be stored."""

import hashlib
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from classifier.orientation import ORIENTATION
from classifier.pictures import LARGE, Picture, open_picture
from tests.classifier.files import blocks, chunk, encode, frames, png

LOSSLESS = [
    ("png", {}),
    ("bmp", {}),
    ("tiff", {}),
    ("tiff", {"compression": "tiff_lzw"}),
    ("webp", {"lossless": True}),
]


def centres(picture: Picture) -> NDArray[np.int16]:
    return picture.pixels[5::10, 5::10].astype(np.int16)


@pytest.mark.parametrize(("format", "options"), LOSSLESS)
def test_a_lossless_file_gives_exactly_its_pixels(format: str, options: dict[str, bool]) -> None:
    data = encode(blocks(), format, **options)
    picture = open_picture(data)
    assert np.array_equal(picture.pixels, np.asarray(blocks()))
    assert (picture.format, picture.mode) == (format, "RGB")
    assert (picture.width, picture.height) == (80, 60)
    assert picture.size_bytes == len(data)
    assert picture.digest == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_read_whatever_its_kind(progressive: bool) -> None:
    picture = open_picture(encode(blocks(), "jpeg", quality=95, progressive=progressive))
    assert picture.format == "jpeg"
    assert np.abs(centres(picture) - np.asarray(blocks())[5::10, 5::10]).max() < 12


def test_pixels_cannot_be_written() -> None:
    pixels = open_picture(encode(blocks(), "png")).pixels
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0


def test_a_picture_of_a_telephone_with_a_second_one_behind_it_is_its_first() -> None:
    data = frames("mpo", quality=95)
    assert data.count(b"\xff\xd8\xff") == 3
    picture = open_picture(data)
    assert picture.format == "jpeg"
    assert np.abs(centres(picture) - np.asarray(blocks())[5::10, 5::10]).max() < 12


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def stored_for(orientation: int, upright: Image.Image) -> Image.Image:
    """What a camera held that way stores, by the table of EXIF 2.3, 4.6.4 A (first row, first column)."""
    pixels = np.asarray(upright)
    stored = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: pixels.transpose(1, 0, 2)[::-1],
        7: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: pixels[::-1].transpose(1, 0, 2),
    }[orientation]
    return Image.fromarray(np.ascontiguousarray(stored))


@pytest.mark.parametrize("format", ["png", "tiff", "webp", "jpeg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_upright(format: str, orientation: int) -> None:
    stored = stored_for(orientation, blocks())
    well: dict[str, dict[str, Any]] = {"webp": {"lossless": True}, "jpeg": {"quality": 95}}
    picture = open_picture(encode(stored, format, exif=exif(orientation), **well.get(format, {})))
    assert (picture.width, picture.height) == (80, 60)
    gap = np.abs(centres(picture) - np.asarray(blocks())[5::10, 5::10]).max()
    assert gap < 12 if format == "jpeg" else gap == 0


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(value: int) -> None:
    picture = open_picture(encode(blocks(), "png", exif=exif(value)))
    assert np.array_equal(picture.pixels, np.asarray(blocks()))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_turns_nothing_and_spoils_nothing() -> None:
    damaged = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff" + b"\x01\x12" * 3
    picture = open_picture(encode(blocks(), "jpeg", exif=damaged))
    assert (picture.width, picture.height) == (80, 60)


def test_transparent_pixels_lie_over_white() -> None:
    colours = np.full((20, 20, 4), (200, 0, 0, 255), np.uint8)
    colours[:10, :, 3] = 0
    colours[10:, :10, 3] = 128
    for format, options in (("png", {}), ("webp", {"lossless": True, "exact": True})):
        picture = open_picture(encode(Image.fromarray(colours), format, **options))
        assert picture.mode == "RGBA"
        assert picture.pixels[0, 0].tolist() == [255, 255, 255]
        assert np.abs(picture.pixels[15, 5].astype(int) - (227, 127, 127)).max() <= 1
        assert picture.pixels[15, 15].tolist() == [200, 0, 0]


def test_transparent_grey_lies_over_white() -> None:
    grey = np.full((20, 20, 2), (60, 255), np.uint8)
    grey[:10, :, 1] = 0
    picture = open_picture(encode(Image.fromarray(grey, "LA"), "png"))
    assert picture.mode == "LA"
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[15, 0].tolist() == [60, 60, 60]


@pytest.mark.parametrize("format", ["png", "gif"])
def test_a_transparent_colour_of_the_palette_lies_over_white(format: str) -> None:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 255] + [0] * 759)
    image.paste(2, (0, 0, 20, 10))
    picture = open_picture(encode(image, format, transparency=2))
    assert picture.mode == "P"
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[15, 0].tolist() == [200, 0, 0]


def test_half_transparent_colours_of_the_palette_are_blended() -> None:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([10, 20, 30, 200, 0, 0] + [0] * 762)
    picture = open_picture(encode(image, "png", transparency=bytes([255, 128])))
    assert np.abs(picture.pixels[0, 0].astype(int) - (227, 127, 127)).max() <= 1


def test_a_transparent_colour_of_a_colour_picture_lies_over_white() -> None:
    rows = b"".join(b"\x00" + bytes([200, 0, 0] * 10 + [0, 200, 0] * 10) for _ in range(20))
    extra = chunk(b"tRNS", struct.pack(">HHH", 0, 200, 0))
    picture = open_picture(png(20, 20, 8, 2, rows, extra))
    assert picture.pixels[0, 0].tolist() == [200, 0, 0]
    assert picture.pixels[0, 19].tolist() == [255, 255, 255]


def test_sixteen_bits_keep_the_high_byte_in_grey_and_in_colour() -> None:
    grey = b"".join(
        b"\x00" + struct.pack(">20H", *[0x80FF] * 10, *[0x1234] * 10) for _ in range(20)
    )
    picture = open_picture(png(20, 20, 16, 0, grey))
    assert picture.pixels[0, 0].tolist() == [0x80] * 3
    assert picture.pixels[0, 19].tolist() == [0x12] * 3
    colour = b"".join(
        b"\x00" + struct.pack(">60H", *[0x80FF, 0x1234, 0xFE00] * 20) for _ in range(20)
    )
    picture = open_picture(png(20, 20, 16, 2, colour))
    assert picture.pixels[0, 0].tolist() == [0x80, 0x12, 0xFE]


def test_sixteen_bits_with_transparency_lie_over_white() -> None:
    grey = b"".join(
        b"\x00" + struct.pack(">20H", *[0x8000] * 10, *[0x1234] * 10) for _ in range(20)
    )
    picture = open_picture(png(20, 20, 16, 0, grey, chunk(b"tRNS", struct.pack(">H", 0x1234))))
    assert picture.pixels[0, 0].tolist() == [0x80] * 3
    assert picture.pixels[0, 19].tolist() == [255] * 3
    colour = b"".join(
        b"\x00" + struct.pack(">80H", *[0xFF00, 0, 0, 0x8000] * 20) for _ in range(20)
    )
    picture = open_picture(png(20, 20, 16, 6, colour))
    assert np.abs(picture.pixels[0, 0].astype(int) - (255, 127, 127)).max() <= 1


@pytest.mark.parametrize(("kind", "dtype"), [("I;16", "<u2"), ("I;16B", ">u2")])
def test_sixteen_bit_tiff_is_read_in_both_byte_orders(kind: str, dtype: str) -> None:
    values = np.full((20, 20), 0x8001, dtype)
    image = Image.frombytes(kind, (20, 20), values.tobytes())
    assert open_picture(encode(image, "tiff")).pixels[0, 0].tolist() == [0x80] * 3


@pytest.mark.parametrize("format", ["jpeg", "tiff"])
def test_printing_colours_become_the_colours_they_print(format: str) -> None:
    ink = np.zeros((24, 24, 4), np.uint8)
    ink[:, 8:16] = (0, 255, 255, 0)
    ink[:, 16:] = (0, 0, 0, 255)
    picture = open_picture(encode(Image.fromarray(ink, "CMYK"), format))
    assert picture.mode == "CMYK"
    shown = picture.pixels[12, [4, 12, 20]].astype(int)
    assert np.abs(shown - [[255, 255, 255], [255, 0, 0], [0, 0, 0]]).max() <= 8


@pytest.mark.parametrize("mode", ["1", "L", "P"])
@pytest.mark.parametrize("format", ["png", "gif", "bmp", "tiff"])
def test_pictures_without_three_channels_become_three(mode: str, format: str) -> None:
    image = blocks().convert(mode)
    picture = open_picture(encode(image, format))
    assert picture.pixels.shape == (60, 80, 3)
    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB")))


def test_the_same_bytes_give_the_same_pixels_in_many_threads() -> None:
    data = [encode(blocks(seed=seed), "jpeg") for seed in range(8)]
    alone = [open_picture(one).pixels for one in data]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(open_picture, data * 10))
    assert all(np.array_equal(one.pixels, alone[place % 8]) for place, one in enumerate(together))


@pytest.mark.parametrize(
    ("format", "mode"),
    [("jpeg", "RGB"), ("jpeg", "CMYK"), ("png", "RGBA"), ("png", "P"), ("png", "1"), ("tiff", "L")],
)
def test_a_very_large_picture_is_the_same_picture_with_fewer_pixels(format: str, mode: str) -> None:
    small = blocks(90, 60)
    file = encode(small.resize((5400, 3600), Image.Resampling.NEAREST).convert(mode), format)
    picture = open_picture(file)
    assert (picture.width, picture.height) == (5400, 3600)
    height, width = picture.pixels.shape[:2]
    assert width * height <= LARGE
    assert (width, height) == (2700, 1800)
    seen = np.asarray(Image.fromarray(picture.pixels).resize(small.size, Image.Resampling.BOX))
    expected = np.asarray(open_picture(encode(small.convert(mode), "tiff")).pixels)
    if mode not in ("1", "P"):  # these are dithered: other pixels, the same impression
        assert np.abs(seen.astype(int) - expected.astype(int)).mean() < 4


def test_the_sides_of_a_very_large_picture_are_told_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    big = blocks(90, 60).resize((5400, 3600), Image.Resampling.NEAREST)
    picture = open_picture(encode(big, "jpeg", exif=exif))
    assert (picture.width, picture.height) == (3600, 5400)
    assert picture.pixels.shape[:2] == (2700, 1800)
