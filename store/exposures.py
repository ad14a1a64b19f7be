"""How far a candidate is exposed after a move: its share, its scope and the end of it.

One function that `store.rollouts.move` calls with the row in hand. It never moves the stage and writes no event.
"""

from datetime import datetime
from typing import Any

from store import preflight
from store import scope as scopes
from store.errors import Conflict
from store.rollout_events import Actor
from store.tables import Rollout


def expose(
    rollout: Rollout,
    name: str,
    actor: Actor,
    share: float | None,
    scope: dict[str, Any] | None,
    expires_at: datetime | None,
) -> None:
    """Set the share, the scope and its end for where the move leads.

    Raises Conflict: `preflight` and `no_scope` (limit), `not_more` (expand); Invalid `scope`. A scope that asks for
    nothing limits nothing, and a share of all is `full`, which takes two people: neither is set here.
    """
    if name == "limit":
        if actor.kind != "system" and not preflight.answered(rollout.preflight, rollout.risks):
            raise Conflict("The questions before a rollout are not answered yet.", "preflight")
        wanted = scope if scope is not None else preflight.planned_scope(rollout.preflight)
        if wanted is None:
            raise Conflict("A limited stage needs a written scope.", "no_scope")
        changed = {"share": share, "expires_at": expires_at}
        given = {key: value for key, value in changed.items() if value is not None}
        parsed = scopes.parse({**wanted, **given})
        if actor.kind != "system" and parsed.limits_nothing:
            raise Conflict(
                "A scope that asks for nothing is none: say who, where or when.", "no_scope"
            )
        rollout.scope, rollout.share = parsed.as_kept(), parsed.share
        rollout.expires_at = parsed.expires_at
    elif name == "expand":
        # in `limited` the share was of the scope, here it is of everybody
        before = rollout.share if rollout.stage == "expanding" else 0.0
        after = share if share is not None else preflight.next_step(rollout.preflight, before)
        if after is None or not before < after < 1:
            raise Conflict(
                f"From {100 * before:g} % the share can only grow, and everything is for two people.",
                "not_more",
            )
        if rollout.scope is not None:
            lasting = {key: one for key, one in rollout.scope.items() if key != "expires_at"}
            # who was inside stays inside when the scope as such has served; answers are not held any more
            rollout.scope = {
                key: one for key, one in lasting.items() if key not in ("hold_seconds", "at_limit")
            }
        rollout.share, rollout.expires_at = after, expires_at
    else:
        rollout.share = 1.0 if name == "promote" else 0.0
        rollout.scope = rollout.expires_at = None
