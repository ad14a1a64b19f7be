"""What operators call: which versions there are, let one take over, take it back, ask for a new one."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, Field

from service import listing, releasing, retraining
from service.api.problems import problems
from service.api.words import Sent, Sentences
from service.dependencies import Moment, Operator, Reading, Writing
from service.listing import Listed
from service.releasing import Released

router = APIRouter(prefix="/v1", tags=["Operating"])

_ROLE = {403: {"wrong_role": "The key's role is not operator."}}
_UNKNOWN = {404: {"not_found": "No such model version."}}

Number = Annotated[int, Path(ge=1, lt=2**31, description="The number of a model version.")]


class BacktestTold(BaseModel):
    """How a version did against another on labels that neither had seen."""

    verdict: Literal["better", "worse", "cannot_tell"]
    against: int | None
    pictures: int
    accuracy: float | None
    against_accuracy: float | None
    difference: float | None
    low: float | None
    high: float | None


class ModelTold(BaseModel):
    """A model version and where it stands."""

    number: int
    created_at: AwareDatetime
    classes: list[str]
    parent: int | None
    role: Literal["incumbent", "candidate"] | None
    stage: str | None
    outcome: str | None
    new_labels: int | None = Field(
        description="Of people, in what it was trained on; null: from a folder."
    )
    backtest: BacktestTold | None


class ModelsTold(BaseModel):
    """Newest first."""

    models: list[ModelTold]


class ReasonBody(Sent):
    """Why, in words; it is written down for good."""

    reason: Sentences


class PromoteBody(ReasonBody):
    """`although_held`: let it through though monitoring has not found it to be not worse; kept with the reason."""

    although_held: bool = False


class ReleasedTold(BaseModel):
    """What a move led to."""

    event_id: int
    moved: int = Field(description="The version that was promoted, withdrawn or reverted.")
    answering: int | None = Field(description="The version that answers now; null: people do.")
    confirmed_by: list[str] = Field(
        description="Who has confirmed a promotion so far, while somebody else must."
    )


class TrainingTold(BaseModel):
    """A training that was asked for."""

    job_id: str
    status: str


@router.get("/models", summary="List model versions", responses=problems(_ROLE))
def list_models(_: Operator, session: Reading) -> ModelsTold:
    """With what they answer, how they were compared, and where their rollouts stand."""
    return ModelsTold(models=[_told(one) for one in listing.versions(session)])


@router.post(
    "/models/{number}/promote",
    summary="Let a version answer everything",
    responses=problems(
        {
            **_ROLE,
            **_UNKNOWN,
            409: {
                "answers_already": "It does already.",
                "backtest_worse": "Its backtest says that it is worse.",
                "no_backtest": "There is none against the version that answers now.",
                "candidate_on_its_way": "Another version is on its way.",
                "preflight": "The questions before a rollout are not answered.",
                "evidence_against": "Monitoring's newest decision is to take it back.",
                "evidence_lacking": "Monitoring holds it; `although_held` says that it shall answer all the same.",
                "frozen": "Rollouts are frozen.",
                "monitoring_silent": "Monitoring has not been heard of for a minute.",
            },
        }
    ),
)
def promote(
    number: Number, body: PromoteBody, caller: Operator, session: Writing, now: Moment
) -> ReleasedTold:
    """The first call confirms, the second by somebody else promotes; every process follows within a second."""
    held, actor = body.although_held, caller.actor
    return _moved(releasing.promote(session, number, actor, body.reason, now, although_held=held))


@router.post(
    "/models/{number}/withdraw",
    summary="Take a candidate off its way",
    responses=problems(
        {**_ROLE, **_UNKNOWN, 409: {"not_on_its_way": "The version is no candidate."}}
    ),
)
def withdraw(
    number: Number, body: ReasonBody, caller: Operator, session: Writing, now: Moment
) -> ReleasedTold:
    """It no longer runs alongside, and another version may go its way."""
    return _moved(releasing.withdraw(session, number, caller.actor, body.reason, now))


@router.post(
    "/revert",
    summary="Take back the version that answers",
    responses=problems(
        {**_ROLE, 409: {"nothing_to_revert": "People answer already.", "illegal_move": "It ended."}}
    ),
)
def revert(body: ReasonBody, caller: Operator, session: Writing, now: Moment) -> ReleasedTold:
    """The version before answers again, or people do. No evidence is needed."""
    return _moved(releasing.revert(session, caller.actor, body.reason, now))


@router.post(
    "/retrain",
    status_code=202,
    summary="Ask for a new version",
    responses=problems({**_ROLE, 409: {"training_already": "One waits or runs."}}),
)
def retrain(caller: Operator, session: Writing, now: Moment) -> TrainingTold:
    """The retrain program trains it from what people have labelled, and compares it."""
    job = retraining.ask(session, caller.actor, now)
    return TrainingTold(job_id=job.id, status=job.status)


def _moved(released: Released) -> ReleasedTold:
    return ReleasedTold(
        event_id=released.event_id,
        moved=released.moved,
        answering=released.answering,
        confirmed_by=list(released.confirmed),
    )


def _told(one: Listed) -> ModelTold:
    backtest = one.backtest
    return ModelTold(
        number=one.version.number,
        created_at=one.version.created_at,
        classes=one.version.classes,
        parent=one.parent,
        role=one.role,
        stage=one.rollout.stage if one.rollout else None,
        outcome=one.rollout.outcome if one.rollout else None,
        new_labels=one.version.card.get("new_labels"),
        backtest=BacktestTold(
            verdict=backtest.verdict,  # type: ignore[arg-type]  # the column's own CHECK holds the words
            against=one.against,
            pictures=backtest.pictures,
            accuracy=backtest.accuracy,
            against_accuracy=backtest.against_accuracy,
            difference=backtest.difference,
            low=backtest.low,
            high=backtest.high,
        )
        if backtest
        else None,
    )
