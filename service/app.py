"""The web process as one application: what it holds while it runs, the door around it, API and pages inside."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI
from starlette.formparsers import MultiPartParser
from starlette.staticfiles import StaticFiles

from service import errors, pages
from service.api import alarms, document, health, operating, predictions, rollout
from service.clock import Clock, wall_clock
from service.door import Door
from service.health import Looks, look
from service.program import open_program
from service.settings import Settings

_ABOUT = """Send a picture, get an answer you can act on, or an honest "a person will look".

Every answer is in the database before you see it. Errors are problem details (RFC 9457) with a `code`."""


def create_app(settings: Settings, clock: Clock = wall_clock) -> FastAPI:
    """Starting it raises a StoreError with one sentence when the database or the storage is not as it must be."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = settings.threads
        with open_program(settings, clock) as program:
            app.state.program = program
            app.state.looks = Looks(partial(look, program))
            yield

    # what the door has let in stays in memory: a full or missing folder for temporary files would be a 400
    MultiPartParser.spool_max_size = sys.maxsize
    app = FastAPI(
        title="Ursa",
        version="1",
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    # set by who ends the process: it is ready for nothing new any more
    app.state.leaving = False
    app.add_middleware(Door, settings=settings)
    errors.add_handlers(app)
    for router in (
        predictions.router,
        operating.router,
        rollout.router,
        alarms.router,
        health.router,
    ):
        app.include_router(router)
    document.describe(app)
    app.include_router(pages.router)
    app.state.error_page = pages.error_page
    static = Path(__file__).parent / "static"
    # built here and not by the first two requests at once, which would race for it
    app.openapi()
    app.mount("/static", StaticFiles(directory=static), name="static")
    return app
