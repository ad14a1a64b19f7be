"""The review page and what its script asks for; the same acts by plain forms where there is no script.

Nothing that is sent here before an answer tells what a model said, why people are asked, or the lane.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field

from service import guiding, reviewing
from service.api.words import Instant, Sent
from service.dependencies import FromOurPage, Moment, Reading, Reviewer, Running, Writing
from service.pages.rendering import page, see
from service.reviewing import Question
from service.settings import Settings
from store import reviews
from store.database import Session
from store.errors import Conflict
from store.ids import new_id
from store.labels import Answer, Given

router = APIRouter(prefix="/review", include_in_schema=False)

SIZE = 1600
CLASS = "class:"


class Holding(Sent):
    """What a page has in hand already, and how many pictures more it wants."""

    holding: list[str] = Field(default=[], max_length=reviewing.MOST_HELD)
    count: int = Field(default=1, ge=1, le=reviewing.MOST_HELD)


class Token(Sent):
    """The token of a lease."""

    token: str = Field(max_length=100)


class Said(Sent):
    """An answer; `submission` is the page's own number of it, and the same one twice is one label."""

    token: str = Field(max_length=100)
    kind: str = Field(max_length=40)
    label: str | None = Field(default=None, max_length=200)
    submission: str = Field(min_length=8, max_length=100)
    shown_at: Instant | None = None


class Undo(Sent):
    """Which of one's own answers is taken back."""

    label_id: str = Field(max_length=100)


@router.get("")
def start(
    request: Request, found: Reviewer, session: Reading, now: Moment, program: Running
) -> Response:
    """What waits, and the way to begin; the script begins by itself."""
    return _page(request, found, session, now, program.settings, None)


@router.get("/{review_id}")
def one(
    review_id: str,
    request: Request,
    found: Reviewer,
    session: Reading,
    now: Moment,
    program: Running,
) -> Response:
    """A picture that is in this person's hands, with the buttons of a plain form."""
    try:
        held = reviewing.in_hand(session, review_id, found.person.id, now)
    except Conflict:
        return see("/review", done="lost")
    return _page(request, found, session, now, program.settings, held)


@router.post("/next", dependencies=[FromOurPage])
def take(
    body: Holding, found: Reviewer, session: Writing, now: Moment, program: Running
) -> dict[str, Any]:
    """Lease the next pictures."""
    turn = reviewing.take(
        session,
        found.person.id,
        now,
        seconds=program.settings.lease_seconds,
        holding=body.holding,
        count=body.count,
    )
    return {"reviews": [_told(one) for one in turn.questions], "waiting": turn.waiting}


@router.post("/undo", dependencies=[FromOurPage])
def undo(
    body: Undo, found: Reviewer, session: Writing, now: Moment, program: Running
) -> dict[str, Any]:
    """Take an answer back; its picture is in hand again."""
    seconds = program.settings.lease_seconds
    return _told(reviewing.take_back(session, body.label_id, found.person.id, now, seconds))


@router.post("/{review_id}/answer", dependencies=[FromOurPage])
def answer(review_id: str, body: Said, found: Reviewer, session: Writing, now: Moment) -> Response:
    """Keep an answer. 409 with `kept: true` where it did not count and is an extra opinion."""
    said = Answer(
        review_id=review_id,
        person_id=found.person.id,
        token=body.token,
        kind=body.kind,
        label=body.label,
        submission=body.submission,
        shown_at=body.shown_at,
    )
    return _answered(reviewing.answer(session, said, now))


@router.post("/{review_id}/renew", dependencies=[FromOurPage])
def renew(
    review_id: str, body: Token, _: Reviewer, session: Writing, now: Moment, program: Running
) -> dict[str, datetime]:
    """Hold a picture longer."""
    seconds = program.settings.lease_seconds
    return {"until": reviewing.renew(session, review_id, body.token, now, seconds)}


