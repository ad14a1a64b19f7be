"""The bytes of pictures, for people who are signed in: as pictures only, never as a page.

The type is decided by the content, as the door decides it, and not by what a sender said. Smaller ones are made
from the decoded pixels and carry no metadata, so that a reviewer does not learn where a picture was taken. They are
decoded where consumers' pictures are, in a process that may die of it, and stand back for those; who waits for one
keeps none of the threads that all requests share.
"""

from collections import OrderedDict
from typing import Annotated, Literal
from weakref import WeakKeyDictionary

import structlog
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Header, Path, Query, Response

from classifier import headers
from classifier.core import THUMBNAIL, Shrunk, shrink
from classifier.pictures import BadPicture, Limits
from service.cores import Cores
from service.dependencies import Reviewer, Running
from service.program import Program
from store import pictures
from store.errors import NotFound
from store.pictures import PictureStore

_log = structlog.get_logger()

router = APIRouter(include_in_schema=False)

TYPES = {name: f"image/{name}" for name in ("jpeg", "png", "webp", "gif", "bmp", "tiff")}
WHOLE = 20_000  # the longest side that is accepted at all
THUMBNAILS = 2000

Size = Literal["160", "480", "1600"]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    # kept by the browser, and asked for each time: who has signed out or was let go sees it no more
    "Cache-Control": "private, no-cache",
}
# only the loop's own thread uses these two
_thumbnails = OrderedDict[tuple[PictureStore, str], Shrunk]()
_limiters = WeakKeyDictionary[Cores, tuple[CapacityLimiter, CapacityLimiter]]()


@router.get("/pictures/{digest}")
async def picture(
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    found: Reviewer,
    program: Running,
    size: Annotated[Size | None, Query()] = None,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """The picture as it came (operators), else its pixels only, no larger than `size` a side.

    Raises NotFound also where only the row is gone: retention's bytes go a day later, and thumbnails are at hand.
    """
    await to_thread.run_sync(_check_row, program, digest)
    as_it_came = size is None and found.may("operator")
    # the address holds the digest, so what it names never changes, but for who sees which form of it
    tag = f'"{digest}-{"file" if as_it_came else size or "pixels"}"'
    told = _HEADERS | {"ETag": tag}
    if tag in if_none_match:
        return Response(status_code=304, headers=told)
    if as_it_came:
        _log.info("picture_as_it_came", picture=digest, person=found.person.id)
        data = await to_thread.run_sync(program.pictures.read, digest)
        kind = TYPES.get(headers.format_of(data) or "")
        if kind is None:
            raise NotFound("What is kept here is no picture.")
    else:
        shown = await _shown(program, digest, int(size or WHOLE))
        data, kind = shown.data, TYPES[shown.format]
    name = f"ursa-{digest[:12]}.{kind.removeprefix('image/')}"
    told["Content-Disposition"] = f'inline; filename="{name}"'
    return Response(data, media_type=kind, headers=told)


def _check_row(program: Program, digest: str) -> None:
    with program.database.read() as session:
        pictures.get(session, digest)


async def _shown(program: Program, digest: str, side: int) -> Shrunk:
    key = program.pictures, digest
    if side == THUMBNAIL and key in _thumbnails:
        _thumbnails.move_to_end(key)
        return _thumbnails[key]
    places, cores = _limiters_of(program)
    async with places:
        data = await to_thread.run_sync(program.pictures.read, digest)
        made = await to_thread.run_sync(_made, program, data, side, limiter=cores)
    if side == THUMBNAIL:
        _thumbnails[key] = made
        while len(_thumbnails) > THUMBNAILS:
            _thumbnails.popitem(last=False)
    return made


def _limiters_of(program: Program) -> tuple[CapacityLimiter, CapacityLimiter]:
    """For whole files in memory; and for cores: all but one, where there is another."""
    cores = program.settings.cores
    if program.cores not in _limiters:
        both = CapacityLimiter(2 * cores), CapacityLimiter(max(1, cores - 1))
        _limiters[program.cores] = both
    return _limiters[program.cores]


def _made(program: Program, data: bytes, side: int) -> Shrunk:
    limits, processes = Limits(), program.core_processes
    with program.cores.show():
        try:
            make = shrink if processes is None else processes.shrink
            return make(data, limits, side)
        except BadPicture as error:
            raise NotFound("What is kept here is no picture.") from error
