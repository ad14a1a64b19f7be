"""Try it: a person sends a picture the way a program does, and sees the answer with its reasons.

It is the same act behind the same door, logged for a consumer of our own; nothing is tried that is not kept.
"""

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, Response, UploadFile

from service import answers, predicting
from service.dependencies import FromOurPage, Moment, Reviewer, Running, Writing
from service.looking import Ask
from service.pages import charts
from service.pages.rendering import page, see
from service.program import OWN_CONSUMER
from store import predictions, reviews
from store.database import Session
from store.tables import Prediction

router = APIRouter(prefix="/try", include_in_schema=False)


@router.get("")
def form(request: Request, found: Reviewer, now: Moment) -> Response:
    """The form, with no answer yet."""
    return page(request, "try.html", found, now=now, told=None)


@router.post("", dependencies=[FromOurPage])
def send(
    request: Request,
    _: Reviewer,
    program: Running,
    image: Annotated[UploadFile | None, File()] = None,
    photo: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Ask about a picture from the file field or the camera, and go to its answer. Raises BadPicture."""
    sent = image if image is not None and image.size else photo
    data = sent.file.read() if sent is not None else b""
    ask = Ask(
        consumer_id=program.own_consumer_id,
        image=data,
        consumer=OWN_CONSUMER,
        coming=request.state.coming,
    )
    answered = predicting.predict(program, ask)
    return see(f"/try/{json.loads(answered.body)['id']}")


@router.get("/{prediction_id}")
def answer(
    prediction_id: str,
    request: Request,
    found: Reviewer,
    session: Writing,
    now: Moment,
    program: Running,
) -> Response:
    """The answer to a picture that was tried here. Raises NotFound, also for what consumers sent.

    Whoever sees an answer is no blind reader of that picture any more, and that is written down.
    """
    row = predictions.get(session, prediction_id, program.own_consumer_id)
    told = _told(session, row)
    if told["told"].status == "answered":
        reviews.saw_answer(session, row.picture_digest, found.person.id, now)
    return page(request, "try.html", found, now=now, row=row, **told)


def _told(session: Session, row: Prediction) -> dict[str, Any]:
    told = answers.tell(row, predictions.version_number(session, row.model_version_id))
    # while people are asked, a model's opinion would only sway whoever reads it here
    shares = charts.shares(told.probabilities) if told.probabilities else []
    return {"told": told, "shares": shares}
