"""Measure routing: nobody out of scope, nobody moved back, the share that was asked for, microseconds a decision.

A million requests (`--requests`) through `service.routing.choose`, over both clock changes of a year and with missing
attributes, are held against a second reading of the same scope; a million distinct subjects give the realised share
of each step; the same subjects go through every step. Prints a table, then one JSON object.
"""

import argparse
import json
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import cast
from zoneinfo import ZoneInfo

from classifier.classifier import Classifier
from service import routing
from service.routing import Chance
from service.standing import Loaded, Standing
from store.rollouts import LiveModel
from store.scope import Requested, drawn, parse

ZONE = ZoneInfo("Europe/Berlin")
KEY = "a key of the benchmark, long enough"
STEPS = (0.05, 0.25, 0.5)
CHANGES = (datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 10, 22, tzinfo=UTC))
NETWORK = cast(Classifier, None)  # nobody is asked anything here
SCOPE = {
    "consumers": ["shop", "bank"],
    "segments": ["zoo", "farm"],
    "days": ["saturday", "sunday", "monday"],
    "times": [["01:30", "03:15"], ["09:00", "17:30"], ["22:00", "00:30"]],
    "zone": "Europe/Berlin",
    "expires_at": "2026-10-30T12:00:00+01:00",
    "share": 0.3,
}


def main(words: list[str] | None = None) -> int:
    """Measure, print, and say by the exit code whether somebody was where nobody should be."""
    parser = argparse.ArgumentParser(description="How requests are routed.")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--subjects", type=int, default=1_000_000)
    given = parser.parse_args(words)
    found = {**_requests(given.requests), **_subjects(given.subjects)}
    for name, value in found.items():
        print(f"{name:32} {value}")
    print(json.dumps(found))
    return int(
        bool(found["out_of_scope"] or found["left_out"] or found["flips"] or found["moved_back"])
    )


def standing(stage: str, share: float, scoped: bool = True) -> Standing:
    """A candidate in a stage beside an incumbent."""
    old = LiveModel("r1", "v1", 1, "1", "full", 1.0, None, None)
    scope = parse(SCOPE) if scoped else None
    new = replace(
        old, rollout_id="r2", version_id="v2", number=2, stage=stage, share=share, scope=scope
    )
    return Standing(1, Loaded(old, NETWORK), Loaded(new, NETWORK), False, {}, None)


def _requests(number: int) -> dict[str, float | int]:
    chance = random.Random(1)  # noqa: S311  # the same requests each time
    limited = standing("limited", 0.3)
    counts = {"out_of_scope": 0, "left_out": 0, "flips": 0, "inside": 0}
    arms, spent = dict[str, bool](), 0.0
    for one in range(number):
        at = chance.choice(CHANGES) + timedelta(seconds=chance.randrange(10 * 86_400))
        subject = chance.choice((None, f"subject {chance.randrange(number // 20 or 1)}"))
        asked = Requested(
            chance.choice(("shop", "bank", "toy", "")), chance.choice((None, "zoo", "farm", "lab")), subject
        )  # fmt: skip
        luck = Chance(KEY, f"request {one}", 0.2)
        begun = perf_counter()
        route = routing.choose(limited, asked, at, luck)
        spent += perf_counter() - begun
        met = route.stage == "limited"
        inside = _inside(asked, at)
        arm = drawn(KEY, "r2", subject if subject is not None else luck.request_id, 0.3)
        counts["inside"] += inside
        counts["out_of_scope"] += met and not inside
        counts["left_out"] += inside and arm and not met
        if subject is not None and inside:
            counts["flips"] += arms.setdefault(subject, met) is not met
    return {"requests": number, **counts, "microseconds_a_decision": round(1e6 * spent / number, 2)}


def _inside(asked: Requested, at: datetime) -> bool:
    """The scope above, read by hand."""
    local = at.astimezone(ZONE)
    minute, day = 60 * local.hour + local.minute, local.weekday()
    days = day in (5, 6, 0)
    return (
        asked.consumer in ("shop", "bank")
        and asked.segment in ("zoo", "farm")
        and at < datetime(2026, 10, 30, 11, tzinfo=UTC)
        and (
            (days and (90 <= minute < 195 or 540 <= minute < 1050 or minute >= 1320))
            or (minute < 30 and day in (6, 0, 1))
        )
    )


def _subjects(number: int) -> dict[str, float | int]:
    ways = [standing("expanding", share, scoped=False) for share in STEPS]
    met, back = [0] * len(STEPS), 0
    for one in range(number):
        asked, luck = Requested("shop", None, f"subject {one}"), Chance(KEY, "")
        row = [routing.choose(way, asked, CHANGES[0], luck).stage == "expanding" for way in ways]
        back += row != sorted(row)
        met = [before + now for before, now in zip(met, row, strict=True)]
    off = [abs(100 * (count / number - share)) for count, share in zip(met, STEPS, strict=True)]
    return {
        "subjects": number,
        "moved_back": back,
        "largest_share_error_points": round(max(off), 4),
    }


if __name__ == "__main__":
    sys.exit(main())
