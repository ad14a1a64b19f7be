"""How a picture wants its stored pixels turned before they are shown.

EXIF says so, also where ImageMagick has put it into the text of a PNG, and where it does not XMP may. Read here, since Pillow
makes an object of every value a tag has. As browsers do, only one number of two bytes is taken at its word; what is damaged
asks for nothing, and is no reason to refuse good pixels.
"""

import re
import struct
from collections.abc import Mapping
from typing import Any

from PIL import Image

from classifier import tags

ORIENTATION = 0x0112
RAW_EXIF = "Raw profile type exif"
HEAD = b"Exif\0\0"
# EXIF 2.3, 4.6.4 A
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)


def turn(info: Mapping[Any, Any]) -> Image.Transpose | None:
    """What a picture asks for of which Pillow tells `info`."""
    asked = _of_exif(_exif(info))
    return TURNS.get(_of_xmp(info) if asked is None else asked)


def _exif(info: Mapping[Any, Any]) -> bytes:
    exif = info.get("exif")
    if isinstance(exif, bytes):
        return exif.removeprefix(HEAD).removeprefix(HEAD)
    text = info.get(RAW_EXIF)
    if exif is not None or not isinstance(text, str):
        return b""
    # a line that is empty, one that says what it is, one for the length
    _, _, digits = text.partition("\n")[2].partition("\n")[2].partition("\n")
    try:
        return bytes.fromhex(digits.replace("\n", "")).removeprefix(HEAD).removeprefix(HEAD)
    except ValueError:
        return b""


def _of_exif(exif: bytes) -> int | None:
    """None where it says nothing of it, and 0 where it says so in other ways than it should."""
    found = tags.first(exif)
    tag = next((one for one in found.tags if one.name == ORIENTATION), None) if found else None
    if found is None or tag is None:
        return None
    if (tag.kind, tag.values) != (tags.SHORT, 1):
        return 0
    (asked,) = struct.unpack_from(found.order + "H", exif, tag.at)
    return int(asked)


def _of_xmp(info: Mapping[Any, Any]) -> int:
    xmp = info.get("XML:com.adobe.xmp") or info.get("xmp")
    if isinstance(xmp, str):
        said = re.search(r'tiff:Orientation(?:="|>)([0-9])', xmp)
        return int(said[1]) if said else 0
    if isinstance(xmp, bytes):
        found = re.search(rb'tiff:Orientation(?:="|>)([0-9])', xmp)
        return int(found[1]) if found else 0
    return 0
