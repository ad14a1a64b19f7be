"""One thing that passes for another: polyglots, pages that call themselves pictures, pictures in no format of ours."""

import io
import zipfile
from collections.abc import Iterator

from tests.classifier.files import blocks, encode

SCRIPT = b"<script>document.title='owned'</script>"
PAGE = b"<!doctype html><html><body>" + SCRIPT + b"</body></html>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"
NO_PICTURES = {
    "an HTML page": PAGE,
    "an SVG": SVG,
    "an SVG with an XML head": b"<?xml version='1.0'?>" + SVG,
    "an SVG that reads a file": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>',
    "entities that multiply": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>',
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
    "a PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n",
    "a pickle": b"cos\nsystem\n(S'true'\ntR.",
    "a program": b"\x7fELF\x02\x01\x01" + bytes(300),
    "JSON": b'{"image": "data:image/png;base64,AAAA"}',
    "a data address": b"data:image/png;base64,iVBORw0KGgo=",
    "an HEIC": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(400),
    "an AVIF": b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + bytes(400),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(400),
    "a Photoshop file": b"8BPS\0\1" + bytes(400),
    "an icon": b"\0\0\1\0\1\0\x10\x10" + bytes(400),
    "text that begins like a BMP": b"BM is the beginning of a text and of no picture at all, " * 9,
    "the letters of a WebP without its frame": b"RIFX\0\0\0\0WEBPVP8 " + bytes(100),
    "nothing": b"",
    "one zero byte": b"\0",
    "zero bytes": bytes(5000),
    "ones": b"\xff" * 5000,
}


def files() -> Iterator[tuple[str, bytes, bool | None]]:
    """(kind, file, whether it must be refused)."""
    for kind, data in NO_PICTURES.items():
        yield kind, data, True
    for format in ("png", "jpeg", "gif", "webp", "bmp", "tiff"):
        data = encode(blocks(), format)
        yield f"{format} followed by a page", data + PAGE, None
        yield f"{format} followed by an archive", data + _archive(), None
        yield f"{format} after a page", PAGE + data, True
        yield f"{format} after a line", b"\r\n" + data, True
        yield f"only the beginning of a {format}", data[:12], True
    yield "a GIF that is a script", b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)//" + bytes(99), True
    yield "a BMP that is a script", _script_bmp(), None
    yield "a JPEG with a page as its comment", _commented(), None


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("../../owned.html"), PAGE)  # without the time of day
    return file.getvalue()


def _script_bmp() -> bytes:
    data = bytearray(encode(blocks(), "bmp"))
    data[6:10] = b"/**/"
    return bytes(data) + b"*/alert(1)"


def _commented() -> bytes:
    data = encode(blocks(), "jpeg")
    return data[:2] + b"\xff\xfe" + (len(PAGE) + 2).to_bytes(2, "big") + PAGE + data[2:]
