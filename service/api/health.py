"""For whoever starts, watches and balances: alive, ready, metrics."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from service import health, metrics
from service.dependencies import Running

router = APIRouter(tags=["Health"])


class Alive(BaseModel):
    """The process answers."""

    alive: bool = True


class Ready(BaseModel):
    """What was checked, and who answers."""

    ready: bool
    checks: dict[str, str]
    models: dict[str, Any]


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Alive:
    """Says nothing about the database: restarting this process would not bring that back."""
    return Alive()


@router.get(
    "/readyz",
    summary="Can it do its work?",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "`checks` says what is wrong."}},
)
async def readyz(program: Running, request: Request) -> JSONResponse:
    """Database, schema, storage and threads. A missing model is told and is not a lack: people answer then."""
    checks = await request.app.state.looks.take()
    if request.app.state.leaving:
        checks = {**checks, "process": "It is stopping."}
    found = health.sum_up(program, checks)
    return JSONResponse(vars(found), 200 if found.ready else 503)


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def read_metrics() -> Response:
    """In the text format."""
    return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)
