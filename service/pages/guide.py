"""The class guide: everybody reads it, operators write it. What was written stays; the newest is in force."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from service import guiding, reviewing
from service.dependencies import FromOurPage, Moment, OperatorPerson, Reading, Reviewer, Writing
from service.pages.rendering import page, see
from store import guides
from store.errors import NotFound

router = APIRouter(prefix="/guide", include_in_schema=False)

ClassName = Annotated[str, Query(alias="class", max_length=guiding.LONGEST_NAME)]


@router.get("")
def guide(request: Request, found: Reviewer, session: Reading, now: Moment) -> Response:
    """Every class with what it means and looks like."""
    return page(
        request,
        "guide.html",
        found,
        now=now,
        entries=guiding.entries(session),
        may_add=guiding.may_add(session),
    )


@router.get("/edit")
def edit(
    request: Request, _: Reviewer, found: OperatorPerson, session: Reading, name: ClassName
) -> Response:
    """The form for one class. Raises NotFound for a class that nobody can choose."""
    if name not in reviewing.classes(session):
        raise NotFound(f"There is no class {name!r}.")
    written = guides.in_force(session).get(name)
    return page(
        request,
        "guide-edit.html",
        found,
        name=name,
        definition=written.definition if written else "",
        chosen=set(written.examples) if written else set(),
        choices=guiding.choices(session, name),
        most=guiding.MOST_EXAMPLES,
        longest=guiding.LONGEST_DEFINITION,
    )


@router.post("/edit", dependencies=[FromOurPage])
def write(
    found: OperatorPerson,
    session: Writing,
    now: Moment,
    name: Annotated[str, Form(alias="class", max_length=guiding.LONGEST_NAME)],
    definition: Annotated[str, Form()] = "",
    examples: Annotated[list[str], Form()] = [],  # noqa: B006  # FastAPI copies it
) -> Response:
    """Put it in force."""
    guiding.write(session, name, definition, examples, found.actor, now)
    return see("/guide", done="written")
