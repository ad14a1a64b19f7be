"""Which model answers a request, and which ones run alongside.

Order: stopped models answer nobody; a candidate answers where its stage lets it, decided by the clock's moment, the
scope and one fixed draw of the subject; else the incumbent does, or people. Whoever does not answer runs alongside:
the candidate on everything, the incumbent wherever the candidate answers, and the one before the incumbent on a
sample. Nothing is asked here but what the request brought: no database, no network.
"""

from dataclasses import dataclass
from datetime import datetime

from service.standing import Loaded, Standing
from store.draws import draw
from store.rollouts import LiveModel
from store.scope import Requested, drawn


@dataclass(frozen=True)
class Chance:
    """What draws are made with: the system's key, and an id that is this request's own."""

    secret_key: str
    request_id: str
    reverse_share: float = 0.0


@dataclass(frozen=True)
class Route:
    """`stage` is that of the model that answers; `event_id` is None before the first rollout event.

    With `hold_seconds` the answer waits that long for a person, `at_limit` says what is answered then. `instead` is
    who answers when the one who should cannot.
    """

    answering: Loaded | None
    alongside: tuple[Loaded, ...]
    stage: str
    event_id: int | None
    instead: Loaded | None = None
    hold_seconds: int | None = None
    at_limit: str = "people"


def choose(standing: Standing, asked: Requested, at: datetime, chance: Chance) -> Route:
    """The route of one request; a request keeps it to its end whatever is swapped meanwhile."""
    event_id = standing.event_id or None
    if standing.killed:
        return Route(None, (), "manual", event_id)
    incumbent, candidate = standing.incumbent, standing.candidate
    others: tuple[Loaded, ...] = ()
    if standing.previous is not None and _sampled(chance):
        others = (standing.previous,)
    if candidate is not None and exposed(candidate.model, asked, at, chance):
        alongside = (incumbent, *others) if incumbent is not None else others
        scope = candidate.model.scope
        held = scope if scope is not None and candidate.model.stage == "limited" else None
        return Route(
            candidate, alongside, candidate.model.stage, event_id, incumbent,
            held.hold_seconds if held else None, held.at_limit if held else "people",
        )  # fmt: skip
    stage = incumbent.model.stage if incumbent is not None else "manual"
    if candidate is not None:
        others = (candidate, *others)
    return Route(incumbent, others, stage, event_id, standing.previous)


def exposed(model: LiveModel, asked: Requested, at: datetime, chance: Chance) -> bool:
    """Whether this request is the candidate's to answer.

    `limited`: inside its scope and its share. `expanding`: inside the share of everybody, or where it was before.
    """
    if model.stage not in ("limited", "expanding"):
        return False
    # the clock and not the row ends a stage: whoever moves the row may be late
    if model.expires_at is not None and at >= model.expires_at:
        return False
    unit = asked.subject if asked.subject is not None else chance.request_id
    scope = model.scope
    inside = (
        scope is not None
        and scope.covers(asked, at)
        and drawn(chance.secret_key, model.rollout_id, unit, scope.share)
    )
    if inside or model.stage == "limited":
        return inside
    return drawn(chance.secret_key, model.rollout_id, unit, model.share)


def _sampled(chance: Chance) -> bool:
    share = chance.reverse_share
    return share > 0 and draw(chance.secret_key, "reverse_shadow", chance.request_id) < share
