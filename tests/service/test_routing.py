"""Who answers and who runs alongside, by stage; that nobody is exposed who should not be, and nobody is moved back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from classifier.classifier import Classifier
from service import routing
from service.routing import Chance
from service.standing import NOBODY, Loaded, Standing, without
from store.rollouts import LiveModel
from store.scope import Requested, parse
from store.stops import KILLED

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NETWORK = cast(Classifier, None)  # nobody is asked anything here


def loaded(number: int, stage: str, **changes: Any) -> Loaded:
    model = LiveModel(f"r{number}", f"v{number}", number, str(number), stage, 0.0, None, None)
    return Loaded(replace(model, **changes), NETWORK)


OLD, BEFORE = loaded(1, "full"), loaded(0, "full")


def standing(stage: str, **changes: Any) -> Standing:
    return Standing(7, OLD, loaded(2, stage, **changes), False, {}, BEFORE)


def who(standing: Standing, subject: str | None = "bruno", **given: Any) -> routing.Route:
    asked = Requested("shop", given.get("segment", "zoo"), subject)
    chance = Chance("k" * 32, given.get("request", "one"), given.get("reverse", 0.0))
    return routing.choose(standing, asked, given.get("at", NOON), chance)


def test_in_manual_the_incumbent_answers_and_the_candidate_runs_on_everything() -> None:
    route = who(standing("manual"))
    assert (route.answering, route.stage) == (OLD, "full")
    assert [one.model.number for one in route.alongside] == [2]


def test_with_no_incumbent_people_answer_until_the_candidate_may() -> None:
    alone = replace(standing("manual"), incumbent=None, previous=None)
    route = who(alone)
    assert (route.answering, route.stage, len(route.alongside)) == (None, "manual", 1)
    limited = replace(standing("limited", scope=parse({})), incumbent=None, previous=None)
    assert who(limited).stage == "limited"


def test_in_limited_the_candidate_answers_inside_its_scope_and_the_incumbent_alongside() -> None:
    limited = standing(
        "limited", scope=parse({"segments": ["zoo"], "hold_seconds": 60, "at_limit": "incumbent"})
    )
    inside, outside = who(limited), who(limited, segment="farm")
    assert (inside.stage, inside.hold_seconds, inside.at_limit) == ("limited", 60, "incumbent")
    assert (inside.alongside, inside.instead) == ((OLD,), OLD)
    assert (outside.answering, outside.hold_seconds) == (OLD, None)
    assert [one.model.number for one in outside.alongside] == [2]


@pytest.mark.parametrize("stage", ["limited", "expanding"])
def test_when_the_time_is_over_the_incumbent_answers_whatever_the_row_says(stage: str) -> None:
    ends = standing(stage, share=1.0, scope=parse({}), expires_at=NOON)
    assert who(ends, at=NOON - timedelta(microseconds=1)).stage == stage
    assert who(ends).answering == OLD


def test_a_growing_share_moves_nobody_back_who_was_in_the_scope_or_the_share() -> None:
    scope = parse({"segments": ["zoo"], "share": 0.5})
    ways = [
        standing("limited", scope=scope, share=0.5),
        *(standing("expanding", scope=scope, share=share) for share in (0.05, 0.25, 0.5)),
        Standing(8, loaded(2, "full", share=1.0), None, False, {}, OLD),
    ]
    for number in range(2_000):
        segment = ("zoo", "farm", None)[number % 3]
        met = [
            cast(Loaded, who(way, f"s{number}", segment=segment).answering).model.number == 2
            for way in ways
        ]
        assert met == sorted(met), number


def test_without_a_subject_each_request_stands_for_itself() -> None:
    half = standing("expanding", share=0.5)
    met = {
        cast(Loaded, who(half, None, request=str(number)).answering).model.number
        for number in range(50)
    }
    assert met == {1, 2}


def test_after_full_the_one_before_runs_on_a_sample() -> None:
    full = replace(NOBODY, event_id=9, incumbent=OLD, previous=BEFORE)
    sampled = [len(who(full, request=str(n), reverse=0.5).alongside) for n in range(400)]
    assert 120 < sum(sampled) < 280  # binomial, beyond one in a million on either side
    assert who(full, reverse=0.0).alongside == ()
    assert who(full, reverse=1.0).alongside == (BEFORE,)


def test_what_is_stopped_answers_nobody() -> None:
    expanding = standing("expanding", share=1.0)
    assert who(without(expanding, {"r2"})).answering == OLD
    assert who(without(expanding, {"r2"})).alongside == ()
    back = without(replace(expanding, candidate=None), {"r1"})
    assert who(back).answering == BEFORE
    killed = who(without(expanding, {KILLED}))
    assert (killed.answering, killed.alongside, killed.stage) == (None, (), "manual")
    both = who(without(replace(expanding, candidate=None, previous=None), {"r1"}))
    assert both.answering is None
