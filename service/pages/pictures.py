"""The bytes of pictures, for people who are signed in: as pictures only, never as a page.

The type is decided by the content, as the door decides it, and not by what a sender said. Smaller ones are made
from the decoded pixels and carry no metadata, so that a reviewer does not learn where a picture was taken.
"""

from functools import lru_cache
from io import BytesIO
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Header, Path, Query, Response
from PIL import Image

from classifier import headers
from classifier.pictures import BadPicture, open_picture
from service.cores import Cores
from service.dependencies import Reviewer, Running
from store import pictures
from store.errors import NotFound
from store.pictures import PictureStore

_log = structlog.get_logger()

router = APIRouter(include_in_schema=False)

TYPES = {name: f"image/{name}" for name in ("jpeg", "png", "webp", "gif", "bmp", "tiff")}
# up to this side a picture is kept without loss: JPEG would blur what there is little of
SMALL = 512
THUMBNAIL = 160
WHOLE = 20_000  # the longest side that is accepted at all

Size = Literal["160", "480", "1600"]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    # kept by the browser, and asked for each time: who has signed out or was let go sees it no more
    "Cache-Control": "private, no-cache",
}


@router.get("/pictures/{digest}")
def picture(
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    found: Reviewer,
    program: Running,
    size: Annotated[Size | None, Query()] = None,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """The picture as it came (operators), else its pixels only, no larger than `size` a side.

    Raises NotFound also where only the row is gone: retention's bytes go a day later, and thumbnails are at hand.
    """
    with program.database.read() as session:
        pictures.get(session, digest)
    as_it_came = size is None and found.may("operator")
    # the address holds the digest, so what it names never changes, but for who sees which form of it
    tag = f'"{digest}-{"file" if as_it_came else size or "pixels"}"'
    told = _HEADERS | {"ETag": tag}
    if tag in if_none_match:
        return Response(status_code=304, headers=told)
    if as_it_came:
        _log.info("picture_as_it_came", picture=digest, person=found.person.id)
        data = program.pictures.read(digest)
        kind = TYPES.get(headers.format_of(data) or "")
        if kind is None:
            raise NotFound("What is kept here is no picture.")
    elif size == str(THUMBNAIL):
        data, kind = _thumbnail(program.pictures, program.cores, digest)
    else:
        data, kind = _smaller(program.pictures, program.cores, digest, int(size or WHOLE))
    name = f"ursa-{digest[:12]}.{kind.removeprefix('image/')}"
    told["Content-Disposition"] = f'inline; filename="{name}"'
    return Response(data, media_type=kind, headers=told)


@lru_cache(maxsize=2000)
def _thumbnail(kept: PictureStore, cores: Cores, digest: str) -> tuple[bytes, str]:
    return _smaller(kept, cores, digest, THUMBNAIL)


def _smaller(kept: PictureStore, cores: Cores, digest: str, side: int) -> tuple[bytes, str]:
    data = kept.read(digest)
    with cores.work(patient=True):
        try:
            image = Image.fromarray(open_picture(data).pixels)
        except BadPicture as error:
            raise NotFound("What is kept here is no picture.") from error
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
        written = BytesIO()
        if max(image.size) <= SMALL and side > THUMBNAIL:
            image.save(written, "png")
            return written.getvalue(), TYPES["png"]
        image.save(written, "jpeg", quality=90, subsampling=0)
        return written.getvalue(), TYPES["jpeg"]
