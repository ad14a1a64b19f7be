"""What operators call about a rollout: its questions, its steps, the switches, and the trail of all of it."""

from functools import partial
from typing import Annotated, Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service import listing, stepping, stopping, trail
from service.api.plans import Answers, Risks, Scope, Steps
from service.api.problems import problems
from service.api.words import Instant, Sent, Sentences
from service.dependencies import Moment, Operator, Reading, Running, Writing
from store import pairs, preflight, switches
from store.stops import KILLED
from store.tables import RolloutEvent

router = APIRouter(prefix="/v1", tags=["Rollout"])

_ROLE = {403: {"wrong_role": "The key's role is not operator."}}
_WAY = {
    **_ROLE,
    404: {"not_found": "No such model version."},
    409: {
        "not_on_its_way": "The version is no candidate.",
        "illegal_move": "From its stage there is no such move.",
        "preflight": "The questions before a rollout are not answered.",
        "no_scope": "Neither a scope was given nor one planned.",
        "not_more": "A share can only grow.",
        "frozen": "Rollouts are frozen.",
        "monitoring_silent": "Monitoring has not been heard of for a minute.",
        "backtest_worse": "Its backtest says that it is worse.",
        "evidence_against": "Monitoring's newest decision is to take it back.",
        "evidence_lacking": "Monitoring holds it; `although_held` says that it shall answer all the same.",
    },
    422: {"scope": "The scope makes no sense.", "preflight": "An answer or a risk makes no sense."},
}

# a stop needs no thread of those that all requests share: they may all be taken
_stopping = CapacityLimiter(4)

Number = Annotated[int, Path(ge=1, lt=2**31, description="The number of a model version.")]


class Reason(Sent):
    """Why, in words; it is written down for good."""

    reason: Sentences


class Grow(Reason):
    """`although_held`: let it answer though monitoring has not found it to be not worse; kept with the reason."""

    although_held: bool = False


class Limit(Grow):
    """Where the candidate may answer; without a scope the one that was planned."""

    scope: Scope | None = None


class Expand(Grow):
    """How far, below all; without a share the next planned step."""

    share: float | None = Field(default=None, gt=0, lt=1)


class Kill(Reason):
    """`manual`: no model answers. `last_good`: the newest that answers anybody is taken back."""

    to: Literal["manual", "last_good"] = "manual"


class Asked(BaseModel):
    """Which part of the trail, and how written; a misspelt name is an error and not the whole of it."""

    model_config = ConfigDict(extra="forbid")

    format: trail.Format = "json"
    since: Instant | None = None


class Preflight(Sent):
    """The answers by question, the register of risks, the planned scope and steps."""

    answers: Answers = Field(default={}, description=", ".join(preflight.QUESTIONS))
    risks: Risks = Field(default=[], description="risk, metric, alert, owner")
    scope: Scope | None = None
    steps: Steps = Field(default=list(preflight.STEPS))


class Lacks(BaseModel):
    """What must still be written before the candidate may leave `manual`."""

    lacks: list[str]


class Stepped(BaseModel):
    """The event that was written."""

    event_id: int
    stage: str | None
    share: float
    scope: dict[str, Any] | None


class Stopped(BaseModel):
    """What stopped: `killed` for all models, else the id of a rollout."""

    target: str


class Switches(BaseModel):
    """How the switches stand."""

    killed: bool
    frozen: bool


class DecisionTold(BaseModel):
    """What monitoring concluded last; `stands` while the candidate is still in the step that it was about."""

    id: str
    at: AwareDatetime
    verdict: Literal["advance", "hold", "revert"]
    because: list[str]
    advised: str | None = Field(description="The step that waits for people.")
    pairs: int
    stands: bool


class RolloutTold(BaseModel):
    """The candidate that is on its way, if one is, and the switches."""

    version: int | None
    stage: str | None
    share: float | None
    scope: dict[str, Any] | None
    expires_at: AwareDatetime | None
    lacks: list[str]
    confirmed_by: list[str]
    decision: DecisionTold | None
    unheard: int = Field(
        description="Pictures that are no pair: the service ended, or its database was away, between the two answers."
    )
    switches: Switches


@router.get("/rollout", summary="Where the candidate stands", responses=problems(_ROLE))
def show(_: Operator, session: Reading, now: Moment) -> RolloutTold:
    """Its stage, share and scope, what is not answered yet, who has confirmed `full`, and monitoring's newest verdict."""
    way = listing.way(session)
    row = way.rollout if way is not None and way.rollout.on_its_way else None
    return RolloutTold(
        version=way.number if way is not None and row is not None else None,
        stage=row.stage if row else None,
        share=row.share if row else None,
        scope=row.scope if row else None,
        expires_at=row.expires_at if row else None,
        lacks=preflight.lacks(row.preflight, row.risks) if row else [],
        confirmed_by=list(way.confirmed) if way is not None and row is not None else [],
        decision=_decision(way) if way is not None and row is not None else None,
        unheard=pairs.unheard(session, row, now) if row is not None else 0,
        switches=_switches(session),
    )


