"""What a file would cost is read off before it is decoded, and no honest file is refused for it."""

import struct
from time import process_time

import pytest
from PIL import Image

from classifier import parts, scans
from classifier.pictures import BadPicture, Reason, open_picture
from tests.classifier.files import blocks, chunk, encode
from tests.hostile import bombs


def refusal(data: bytes) -> Reason:
    with pytest.raises(BadPicture) as caught:
        open_picture(data)
    assert str(caught.value).endswith(".")
    return caught.value.reason


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_progressive_jpeg_is_read_with_its_restart_markers(subsampling: int) -> None:
    data = encode(
        blocks(600, 400), "jpeg", progressive=True, subsampling=subsampling, restart_marker_blocks=1
    )
    restarts = sum(data.count(bytes((0xFF, one))) for one in range(0xD0, 0xD8))
    assert restarts > scans.MOST
    assert open_picture(data).width == 600


def test_the_scans_of_a_progressive_photograph_go_over_fourteen_samples_a_pixel() -> None:
    data = encode(blocks(160, 80), "jpeg", progressive=True, subsampling=0)
    assert sum(scans._passes(data, 0, len(data))) == 14 * 160 * 80
    data = encode(blocks(160, 80), "jpeg", progressive=True, subsampling=2)
    assert sum(scans._passes(data, 0, len(data))) == 8 * 160 * 80
    # decoded as it is read
    assert list(scans._passes(encode(blocks(), "jpeg"), 0, 10**6)) == []


@pytest.mark.parametrize("sides", [(6000, 4000), (8160, 6120)])
def test_a_progressive_photograph_of_a_camera_is_read(sides: tuple[int, int]) -> None:
    data = encode(Image.new("RGB", sides), "jpeg", progressive=True, subsampling=2)
    picture = open_picture(data)
    assert (picture.width, picture.height) == sides


def test_a_jpeg_with_many_segments_a_thumbnail_and_something_behind_it_is_read() -> None:
    data = encode(blocks(), "jpeg", progressive=True)
    profile = b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes((n, 255))) for n in range(1, 256))
    exif = segment(0xE1, b"Exif\0\0" + bombs.scans(64, 200))
    many = data[:2] + exif + profile + segment(0xE7, b"x") * 1000 + b"\xff" * 50 + data[2:]
    # a second picture, or the film of a telephone
    assert open_picture(many + bombs.scans(64, 200)).width == 80


def test_a_png_in_chunks_of_a_few_bytes_is_read() -> None:
    data = encode(blocks(), "png")
    at = data.index(b"IDAT") - 4
    body = data[at + 8 : at + 8 + int.from_bytes(data[at : at + 4], "big")]
    small = b"".join(chunk(b"IDAT", body[n : n + 1]) for n in range(len(body)))
    assert open_picture(data[:at] + small + chunk(b"IEND", b"")).width == 80


def test_what_hides_a_scan_from_a_reader_of_segments_hides_none_from_this_one() -> None:
    data = bombs.scans(1000, 200)
    at = data.rfind(b"\xff\xc4", 0, data.index(b"\xff\xda"))
    # an end inside a comment; a marker that has no length where a scan's data were
    assert refusal(data[:at] + segment(0xFE, b"\xff\xd9") + data[at:]) == "too_many_parts"
    place = data.index(b"\xff\xda") + 12
    assert refusal(data[:place] + b"\xff\x02\xff\xff" + data[place:]) == "too_many_parts"


def test_the_planes_of_a_jpeg_in_scans_of_their_own_are_counted_as_held() -> None:
    frame = segment(0xC0, struct.pack(">BHHB", 8, 7000, 7000, 3) + b"\1\x11\0\2\x11\0\3\x11\0")
    first = segment(0xDA, b"\1\1\0\0\x3f\0")
    assert refusal(b"\xff\xd8" + frame + first + b"\xff\xd9") == "too_many_pixels"


def test_a_scan_of_one_of_several_planes_of_one_name_is_one_of_several() -> None:
    assert refusal(bombs.planes_of_one_name(1000, 200)) == "too_many_parts"


def test_what_stands_in_a_segment_that_nobody_knows_is_read_as_if_it_stood_alone() -> None:
    data = encode(blocks(), "jpeg")
    hidden = segment(0xF0, segment(0xE1, b"Exif\0\0") * 40)
    assert refusal(data[:2] + hidden + data[2:]) == "too_many_parts"
    assert refusal(data[:2] + segment(0xC8, b"\xff" * 60_000) * 2 + data[2:]) == "too_many_parts"


@pytest.mark.parametrize("kind", [4, 16])
def test_a_strip_of_a_tiff_is_found_however_its_place_is_written(kind: int) -> None:
    image = encode(Image.new("L", (1000, 1000), 128), "jpeg")
    assert open_picture(bombs.jpeg_in_tiff(1000, image, kind)).width == 1000
    bomb = bombs.jpeg_in_tiff(1000, bombs.scans(1000, 200), kind)
    assert refusal(bomb) == "too_many_parts"
    # a private tag where the lengths were: libtiff makes some up
    lengths = struct.pack("<HH", 279, kind)
    assert bomb.count(lengths) == 1
    assert refusal(bomb.replace(lengths, struct.pack("<HH", 999, kind))) == "too_many_parts"


def test_the_places_of_a_tiffs_pixels_are_read_once_and_of_one_kind() -> None:
    before = process_time()
    with pytest.raises(scans.TooMany, match="tags"):
        parts.count(bombs.one_tag(65_535), "tiff")
    with pytest.raises(scans.TooMany, match="more than once"):
        parts.count(bombs.one_tag(2), "tiff")
    assert process_time() - before < 0.5
    data = bytearray(bombs.jpeg_in_tiff(1000, encode(Image.new("L", (1000, 1000)), "jpeg")))
    at = data.index(struct.pack("<HH", 277, 4))
    data[at : at + 2] = struct.pack("<H", 324)
    with pytest.raises(scans.TooMany, match="strips and in tiles"):
        parts.count(bytes(data), "tiff")
    at = data.index(struct.pack("<HH", 324, 4))
    data[at + 2 : at + 4] = struct.pack("<H", 12)
    with pytest.raises(scans.TooMany, match="not whole"):
        parts.count(bytes(data), "tiff")


@pytest.mark.parametrize("side", [1000, 5000])
def test_a_bomb_of_scans_costs_no_time(side: int) -> None:
    data, before = bombs.scans(side, 1000), process_time()
    assert refusal(data) == "too_many_parts"
    assert process_time() - before < 0.5


def test_a_webp_may_have_half_as_many_pixels_as_others() -> None:
    assert refusal(encode(Image.new("L", (5001, 5000)), "webp", lossless=True)) == "too_many_pixels"
