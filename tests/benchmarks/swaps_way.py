"""A candidate's whole way by the product's own API, as two operators go it under load: `make bench-swaps` has some.

Order: the questions are answered, which puts it alongside; a limited stage, growing shares, everything by two people,
and back. What the retrain program and monitoring would have written, a backtest and a sign of life, is written here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from service.clock import wall_clock
from store import preflight
from tests.benchmarks.swaps_rows import Rows, Told
from tests.store.rolling import PLAN

# what an act is told once a hard limit has taken the candidate off its way
CUT_SHORT = ("not_on_its_way", "illegal_move", "preflight")


# looks again and again, or fails in the end
WaitFor = Callable[[Callable[[], bool]], None]


@dataclass
class Gone:
    """How far it came: `answering` has the versions that may answer by the newest event; `moves` as they were made.

    `cut_short`: a hard limit took it off its way, as it may on a machine with other work.
    """

    answering: dict[int, set[int]] = field(default_factory=dict)
    moves: int = 0
    cut_short: bool = False


class Operators:
    """Two of them, each with a key."""

    def __init__(self, url: str, rows: Rows) -> None:
        self._rows = rows
        self._both = [
            httpx.Client(
                base_url=url,
                headers={"Authorization": f"Bearer {rows.key(name, 'operator')}"},
                timeout=60,
            )
            for name in ("olga", "otto")
        ]

    def close(self) -> None:
        """Let go of the connections."""
        for one in self._both:
            one.close()

    def lead(
        self,
        number: int,
        base: int,
        told: Sequence[Told],
        wait_for: WaitFor,
    ) -> Gone:
        """All the way and back; `base` answers before and after it, clients are `told` meanwhile."""
        gone, olga, otto = Gone(), *self._both
        way = f"/v1/models/{number}"
        self._rows.prepared(number, base)
        scope = {"share": 0.5, "expires_at": (wall_clock() + timedelta(days=1)).isoformat()}
        olga.put(f"{way}/preflight", json={**PLAN, "scope": scope}).raise_for_status()
        self._moved(gone, {base})
        wait_for(lambda: _models(olga)["alongside"] == number)
        said = {"reason": "a benchmark", "although_held": True}
        for act, stage in (("limit", "limited"), ("expand", "expanding")):
            if not self._act(gone, olga, f"{way}/{act}", said, {base, number}):
                return gone
            self._answers(olga, number, stage, told, wait_for)
        # these come while the one before is not followed yet
        for _ in preflight.STEPS[1:]:
            if not self._act(gone, otto, f"{way}/expand", said, {base, number}):
                return gone
        for one, may in ((olga, {base, number}), (otto, {number})):
            if not self._act(gone, one, f"{way}/promote", said, may, moves=one is otto):
                return gone
        wait_for(lambda: _models(olga)["answering"] == number)
        self._act(gone, olga, "/v1/revert", {"reason": "a benchmark"}, {base})
        return gone

    def _answers(
        self, who: httpx.Client, number: int, stage: str, told: Sequence[Told], wait_for: WaitFor
    ) -> None:
        """Until somebody is answered in this stage, or the candidate is gone."""
        seen = len(told)

        def has() -> bool:
            return any(one.answer.get("stage") == stage for one in told[seen:])

        wait_for(lambda: has() or _models(who)["alongside"] != number)

    def _act(
        self,
        gone: Gone,
        who: httpx.Client,
        path: str,
        said: dict[str, Any],
        may_answer: set[int],
        *,
        moves: bool = True,
    ) -> bool:
        """Whether it was let through; what ends the way here is a hard limit and nothing else."""
        told = who.post(path, json=said)
        if told.status_code == 409 and told.json()["code"] in CUT_SHORT:
            gone.cut_short = not self._rows.is_on_its_way()
        if gone.cut_short:
            return False
        told.raise_for_status()
        self._moved(gone, may_answer, moves=moves)
        return True

    def _moved(self, gone: Gone, may_answer: set[int], *, moves: bool = True) -> None:
        gone.answering[self._rows.newest_event()] = may_answer
        gone.moves += moves


def _models(who: httpx.Client) -> dict[str, Any]:
    models: dict[str, Any] = who.get("/readyz").json()["models"]
    return models
