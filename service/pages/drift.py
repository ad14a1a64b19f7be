"""The drift page: the windows that monitoring checked, and its newest report in a sandboxed frame.

A report is foreign HTML with its own script. It runs in a frame without our origin, so it has no cookies and can
reach nothing; only its own script is fetched, by digest, and that is the same public library in every report.
"""

import zlib
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse

from service.dependencies import Moment, Reading, Reviewer
from service.headers import REPORT_HEADERS
from service.pages import moved
from service.pages.rendering import page
from store import models, windows
from store.errors import NotFound

router = APIRouter(prefix="/drift", include_in_schema=False)

SHOWN = 50

_SCRIPT_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    # the frame that asks has no origin
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@router.get("")
def drift(
    request: Request,
    found: Reviewer,
    session: Reading,
    now: Moment,
    window: str | None = None,
) -> Response:
    """The windows, newest first, and the report of one of them: the newest that has one, or `window`."""
    checked = windows.newest(session, SHOWN)
    numbers = {
        one: models.get(session, one).number for one in {w.model_version_id for w in checked}
    }
    wanted = [windows.get(session, window)] if window else checked
    reported = windows.with_report(session, [one.id for one in {*wanted, *checked}])
    shown = next((one for one in wanted if one.id in reported), None)
    return page(
        request,
        "drift.html",
        found,
        now=now,
        rows=[
            (one, numbers[one.model_version_id], moved.told(one), moved.reason(one))
            for one in checked
        ],
        chosen=wanted[0] if window else None,
        reported=reported,
        shown=shown,
    )


@router.get("/reports/{window_id}")
def report(window_id: str, _: Reviewer, session: Reading) -> Response:
    """The report of a window, for the frame. Raises NotFound."""
    kept = windows.report_of(session, window_id)
    if kept is None:
        raise NotFound("This window has no report.")
    return HTMLResponse(zlib.decompress(kept.html), headers=REPORT_HEADERS)


@router.get("/scripts/{sha256}.js")
def script(sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], session: Reading) -> Response:
    """The script that reports share. Without a sign-in: a frame without origin has none to show."""
    body = zlib.decompress(windows.script(session, sha256))
    return Response(body, media_type="text/javascript", headers=_SCRIPT_HEADERS)
