"""What consumers call: send a picture, ask for its answer again, say that an answer was right or wrong."""

from collections import Counter
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Header, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service import feedback, predicting
from service.answers import Answer, tell
from service.api.problems import problems
from service.api.words import Instant, Key, Sent, Sentences, Word
from service.dependencies import CalledBy, Moment, Reading, Running, Writing
from service.feedback import Said
from service.looking import Ask
from store import predictions, rollouts
from store.errors import Invalid

router = APIRouter(prefix="/v1/predictions", tags=["Predictions"])

EARLIEST_YEAR = 1900
FIELDS = ("image", "segment", "subject", "reference", "captured_at")

_UPLOAD = {
    409: {"idempotency_key_reused": "This Idempotency-Key came with another request before."},
    413: {"bad_picture": "`reason` is too_large: the picture has more bytes than allowed."},
    415: {"bad_picture": "`reason` is not_a_picture or unsupported_format."},
    422: {
        "bad_picture": "`reason` is empty, truncated, broken, animated, too_many_pixels, too_many_parts or too_small."
    },
    429: {"busy": "As many pictures are being worked on as can be."},
    503: {"storage_unavailable": "Pictures cannot be kept now."},
}
_PICTURES = {
    "image": {"contentType": "image/jpeg, image/png, image/webp, image/gif, image/bmp, image/tiff"}
}
# what to call with the id of the answer
_LINKS = {
    name: {"operationId": name, "parameters": {"prediction_id": "$response.body#/id"}}
    for name in ("get_prediction", "give_feedback")
}
_UNKNOWN = {404: {"not_found": "No such prediction, or another consumer's."}}


async def each_field_once(request: Request) -> None:
    """Refuses a form that says the same field twice: one of them would be taken and nobody told which."""
    said = Counter(name for name, _ in (await request.form()).multi_items())
    twice = [name for name in FIELDS if said[name] > 1]
    if twice:
        raise Invalid(f"The form says {', '.join(twice)} more than once.", "invalid_request")


@router.post(
    "",
    summary="Send a picture",
    response_model=Answer,
    responses={**problems(_UPLOAD), 200: {"links": _LINKS}},
    openapi_extra={"requestBody": {"content": {"multipart/form-data": {"encoding": _PICTURES}}}},
    dependencies=[Depends(each_field_once)],
)
def predict(
    request: Request,
    program: Running,
    caller: CalledBy,
    now: Moment,
    image: Annotated[
        UploadFile,
        File(
            description="JPEG, PNG, WebP, GIF, BMP or TIFF; one frame.",
            json_schema_extra={"minLength": 1},
        ),
    ],
    segment: Annotated[
        Word | None, Form(description="Where it comes from (site, app, region).")
    ] = None,
    subject: Annotated[
        Word | None, Form(description="Who or what it is about: what routing is sticky by.")
    ] = None,
    reference: Annotated[Word | None, Form(description="Your own id for it.")] = None,
    captured_at: Annotated[
        Instant | None, Form(description="When it was taken, with a zone.")
    ] = None,
    idempotency_key: Annotated[
        Key | None, Header(description="The same key within 24 h gives the first answer again.")
    ] = None,
) -> Response:
    """The answer is in the database before it is sent.

    `status: pending` means that a person will look: ask again with GET. The same `Idempotency-Key` gives the first
    answer again, byte for byte, with the header `Idempotent-Replayed: true`.
    """
    if captured_at is not None and not (
        captured_at.year >= EARLIEST_YEAR and captured_at <= now + timedelta(days=1)
    ):
        raise Invalid("captured_at lies in the future or before 1900.", "invalid_request")
    ask = Ask(
        consumer_id=caller.consumer_id,
        consumer=caller.consumer,
        image=image.file.read(),
        segment=segment,
        subject=subject,
        reference=reference,
        captured_at=captured_at,
        idempotency_key=idempotency_key,
        coming=request.state.coming,
    )
    answered = predicting.predict(program, ask)
    headers = {"Idempotent-Replayed": "true"} if answered.replayed else None
    return Response(answered.body, media_type="application/json", headers=headers)


@router.get(
    "/{prediction_id}",
    operation_id="get_prediction",
    summary="Ask for an answer again",
    responses=problems(_UNKNOWN),
)
def get(prediction_id: str, caller: CalledBy, session: Reading) -> Answer:
    """As it stands now: a person's answer has no confidence and no probabilities, which would be a model's."""
    row = predictions.get(session, prediction_id, caller.consumer_id)
    return tell(row, predictions.version_number(session, row.model_version_id))


class FeedbackBody(Sent):
    """The right class, or whether the answer was right."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["label"],
                    "properties": {"label": {"type": "string"}, "correct": {"type": "null"}},
                },
                {
                    "required": ["correct"],
                    "properties": {"correct": {"type": "boolean"}, "label": {"type": "null"}},
                },
            ]
        }
    )

    label: Word | None = Field(default=None, description="The class it should have been.")
    correct: bool | None = None
    note: Sentences | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> "FeedbackBody":
        """Either says it; both could contradict each other."""
        if (self.label is None) == (self.correct is None):
            raise ValueError("say either label or correct")
        return self


class ReviewTold(BaseModel):
    """A question to people."""

    id: str
    status: Literal["open", "settled", "withdrawn"]
    reasons: list[str]


class FeedbackTaken(BaseModel):
    """What the feedback led to."""

    prediction_id: str
    review: ReviewTold | None = Field(description="null when the answer was right.")


@router.post(
    "/{prediction_id}/feedback",
    status_code=202,
    operation_id="give_feedback",
    summary="Say that an answer was right or wrong",
    responses=problems(
        {
            **_UNKNOWN,
            409: {"no_answer_yet": "A pending prediction is neither right nor wrong."},
            422: {"unknown_class": "There is no such class."},
        }
    ),
)
def give_feedback(
    prediction_id: str,
    body: FeedbackBody,
    caller: CalledBy,
    session: Writing,
    now: Moment,
) -> FeedbackTaken:
    """A wrong answer is looked at by people; yours is one voice and no label."""
    said = Said(body.label, body.correct, body.note)
    live = rollouts.live(session)
    review = feedback.give(session, prediction_id, caller.consumer_id, said, live, now)
    return FeedbackTaken(
        prediction_id=prediction_id,
        review=ReviewTold(id=review.id, status=review.status, reasons=["feedback"])  # type: ignore[arg-type]  # the column's own CHECK holds the words
        if review
        else None,
    )
