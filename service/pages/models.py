"""The models page: the versions and how they did, the training that runs, who let what take over and why.

Everybody who is signed in may look; operators revert, with a reason, and ask for a training or a comparison. Who
promotes or withdraws a version here does it by the rollout page's routes, and comes back.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response

from service import listing, releasing, retraining
from service.dependencies import (
    FromOurPage,
    Moment,
    OperatorPerson,
    Reading,
    Reviewer,
    Running,
    Writing,
)
from service.listing import Listed
from service.pages import charts
from service.pages.rendering import page, see
from store import jobs, labels, rollouts, training_sets
from store.database import Session
from store.tables import TrainingSet

router = APIRouter(prefix="/models", include_in_schema=False)

SHOWN = 20

Reason = Annotated[str, Form(max_length=2000)]
Number = Annotated[int, Path(ge=1, lt=2**31)]


@dataclass(frozen=True)
class Row:
    """A version with everything that its row shows; `broken` is why it cannot be loaded."""

    one: Listed
    interval: charts.Interval | None
    training_set: TrainingSet | None
    facts: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    broken: str | None


@router.get("")
def models(
    request: Request, found: Reviewer, session: Reading, now: Moment, program: Running
) -> Response:
    """The versions, newest first."""
    live = rollouts.live(session)
    rows = [
        _row(session, one, program.live.standing.broken) for one in listing.versions(session, SHOWN)
    ]
    newest = rows[0].one.version.created_at if rows else None
    return page(
        request,
        "models.html",
        found,
        now=now,
        live=live,
        answering=live.incumbent or (live.candidate if _answers(live.candidate) else None),
        rows=rows,
        numbers={row.one.rollout.id: row.one.version.number for row in rows if row.one.rollout},
        events=rollouts.events(session, 30),
        new_labels=labels.count_settled(session, newest),
        **_training(session),
    )


@router.get("/progress")
def progress(request: Request, found: Reviewer, session: Reading, now: Moment) -> Response:
    """The training alone, for the script that keeps it fresh."""
    return page(request, "progress.html", found, now=now, **_training(session))


@router.post("/revert", dependencies=[FromOurPage])
def revert(reason: Reason, found: OperatorPerson, session: Writing, now: Moment) -> Response:
    """Take back the version that answers."""
    releasing.revert(session, found.actor, reason, now)
    return see("/models", done="reverted")


@router.post("/retrain", dependencies=[FromOurPage])
def retrain(found: OperatorPerson, session: Writing, now: Moment) -> Response:
    """Ask for a new version."""
    retraining.ask(session, found.actor, now)
    return see("/models", done="asked")


@router.post("/{number}/compare", dependencies=[FromOurPage])
def compare(number: Number, found: OperatorPerson, session: Writing, now: Moment) -> Response:
    """Compare a version with the one that answers now."""
    retraining.compare(session, number, found.actor, now)
    return see("/models", done="comparing")


def _answers(candidate: rollouts.LiveModel | None) -> bool:
    return candidate is not None and candidate.stage != "manual"


def _training(session: Session) -> dict[str, Any]:
    newest = jobs.newest(session, "train", 1)
    backtests = jobs.unfinished(session, "backtest")
    job = newest[0] if newest else None
    busy = bool(backtests) or (job is not None and job.status in ("todo", "doing"))
    return {"job": job, "backtests": backtests, "every": 2 if busy else 15}


def _row(session: Session, one: Listed, broken: dict[int, str]) -> Row:
    version = one.version
    trained_on = version.training_set_id
    return Row(
        one=one,
        interval=charts.of_backtest(one.backtest),
        training_set=training_sets.get(session, trained_on) if trained_on else None,
        facts=tuple(_facts(version.card)),
        missing=tuple(str(one) for one in version.card.get("missing", ())),
        broken=broken.get(version.number),
    )


def _facts(card: dict[str, Any]) -> list[tuple[str, str]]:
    """What a card says in single words and numbers, as it says it."""
    return [
        (name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
        for name, value in card.items()
        if isinstance(value, str | int | float)
        and not isinstance(value, bool)
        # a digest tells people nothing; what is in the set stands beside it
        and name != "training_set"
    ]
