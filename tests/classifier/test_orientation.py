"""Which way up: one number of two bytes in EXIF, or XMP where EXIF is silent; nothing else costs or turns anything."""

import struct
from time import process_time

import pytest
from PIL import Image, PngImagePlugin

from classifier.orientation import ORIENTATION, RAW_EXIF, turn
from classifier.pictures import BadPicture, open_picture
from tests.classifier.files import blocks, chunk, encode
from tests.hostile import texts

QUARTER = Image.Transpose.ROTATE_270
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'


def exif(kind: int = 3, count: int = 1, order: str = "<") -> bytes:
    """That asks for a quarter turn, in so many numbers of that kind."""
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, 1)
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *([6, 0] if kind == 3 else [6]))
    return head + struct.pack(order + "HHI", ORIENTATION, kind, count) + value + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("head", [b"", b"Exif\0\0", b"Exif\0\0Exif\0\0"])
def test_one_short_number_turns_a_picture(order: str, head: bytes) -> None:
    assert turn({"exif": head + exif(order=order)}) is QUARTER


@pytest.mark.parametrize("asked", [exif(4), exif(3, 2), exif(3, 0), exif(5), exif(7), exif(99)])
def test_other_numbers_turn_nothing_and_xmp_does_not_speak_for_them(asked: bytes) -> None:
    assert turn({"exif": asked}) is None
    assert turn({"exif": asked, "xmp": XMP.encode()}) is None


@pytest.mark.parametrize(
    "damaged", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", exif()[:20], b"x" * 99, "text", 7]
)
def test_damaged_exif_turns_nothing(damaged: object) -> None:
    assert turn({"exif": damaged}) is None


@pytest.mark.parametrize("name", ["xmp", "XML:com.adobe.xmp"])
@pytest.mark.parametrize("kind", [str, bytes])
def test_xmp_speaks_where_exif_is_silent(name: str, kind: type) -> None:
    said = XMP if kind is str else XMP.encode()
    assert turn({name: said}) is QUARTER
    assert turn({name: said, "exif": b"II*\0\x08\0\0\0\0\0" + bytes(4)}) is QUARTER
    assert turn({name: said[:40]}) is None
    assert turn({name: 7}) is None


def test_exif_that_imagemagick_writes_into_a_text_is_read() -> None:
    digits = (b"Exif\0\0" + exif()).hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    info = PngImagePlugin.PngInfo()
    info.add_text(RAW_EXIF, f"\nexif\n{len(digits) // 2:8}\n{lines}\n", zip=True)
    read = open_picture(encode(blocks(), "png", pnginfo=info))
    assert (read.width, read.height) == (60, 80)
    assert turn({RAW_EXIF: "\nexif\n 4\nno digits\n"}) is None
    assert turn({RAW_EXIF: "one line"}) is None


def test_texts_and_exif_of_many_values_cost_nothing() -> None:
    for kind, data, refused in texts.files():
        before = process_time()
        if refused:
            with pytest.raises(BadPicture) as caught:
                open_picture(data)
            assert caught.value.reason == "too_many_parts", kind
        else:
            read = open_picture(data)
            assert (read.width, read.height) == (80, 60)
        assert process_time() - before < 0.3, kind


def test_a_png_with_as_many_texts_as_programs_write_is_read() -> None:
    info = PngImagePlugin.PngInfo()
    for number in range(16):
        info.add_text(f"profile {number}", "0123456789" * 1000, zip=True)
    for number in range(40):
        info.add_text(f"note {number}", "short")
        info.add_itxt(f"word {number}", "kurz", "de")
    info.add_text("workflow", "{}" * 10**6)
    data = encode(blocks(), "png", pnginfo=info)
    # what is cut off in the middle of its keyword is no packed text
    assert open_picture(data[:33] + chunk(b"iTXt", b"x") + data[33:]).width == 80


def test_exif_in_several_segments_of_a_jpeg_is_read() -> None:
    head = exif()
    read = open_picture(texts.jpeg(head + bytes(200_000)))
    assert (read.width, read.height) == (60, 80)