@router.put(
    "/models/{number}/preflight",
    summary="Answer the questions before",
    responses=problems(
        {
            **_WAY,
            409: {
                "candidate_on_its_way": "Another version is on its way.",
                "answers_already": "It answers everything already.",
                "illegal_move": "It has taken its first step.",
            },
        }
    ),
)
def prepare(
    number: Number, body: Preflight, caller: Operator, session: Writing, now: Moment
) -> Lacks:
    """Keep the answers; they may be written again until the candidate takes its first step."""
    given = body.model_dump(exclude_none=True)
    return Lacks(lacks=stepping.prepare(session, number, given, caller.actor, now))


@router.post(
    "/models/{number}/limit", summary="Let a candidate answer in a scope", responses=problems(_WAY)
)
def limit(number: Number, body: Limit, caller: Operator, session: Writing, now: Moment) -> Stepped:
    """Outside the scope the version before goes on; at the scope's end it does so everywhere."""
    who, held = caller.actor, body.although_held
    return _stepped(
        stepping.limit(session, number, body.scope, who, body.reason, now, although_held=held)
    )


@router.post(
    "/models/{number}/expand", summary="Let a candidate answer more", responses=problems(_WAY)
)
def expand(
    number: Number, body: Expand, caller: Operator, session: Writing, now: Moment
) -> Stepped:
    """Whoever was answered by it stays so while the share grows."""
    who, held = caller.actor, body.although_held
    return _stepped(
        stepping.expand(session, number, body.share, who, body.reason, now, although_held=held)
    )


@router.post(
    "/models/{number}/fall-back", summary="Back to running alongside", responses=problems(_WAY)
)
def fall_back(
    number: Number, body: Reason, caller: Operator, session: Writing, now: Moment
) -> Stepped:
    """The candidate changes nothing any more and goes on being compared."""
    return _stepped(stepping.fall_back(session, number, caller.actor, body.reason, now))


@router.post(
    "/kill",
    summary="Stop at once",
    responses=problems({**_ROLE, 409: {"nothing_to_revert": "People answer already."}}),
)
async def kill(body: Kill, caller: Operator, program: Running, now: Moment) -> Stopped:
    """Every process follows within a second, also while the database is slow; the rows follow it."""
    act = partial(stopping.kill, program, body.to, caller.actor, body.reason, now)
    stop = await to_thread.run_sync(act, limiter=_stopping)
    return Stopped(target=stop.target)


@router.post("/release", summary="Let models answer again", responses=problems(_ROLE))
def release(body: Reason, caller: Operator, program: Running, now: Moment) -> Switches:
    """After a kill to `manual`."""
    stopping.release(program.database, program.objects, caller.actor, body.reason, now)
    with program.database.read() as session:
        return _switches(session)


@router.post("/freeze", summary="Let nothing grow", responses=problems(_ROLE))
def freeze(body: Reason, caller: Operator, session: Writing, now: Moment) -> Switches:
    """No candidate's exposure grows, whoever asks; taking back goes on."""
    stopping.freeze(session, True, caller.actor, body.reason, now)
    return _switches(session)


@router.post("/unfreeze", summary="Let rollouts go on", responses=problems(_ROLE))
def unfreeze(body: Reason, caller: Operator, session: Writing, now: Moment) -> Switches:
    """After a freeze."""
    stopping.freeze(session, False, caller.actor, body.reason, now)
    return _switches(session)


@router.get(
    "/audit-trail",
    summary="Everything that was done",
    response_model=list[dict[str, Any]],
    responses={**problems(_ROLE), 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def audit_trail(_: Operator, session: Reading, asked: Annotated[Asked, Query()]) -> Response:
    """Every rollout event and every privileged act, oldest first."""
    exported = trail.export(session, asked.format, asked.since)
    return Response(exported, media_type=trail.MEDIA_TYPES[asked.format])


def _decision(way: listing.Way) -> DecisionTold | None:
    if not way.decisions:
        return None
    newest = way.decisions[0]
    act = newest.values["act"]
    return DecisionTold(
        id=newest.id,
        at=newest.at,
        verdict=newest.verdict,  # type: ignore[arg-type]  # the column's own CHECK holds the words
        because=act["because"],
        advised=act["advised"],
        pairs=newest.values["pairs"],
        stands=newest.ids["step"] == way.step,
    )


def _switches(session: Reading) -> Switches:
    return Switches(
        killed=switches.thrown(session, KILLED), frozen=switches.thrown(session, "frozen")
    )


def _stepped(event: RolloutEvent) -> Stepped:
    return Stepped(event_id=event.id, stage=event.to_stage, share=event.share, scope=event.scope)
