"""The rollout page: the way so far, what it waits for, the next step, and the two ways to stop.

Everybody who is signed in may look; operators move, each with a reason, and take the audit trail. `full` waits for two
of them. It shows what rows say and calls the acts of `service`; it decides nothing.
"""

from collections.abc import Mapping
from functools import partial
from math import isfinite, nan
from typing import Annotated, Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.datastructures import FormData

from service import listing, releasing, stepping, stopping, trail
from service.dependencies import (
    FromOurPage,
    Moment,
    OperatorPerson,
    Reading,
    Reviewer,
    Running,
    Writing,
)
from service.pages import rollout_words
from service.pages.rendering import page, see
from store import actions, pairs, preflight, rollouts, switches
from store import scope as scopes
from store.errors import Invalid
from store.stops import KILLED

router = APIRouter(prefix="/rollout", include_in_schema=False)

Reason = Annotated[str, Form(max_length=2000)]
Number = Annotated[int, Form(ge=1, lt=2**31)]
Text = Annotated[str, Form(max_length=200)]
# the page whose form it was
Back = Annotated[Literal["/rollout", "/models"], Form()]
AlthoughHeld = Annotated[bool, Form()]

# a stop needs no thread of those that all requests share: they may all be taken
_stopping = CapacityLimiter(4)


async def sent(request: Request) -> FormData:
    """Every field of the form, whatever their names are."""
    return await request.form()


@router.get("")
def show(request: Request, found: Reviewer, session: Reading, now: Moment) -> Response:
    """The newest rollout, and what may be done."""
    way, live = listing.way(session), rollouts.live(session)
    report = actions.report(session, live.candidate, live.incumbent) if live.candidate else None
    return page(
        request,
        "rollout.html",
        found,
        now=now,
        way=way,
        track=rollout_words.track(way),
        waits=rollout_words.waits(way, now),
        next=rollout_words.next_step(way),
        drawn=rollout_words.drawn(way),
        unheard=pairs.unheard(session, way.rollout, now) if way else 0,
        held=rollout_words.held(way, live),
        lacks=preflight.lacks(way.rollout.preflight, way.rollout.risks) if way else [],
        questions=preflight.QUESTIONS,
        metrics=preflight.METRICS,
        alerts=preflight.ALERTS,
        actions=rollout_words.changed_first(report),
        killed=switches.get(session, KILLED),
        frozen=switches.get(session, "frozen"),
        live=live,
    )


@router.get("/audit-trail.{form}")
def audit_trail(form: trail.Format, _: OperatorPerson, session: Reading) -> Response:
    """Every rollout event and every privileged act, as a file."""
    named = {"Content-Disposition": f'attachment; filename="audit-trail.{form}"'}
    return Response(trail.export(session, form), media_type=trail.MEDIA_TYPES[form], headers=named)


@router.post("/preflight", dependencies=[FromOurPage])
def prepare(
    number: Number,
    found: OperatorPerson,
    form: Annotated[FormData, Depends(sent)],
    session: Writing,
    now: Moment,
) -> Response:
    """Keep the answers, the risks and the planned scope."""
    stepping.prepare(session, number, preflight_of(form), found.actor, now)
    return see("/rollout", done="prepared")


@router.post("/limit", dependencies=[FromOurPage])
def limit(
    number: Number,
    reason: Reason,
    found: OperatorPerson,
    session: Writing,
    now: Moment,
    although_held: AlthoughHeld = False,
) -> Response:
    """Let the candidate answer inside the planned scope."""
    stepping.limit(session, number, None, found.actor, reason, now, although_held=although_held)
    return see("/rollout", done="moved")


@router.post("/expand", dependencies=[FromOurPage])
def expand(
    number: Number,
    reason: Reason,
    found: OperatorPerson,
    session: Writing,
    now: Moment,
    although_held: AlthoughHeld = False,
) -> Response:
    """Let the candidate answer the next planned share."""
    stepping.expand(session, number, None, found.actor, reason, now, although_held=although_held)
    return see("/rollout", done="moved")


@router.post("/fall-back", dependencies=[FromOurPage])
def fall_back(
    number: Number, reason: Reason, found: OperatorPerson, session: Writing, now: Moment
) -> Response:
    """Let the candidate run alongside again."""
    stepping.fall_back(session, number, found.actor, reason, now)
    return see("/rollout", done="moved")