@router.post("/{review_id}/skip", dependencies=[FromOurPage])
def skip(
    review_id: str, body: Token, found: Reviewer, session: Writing, now: Moment
) -> dict[str, bool]:
    """Give a picture back for others."""
    reviewing.skip(session, review_id, body.token, found.person.id, now)
    return {"skipped": True}


@router.post("/start", dependencies=[FromOurPage])
def begin(found: Reviewer, session: Writing, now: Moment, program: Running) -> Response:
    """Without script: to the first picture."""
    return _to_next(session, found.person.id, now, program.settings.lease_seconds)


@router.post("/take-back", dependencies=[FromOurPage])
def take_back(
    found: Reviewer,
    session: Writing,
    now: Moment,
    program: Running,
    label_id: Annotated[str, Form(max_length=100)],
) -> Response:
    """Without script: take an answer back and see its picture again."""
    seconds = program.settings.lease_seconds
    held = reviewing.take_back(session, label_id, found.person.id, now, seconds)
    return see(f"/review/{held.review_id}", done="undone")


@router.post("/{review_id}/press", dependencies=[FromOurPage])
def press(
    review_id: str,
    found: Reviewer,
    session: Writing,
    now: Moment,
    program: Running,
    press: Annotated[str, Form(max_length=250)],
    token: Annotated[str, Form(max_length=100)],
    submission: Annotated[str, Form(min_length=8, max_length=100)],
    shown_at: Annotated[AwareDatetime | None, Form()] = None,
) -> Response:
    """Without script: keep what the pressed button says, then to the next picture."""
    person_id, seconds = found.person.id, program.settings.lease_seconds
    if press == "skip":
        reviewing.skip(session, review_id, token, person_id, now)
        return _to_next(session, person_id, now, seconds, done="skipped")
    label = press.removeprefix(CLASS) if press.startswith(CLASS) else None
    said = Answer(
        review_id=review_id,
        person_id=person_id,
        token=token,
        kind=press if label is None else "class",
        label=label,
        submission=submission,
        shown_at=shown_at,
    )
    given = reviewing.answer(session, said, now)
    told = {} if given.counted else {"done": "kept"}
    return _to_next(session, person_id, now, seconds, **told)


def _to_next(
    session: Session, person_id: str, now: datetime, seconds: float, **told: str
) -> Response:
    turn = reviewing.take(session, person_id, now, seconds=seconds)
    where = f"/review/{turn.questions[0].review_id}" if turn.questions else "/review"
    return see(where, **told)


def _answered(given: Given) -> JSONResponse:
    told = {"label_id": given.label_id, "counted": given.counted, "settled": given.settled}
    if given.counted:
        return JSONResponse(told)
    # not raised: the door would roll the kept opinion back
    late = {
        "type": "urn:ursa:problem:lease_lost",
        "title": "Conflict",
        "status": 409,
        "code": "lease_lost",
        "detail": "This picture was answered or skipped by then: the answer is kept as an extra opinion.",
        "kept": True,
    }
    return JSONResponse(late | told, 409, media_type="application/problem+json")


def _told(question: Question) -> dict[str, Any]:
    return {
        "id": question.review_id,
        "picture": f"/pictures/{question.picture_digest}?size={SIZE}",
        "original": f"/pictures/{question.picture_digest}",
        "thumbnail": f"/pictures/{question.picture_digest}?size=160",
        "width": question.width,
        "height": question.height,
        "token": question.token,
        "until": question.until.isoformat(),
    }


def _page(
    request: Request,
    found: Reviewer,
    session: Session,
    now: datetime,
    settings: Settings,
    held: Question | None,
) -> Response:
    # a key belongs to its class wherever it stands in the list
    classes = list(enumerate(guiding.entries(session), 1))
    if reviewing.from_the_end(settings.store.secret_key, found.person.id, now.date()):
        classes.reverse()
    return page(
        request,
        "review.html",
        found,
        now=now,
        held=held and _told(held),
        submission=new_id(now),
        lease_seconds=settings.lease_seconds,
        classes=classes,
        queue=reviews.queue(session, now),
        given=reviewing.given_today(session, found.person.id, now),
    )
