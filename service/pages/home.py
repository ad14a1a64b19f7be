"""The home page: who answers, what came in, what waits, what is being learnt, what has moved, who is alive."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from service.dependencies import Moment, Reading, Reviewer, Running
from service.pages import charts, glance, moved, words
from service.pages.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(
    request: Request, found: Reviewer, session: Reading, now: Moment, program: Running
) -> Response:
    """Everything at a glance."""
    seen = glance.look(session, program.live.standing, now)
    hours = len(seen.by_hour)
    titles = [
        f"{words.some(count, 'prediction')} in the hour until"
        f" {now - timedelta(hours=hours - 1 - place):%H:%M} UTC"
        for place, count in enumerate(seen.by_hour)
    ]
    return page(
        request,
        "home.html",
        found,
        now=now,
        seen=seen,
        steps=glance.next_steps(seen, may_operate=found.may("operator")),
        bars=charts.bars(seen.by_hour, titles),
        moved=moved.told(seen.window) if seen.window else [],
        interval=charts.of_backtest(seen.backtest),
    )
