"""The pages for people: server-rendered, small scripts, readable without them.

One module per page. A page reads rows and shows them; what changes something is an act of `service` that the API
and the commands call too. The application includes `router` and shows failures to browsers by `error_page`.
"""

from fastapi import APIRouter

from service.pages import (
    drift,
    guide,
    home,
    manual,
    models,
    pictures,
    reviewing,
    right,
    rollout,
    signing,
    trying,
)
from service.pages.rendering import error_page

ROOMS = (signing, home, trying, reviewing, pictures, guide, models, rollout, right, drift, manual)

router = APIRouter()
for room in ROOMS:
    router.include_router(room.router)

__all__ = ["ROOMS", "error_page", "router"]