@router.post("/promote", dependencies=[FromOurPage])
def promote(
    number: Number,
    reason: Reason,
    found: OperatorPerson,
    session: Writing,
    now: Moment,
    although_held: AlthoughHeld = False,
    back: Back = "/rollout",
) -> Response:
    """Confirm that the version may answer everything; the second person's word lets it."""
    released = releasing.promote(
        session, number, found.actor, reason, now, although_held=although_held
    )
    return see(back, done="promoted" if released.answering == number else "confirmed")


@router.post("/withdraw", dependencies=[FromOurPage])
def withdraw(
    number: Number,
    reason: Reason,
    found: OperatorPerson,
    session: Writing,
    now: Moment,
    back: Back = "/rollout",
) -> Response:
    """Take the candidate off its way."""
    releasing.withdraw(session, number, found.actor, reason, now)
    return see(back, done="withdrawn")


@router.post("/kill", dependencies=[FromOurPage])
async def kill(
    to: Text, reason: Reason, found: OperatorPerson, program: Running, now: Moment
) -> Response:
    """Stop at once: no model answers, or the newest is taken back."""
    if to not in ("manual", "last_good"):
        raise Invalid(f"There is no way to stop called {to!r}.", "invalid_request")
    target: stopping.Target = "manual" if to == "manual" else "last_good"
    act = partial(stopping.kill, program, target, found.actor, reason, now)
    await to_thread.run_sync(act, limiter=_stopping)
    return see("/rollout", done="stopped")


@router.post("/release", dependencies=[FromOurPage])
def release(reason: Reason, found: OperatorPerson, program: Running, now: Moment) -> Response:
    """Let models answer again."""
    stopping.release(program.database, program.objects, found.actor, reason, now)
    return see("/rollout", done="released")


@router.post("/freeze", dependencies=[FromOurPage])
def freeze(reason: Reason, found: OperatorPerson, session: Writing, now: Moment) -> Response:
    """Let nothing grow."""
    stopping.freeze(session, True, found.actor, reason, now)
    return see("/rollout", done="frozen")


@router.post("/unfreeze", dependencies=[FromOurPage])
def unfreeze(reason: Reason, found: OperatorPerson, session: Writing, now: Moment) -> Response:
    """Let rollouts go on."""
    stopping.freeze(session, False, found.actor, reason, now)
    return see("/rollout", done="unfrozen")


def preflight_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """What the form says, in the shape of `store.preflight.parse`. Raises Invalid for numbers that are none."""
    given: dict[str, Any] = {
        "answers": {name: str(form.get(f"answer_{name}", "")) for name in preflight.QUESTIONS}
    }
    rows = range(min(int(_number(form.get("rows", "0"), "rows") or 0), preflight.MOST_RISKS + 1))
    risks = [
        {name: str(form.get(f"{name}_{row}", "")) for name in ("risk", "metric", "alert", "owner")}
        for row in rows
        if str(form.get(f"risk_{row}", "")).strip()
    ]
    scope: dict[str, Any] = {
        name: _listed(form.get(name)) for name in ("consumers", "segments", "subjects", "days")
    }
    scope["times"] = [one.replace("–", "-").split("-") for one in _listed(form.get("times"))]
    scope["zone"] = str(form.get("zone", "")).strip() or None
    scope["expires_at"] = _expiry(form.get("expires_at"))
    share, hold = _number(form.get("share"), "share"), _number(form.get("hold_minutes"), "hold")
    scope["share"] = share / 100 if share is not None else None
    scope["hold_seconds"] = int(60 * hold) if hold else None
    scope["at_limit"] = str(form.get("at_limit", "people")) if hold else None
    given["risks"] = risks
    given["scope"] = {name: value for name, value in scope.items() if value not in (None, [])}
    steps = [_number(one, "steps") for one in _listed(form.get("steps"))]
    given["steps"] = [one / 100 for one in steps if one is not None] or list(preflight.STEPS)
    return given


def shown_scope(kept: Mapping[str, Any] | None) -> str | None:
    """A kept scope in words."""
    return scopes.words(scopes.kept(kept)) if kept is not None else None


def _listed(value: Any) -> list[str]:
    return [one.strip() for one in str(value or "").split(",") if one.strip()]


def _number(value: Any, name: str) -> float | None:
    text = str(value or "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = nan
    if not isfinite(number):
        raise Invalid(f"{text!r} is no number ({name}).", "preflight")
    return number


def _expiry(value: Any) -> str | None:
    text = str(value or "").strip()
    # the field of a browser knows no zone; the form says that it is UTC
    return f"{text}+00:00" if text and "+" not in text and not text.endswith("Z") else text or None
