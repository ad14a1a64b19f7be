"""Which model answers a request, and which one runs alongside.

The incumbent answers everything; a candidate in `manual` runs alongside and changes nothing. With no model, or
while people have stopped all models, nobody answers but people.
"""

from dataclasses import dataclass

from service.live import Loaded, Standing


@dataclass(frozen=True)
class Route:
    """`stage` is that of the model that answers; `event_id` is None before the first rollout event."""

    answering: Loaded | None
    alongside: Loaded | None
    stage: str
    event_id: int | None


def choose(standing: Standing) -> Route:
    """The route of one request; a request keeps it to its end whatever is swapped meanwhile."""
    event_id = standing.event_id or None
    if standing.killed:
        return Route(None, None, "manual", event_id)
    incumbent = standing.incumbent
    stage = incumbent.model.stage if incumbent is not None else "manual"
    return Route(incumbent, standing.candidate, stage, event_id)
