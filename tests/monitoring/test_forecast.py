"""What a candidate still needs, in numbers that people can plan with."""

from datetime import datetime

import pytest

from monitoring import forecast
from monitoring.evidence_rule import Rule
from monitoring.forecast import Waits
from monitoring.paired import Paired
from monitoring.prefix import Alike, Differ, Lost, Outcome, Said
from monitoring.reader_error import Doubles
from tests.store.given import NOW, later

RULE = Rule(margin=0.05, minimum_pairs=100)
DAY = later(hours=24)


def paired(alike: int, outcomes: list[Outcome], *, lost: int = 0, read: int = 400) -> Paired:
    """A step in which so many said the same, and the others were labelled."""
    made = Paired(RULE, classes=7, step=1, doubles=Doubles(read))
    made.add(Lost(lost, 1))
    for key, outcome in enumerate(outcomes):
        made.add(Differ(key, 1, later(hours=72)))
        made.said(key, Said(outcome, "bear", NOW))
    made.add(Alike(alike, 1))
    return made


def waits(made: Paired, as_of: datetime = DAY) -> Waits:
    judgement = made.look(as_of)
    return forecast.waits(made.seen, judgement, RULE, NOW, as_of)


def test_it_comes_to_what_it_foretold() -> None:
    made = paired(90, ["win", "loss"] * 2)
    foretold = waits(made)
    assert foretold.pairs is not None
    assert foretold.until is not None
    # as much again as there is already takes a day
    assert (foretold.until - DAY) / (DAY - NOW) == pytest.approx(foretold.pairs / 94)
    more = paired(
        90 + round(foretold.pairs * 90 / 94), ["win", "loss"] * round(2 + foretold.pairs / 47)
    )
    assert more.look(DAY).evidence["not_worse"] == pytest.approx(3.0, abs=0.6)


def test_what_both_got_wrong_takes_a_label_too_and_a_failure_takes_none() -> None:
    decisive: list[Outcome] = ["win", "loss"]
    ties: list[Outcome] = ["tie"] * 20
    few, many = waits(paired(58, decisive)), waits(paired(38, decisive + ties))
    assert few.pairs == many.pairs
    assert few.pairs is not None
    assert (few.labels, many.labels) == (-(-few.pairs * 2 // 60), -(-few.pairs * 22 // 60))
    assert waits(paired(60, [], lost=1)).labels == 0


def test_without_a_chance_it_says_never_and_without_readers_nothing() -> None:
    assert waits(paired(60, ["loss"] * 9)).never
    assert waits(paired(60, [], read=0)) == Waits(None, None, None, never=False)
