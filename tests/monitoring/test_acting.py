import pytest

from monitoring.acting import Standing, act
from monitoring.verdicts import Judgement

SHARES = (0.05, 0.25, 0.5)


def judgement(verdict: str, *because: str) -> Judgement:
    return Judgement(verdict, because, {}, None, 0.05, 0.01)  # type: ignore[arg-type]


@pytest.mark.parametrize("forbidden", [(), ("frozen",), ("heartbeat", "alarm")])
def test_a_revert_is_made_whatever_forbids_growth(forbidden: tuple[str, ...]) -> None:
    done = act(judgement("revert", "harm"), Standing("full", 1.0, True, forbidden), SHARES)
    assert (done.verdict, done.move, done.because) == ("revert", "revert", ("harm",))


@pytest.mark.parametrize("why", ["frozen", "heartbeat", "alarm", "preflight"])
def test_what_forbids_growth_makes_an_advance_a_hold(why: str) -> None:
    done = act(judgement("advance"), Standing("expanding", 0.05, True, (why,)), SHARES)
    assert (done.verdict, done.move, done.because) == ("hold", None, (why,))


def test_a_hold_moves_nothing() -> None:
    done = act(judgement("hold", "evidence"), Standing("expanding", 0.05, True), SHARES)
    assert (done.verdict, done.move, done.advised) == ("hold", None, None)


def test_the_steps_grow_one_by_one_and_full_is_for_people() -> None:
    stages = [("manual", 0.0), ("limited", 0.0), ("expanding", 0.05), ("expanding", 0.25)]
    made = [act(judgement("advance"), Standing(*one, scope=True), SHARES) for one in stages]
    assert [one.move for one in made] == ["limit", "expand", "expand", "expand"]
    assert [one.share for one in made] == [None, 0.05, 0.25, 0.5]
    last = act(judgement("advance"), Standing("expanding", 0.5, True), SHARES)
    assert (last.verdict, last.move, last.advised) == ("advance", None, "promote")


def test_without_a_written_scope_the_first_step_is_for_people() -> None:
    done = act(judgement("advance"), Standing("manual", 0.0, scope=False), SHARES)
    assert (done.move, done.advised) == (None, "limit")


def test_the_share_inside_a_scope_is_no_share_of_everybody() -> None:
    done = act(judgement("advance"), Standing("limited", 1.0, True), SHARES)
    assert (done.move, done.share) == ("expand", 0.05)
