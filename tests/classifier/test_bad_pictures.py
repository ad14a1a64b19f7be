"""Files that are no good pictures: each is refused for its own reason, and nothing else is ever raised."""

import gzip
import resource
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from classifier.pictures import BadPicture, Limits, Reason, open_picture
from tests.classifier import files
from tests.classifier.files import blocks, chunk, encode, frames, png

FORMATS = ("jpeg", "png", "webp", "gif", "bmp", "tiff")
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


def refusal(data: bytes, limits: Limits | None = None) -> Reason:
    with pytest.raises(BadPicture) as caught:
        open_picture(data, limits)
    assert str(caught.value).endswith(".")
    return caught.value.reason


def test_nothing_is_empty() -> None:
    assert refusal(b"") == "empty"


def test_too_many_bytes_are_refused_before_they_are_looked_at() -> None:
    assert refusal(b"x" * 1001, Limits(max_bytes=1000)) == "too_large"
    data = encode(blocks(), "png")
    assert open_picture(data, Limits(max_bytes=len(data))).width == 80


@pytest.mark.parametrize(
    "data",
    [
        b"BMW builds cars, and this is a text about them.",
        b"<!doctype html><title>bear.jpg</title>",
        SVG,
        # the time of day would give every test worker another name for this test
        gzip.compress(SVG, mtime=0),
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"PK\x03\x04" + bytes(60),
        b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40),
        b"MZ" + bytes(60),
        b"\x00" * 64,
        b"\xff\xd8",
        b"x",
    ],
)
def test_what_is_not_a_picture_is_called_so(data: bytes) -> None:
    assert refusal(data) == "not_a_picture"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("HEIC", b"\x00\x00\x00\x18ftypheic" + bytes(40)),
        ("HEIC", b"\x00\x00\x00\x18ftypmif1" + bytes(40)),
        ("AVIF", encode(blocks(), "avif")),
        ("JPEG 2000", encode(blocks(), "jpeg2000")),
        ("icon", encode(blocks(), "ico")),
        ("PDF", encode(blocks(), "pdf")),
    ],
)
def test_formats_that_are_not_read_are_named(name: str, data: bytes) -> None:
    with pytest.raises(BadPicture, match=f"^{name} files are not read here") as caught:
        open_picture(data)
    assert caught.value.reason == "unsupported_format"


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_pixels_without_a_defined_white_are_not_guessed(mode: str) -> None:
    image = Image.new(mode, (20, 20))
    assert refusal(encode(image, "tiff")) == "unsupported_format"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
def test_a_cut_upload_is_refused(format: str, share: float) -> None:
    data = encode(blocks(), format)
    assert refusal(data[: int(len(data) * share)]) in ("truncated", "broken")


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "bmp", "tiff"])
def test_a_missing_last_byte_is_seen(format: str) -> None:
    assert refusal(encode(blocks(), format)[:-1]) == "truncated"


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_cut_right_behind_any_marker_is_truncated(progressive: bool) -> None:
    data = encode(blocks(), "jpeg", progressive=progressive, restart_marker_blocks=2)
    places = [at for at in range(3, len(data) - 2) if data[at] == 0xFF and data[at + 1] != 0]
    assert len(places) > 10
    assert {refusal(data[:at]) for at in places} == {"truncated"}
    assert {refusal(data[: at + 2]) for at in places} == {"truncated"}


def test_the_end_of_an_embedded_thumbnail_is_not_the_end_of_the_picture() -> None:
    thumbnail = b"Exif\x00\x00" + encode(blocks(), "jpeg")
    data = encode(blocks(), "jpeg", exif=thumbnail)
    assert data.count(b"\xff\xd9") == 2
    assert open_picture(data).width == 80
    assert refusal(data[:-40]) == "truncated"


def test_a_jpeg_that_is_damaged_before_its_scan_is_not_called_cut_off() -> None:
    data = encode(blocks(), "jpeg")
    tables = data.index(b"\xff\xdb")
    assert refusal(data[: tables + 4] + bytes(100) + data[tables + 104 :]) == "broken"
    # nor does the damage hide that it is
    assert refusal(data[:tables] + bytes(4) + data[tables + 4 : -2]) == "truncated"


def test_bytes_behind_the_end_do_no_harm() -> None:
    for format in ("jpeg", "png", "webp", "gif"):
        assert open_picture(encode(blocks(), format) + bytes(500)).width == 80


def test_truncation_is_refused_whatever_another_library_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for format in ("jpeg", "png", "webp"):
        data = encode(blocks(), format)
        assert refusal(data[: len(data) // 2]) == "truncated"


@pytest.mark.parametrize("format", ["gif", "webp", "png", "tiff"])
def test_several_frames_are_refused(format: str) -> None:
    data = frames(format)
    assert refusal(data) == "animated"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("sides", [(50_000, 50_000), (10_000, 9_000), (8_000, 7_000), (30_000, 9)])
def test_absurd_dimensions_are_refused_before_decoding(format: str, sides: tuple[int, int]) -> None:
    claim = {
        "jpeg": files.jpeg_claiming,
        "png": lambda width, height: png(width, height, 8, 2, b"\x00" * 1000),
        "webp": lambda width, height: files.webp_claiming(min(width, 1 << 24), height),
        "gif": files.gif_claiming,
        "bmp": files.bmp_claiming,
        "tiff": files.tiff_claiming,
    }[format]
    assert refusal(claim(*sides)) == "too_many_pixels"


def test_a_bomb_costs_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = zlib.compress(b"\x00" * (1 + 3 * 30_000) * 400, 9)
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    assert refusal(bomb) == "too_many_pixels"
    assert refusal(files.webp_claiming(16_383, 16_383)) == "too_many_pixels"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024  # the pixels alone would be 2.7 million KiB


def test_a_text_chunk_that_unpacks_to_gigabytes_is_refused() -> None:
    text = chunk(b"zTXt", b"note\x00\x00" + zlib.compress(bytes(100 * 1024 * 1024), 9))
    rows = (b"\x00" + bytes(60)) * 20
    assert refusal(png(20, 20, 8, 2, rows, text)) == "broken"


@pytest.mark.parametrize("sides", [(7, 100), (100, 7), (1, 1)])
def test_a_picture_of_a_few_pixels_is_refused(sides: tuple[int, int]) -> None:
    assert refusal(encode(Image.new("RGB", sides), "png")) == "too_small"
    assert open_picture(encode(Image.new("RGB", (8, 8)), "png")).width == 8


def test_damage_inside_is_broken() -> None:
    data = encode(blocks(), "png")
    at = data.index(b"IDAT") + 10
    assert refusal(data[:at] + bytes(40) + data[at + 40 :]) == "broken"
    assert refusal(b"RIFF\x10\x00\x00\x00WEBPVP8?" + bytes(12)) == "broken"
    assert refusal(b"GIF89a" + bytes(40)) in ("broken", "too_small")


SEEDS = [encode(blocks(), one) for one in FORMATS] + [frames("gif"), frames("webp"), frames("png")]


@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
    cut=st.floats(0.2, 1),
)
@pytest.mark.filterwarnings("default")
def test_damaged_files_raise_nothing_but_bad_picture(
    seed: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    data = bytearray(seed)
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    try:
        picture = open_picture(bytes(data[: max(1, int(len(data) * cut))]))
    except BadPicture:
        return
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (picture.height, picture.width, 3)
