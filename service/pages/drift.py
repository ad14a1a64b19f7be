"""The drift page: alarms and what drives them, the online detectors, the windows, a report in a sandboxed frame.

One alarm is told in full: the one that the address names (`?alarm=ID`, behind the link of a page or a webhook), else
the newest open one. Operators say that it was seen, or that it is over, each with a reason.

A report is foreign HTML with its own script. It runs in a frame without our origin, so it has no cookies and can
reach nothing; only its own script is fetched, by digest, and that is the same public library in every report.
"""

import zlib
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import HTMLResponse

from service import alarming
from service.dependencies import FromOurPage, Moment, OperatorPerson, Reading, Reviewer, Writing
from service.headers import REPORT_HEADERS
from service.pages import moved, sums
from service.pages.rendering import page, see
from store import alarms, detectors, models, null_replays, rollouts, windows
from store.database import Session
from store.errors import NotFound

router = APIRouter(prefix="/drift", include_in_schema=False)

SHOWN = 50
SHOWN_ALARMS = 20

Reason = Annotated[str, Form(max_length=2000)]

# what an alarm is told with before monitoring has explained it
_NOT_YET: dict[str, Any] = {"sentence": "", "pictures": [], "of": 0}
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
    alarm: str | None = None,
) -> Response:
    """Alarms with one told in full, detectors, windows, and the report of one: the newest that has one, or `window`.

    Raises NotFound for an alarm or a window that is not there.
    """
    raised = alarms.newest(session, SHOWN_ALARMS)
    told = (
        alarms.get(session, alarm) if alarm else next((one for one in raised if one.open_as), None)
    )
    checked = windows.newest(session, SHOWN)
    seen_versions = [one.model_version_id for one in checked]
    seen_versions += [
        one.model_version_id for one in (*raised, told) if one and one.model_version_id
    ]
    numbers = {one: models.get(session, one).number for one in set(seen_versions)}
    wanted = [windows.get(session, window)] if window else checked
    reported = windows.with_report(session, [one.id for one in {*wanted, *checked}])
    shown = next((one for one in wanted if one.id in reported), None)
    return page(
        request,
        "drift.html",
        found,
        now=now,
        alarms=raised,
        told=told,
        why=_NOT_YET | (told.detail.get("why", {}) if told else {}),
        led_here=sums.of_alarm(told.detail) if told else None,
        numbers=numbers,
        **_online(session),
        rows=[
            (one, numbers[one.model_version_id], moved.told(one), moved.reason(one))
            for one in checked
        ],
        chosen=wanted[0] if window else None,
        reported=reported,
        shown=shown,
    )


@router.post("/alarms/{alarm_id}/acknowledge", dependencies=[FromOurPage])
def acknowledge(
    alarm_id: str, reason: Reason, found: OperatorPerson, session: Writing, now: Moment
) -> Response:
    """Take an alarm on."""
    alarming.acknowledge(session, alarm_id, found.actor, reason, now)
    return see("/drift", alarm=alarm_id, done="acknowledged")


@router.post("/alarms/{alarm_id}/clear", dependencies=[FromOurPage])
def clear(
    alarm_id: str, reason: Reason, found: OperatorPerson, session: Writing, now: Moment
) -> Response:
    """Say that an alarm is over."""
    alarming.clear(session, alarm_id, found.actor, reason, now)
    return see("/drift", alarm=alarm_id, done="cleared")


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


def _online(session: Session) -> dict[str, Any]:
    """The streams of the version that answers, and the path of all its pictures."""
    live = rollouts.live(session)
    answering = live.incumbent or live.candidate
    streams = detectors.of_version(session, answering.version_id) if answering else []
    return {
        "answering": answering,
        "streams": sums.standings(streams),
        "replay": null_replays.of(session, answering.version_id) if answering else None,
        "sum_path_now": sums.of_detector(streams[0]) if streams else None,
    }
