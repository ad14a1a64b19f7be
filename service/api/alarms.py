"""What operators call about alarms: which there are, say that one was seen, say that one is over."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service import alarming
from service.api.problems import problems
from service.api.words import Sent, Sentences
from service.dependencies import Moment, Operator, Reading, Writing
from store import alarms, predictions
from store.database import Session
from store.tables import Alarm

router = APIRouter(prefix="/v1/alarms", tags=["Operating"])

_ROLE = {403: {"wrong_role": "The key's role is not operator."}}
_UNKNOWN = {404: {"not_found": "No such alarm."}}


class AlarmTold(BaseModel):
    """One alarm; it is open while `cleared_at` is null."""

    id: str
    kind: str = Field(description="Who noticed: window, online, accuracy, ...")
    segment: str | None = Field(description="null: all of them.")
    model_version: int | None
    pages: bool
    raised_at: AwareDatetime
    times: int = Field(description="How often it was raised until now.")
    why: str | None = Field(description="What drives it, in a sentence; null until it is known.")
    acknowledged_by: str | None
    acknowledged_why: str | None
    cleared_at: AwareDatetime | None
    cleared_by: str | None
    page: str = Field(description="Where a person sees the pictures that drive it.")


class AlarmsTold(BaseModel):
    """Open ones first, then the newest first."""

    alarms: list[AlarmTold]


class Newest(BaseModel):
    """Which alarms are asked for; a misspelt name is an error and not all of them."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=500)


class SaidBody(Sent):
    """What is done about it; written down for good."""

    reason: Sentences


@router.get("", summary="List alarms", responses=problems(_ROLE))
def list_alarms(_: Operator, session: Reading, asked: Annotated[Newest, Query()]) -> AlarmsTold:
    """Open ones first."""
    return AlarmsTold(alarms=[_told(session, one) for one in alarms.newest(session, asked.limit)])


@router.post(
    "/{alarm_id}/acknowledge",
    summary="Take an alarm on",
    responses=problems(
        {
            **_ROLE,
            **_UNKNOWN,
            409: {"alarm_cleared": "It is over.", "acknowledged_already": "Somebody has."},
        }
    ),
)
def acknowledge(
    alarm_id: str, body: SaidBody, caller: Operator, session: Writing, now: Moment
) -> AlarmTold:
    """It stays open, with your name and reason."""
    done = alarming.acknowledge(session, alarm_id, caller.actor, body.reason, now)
    return _told(session, done)


@router.post(
    "/{alarm_id}/clear",
    summary="Say that an alarm is over",
    responses=problems({**_ROLE, **_UNKNOWN, 409: {"alarm_cleared": "It is over already."}}),
)
def clear(
    alarm_id: str, body: SaidBody, caller: Operator, session: Writing, now: Moment
) -> AlarmTold:
    """If it is not, the next one is a new alarm."""
    return _told(session, alarming.clear(session, alarm_id, caller.actor, body.reason, now))


def _told(session: Session, one: Alarm) -> AlarmTold:
    return AlarmTold(
        id=one.id,
        kind=one.kind,
        segment=one.stream or None,
        model_version=predictions.version_number(session, one.model_version_id),
        pages=one.pages,
        raised_at=one.raised_at,
        times=one.times,
        why=one.detail.get("why", {}).get("sentence"),
        acknowledged_by=one.acknowledged_by,
        acknowledged_why=one.acknowledged_why,
        cleared_at=one.cleared_at,
        cleared_by=one.cleared_by,
        page=f"/drift?alarm={one.id}",
    )
