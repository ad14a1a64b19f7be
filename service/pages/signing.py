"""Sign in and out. Afterwards the browser goes back to where it wanted to be, and only ever to one of our pages."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from service import heads, signing_in
from service.dependencies import (
    FromOurOrigin,
    FromOurPage,
    MaybeSignedIn,
    Moment,
    Reviewer,
    Running,
    Writing,
)
from service.pages.rendering import local, page, see

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def form(
    request: Request, found: MaybeSignedIn, next: str = "/"
) -> Response:  # its name in the address
    """The form, or straight on for who is signed in already."""
    if found is not None:
        return see(local(next))
    return page(request, "sign-in.html", None, next=local(next), name="", failed=False)


@router.post("/sign-in", dependencies=[FromOurOrigin])
def sign_in(
    request: Request,
    program: Running,
    now: Moment,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form()] = "/",  # its name in the form
) -> Response:
    """Set the cookie and go on, or show the form again with 401."""
    done = signing_in.sign_in(program, name, password, heads.address(request.scope), now)
    if done is None:
        shown = {"next": local(next), "name": name, "failed": True}
        return page(request, "sign-in.html", None, status=401, **shown)
    # for the line that the door writes
    request.state.person = done.person_id
    answer = see(local(next))
    signing_in.set_cookie(answer, done.token, request.scope)
    return answer


@router.post("/sign-out", dependencies=[FromOurPage])
def sign_out(request: Request, found: Reviewer, session: Writing, now: Moment) -> Response:
    """End the sign-in here and for the cookie."""
    signing_in.sign_out(session, found.token, now)
    answer = see("/sign-in", done="signed-out")
    signing_in.clear_cookie(answer, request.scope)
    # pictures, and pages that the browser would go back to
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer
