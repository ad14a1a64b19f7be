"""What a policy would have done on logged traffic: counted by hand, and over real rows by the command's own function."""

from datetime import timedelta

import pytest

from classifier.policy import parse_policy
from service import explaining
from store import opinions
from store.database import Database
from store.opinions import Opinion
from store.pictures import NewPicture
from store.prediction_log import Entry, PredictionLog
from tests.store.given import NOW, consumer, later, prediction

COSTS = """
[costs]
unit = "dollars"
wrong = 10.0
review = 1.0
delay = 1.0
corrected = 0.0
"""


def opinion(confidence: float, decision: str = "answer") -> Opinion:
    return Opinion("a", confidence, {"a": confidence, "b": 1 - confidence}, True, decision)


def test_reviews_a_day_and_cost_are_those_counted_by_hand() -> None:
    seen = [opinion(0.95), opinion(0.9, "answer_and_review"), opinion(0.5), opinion(0.6)]
    was, would, best = explaining.explain(parse_policy(COSTS), seen, 2.0)
    assert (was.reviews_a_day, was.held_a_day) == (0.5, 0.0)
    assert was.cost_a_day == pytest.approx((0.5 + (1.0 + 1.0) + 5.0 + 4.0) / 2)
    assert would.kinds == {"answer": 2, "hold": 2}
    assert would.cost_a_day == pytest.approx((0.5 + 1.0 + 2.0 + 2.0) / 2)
    assert best.cost_a_day == pytest.approx(would.cost_a_day)
    assert best.name == "hold below 0.65"


def test_without_costs_only_reviews_are_counted() -> None:
    policy = parse_policy(
        "review_below = 0.6\nreview_out_of_domain = true\nhold_below = 0.0\nanswer_at = 0.0\n"
    )
    _, would = explaining.explain(policy, [opinion(0.5), opinion(0.9)], 1.0)
    assert (would.reviews_a_day, would.cost_a_day) == (1.0, None)
    assert "no costs are written" in explaining.lines(policy, [opinion(0.5)], 1.0)[-1]


def test_it_reads_what_models_said_and_nothing_older(database: Database) -> None:
    with database.write() as session:
        shop = consumer(session)
    log = PredictionLog(database)
    log.start()
    for number in range(4):
        changes = {"label": None, "confidence": None, "probabilities": None} if number == 2 else {}
        row = prediction(shop, number, **changes)
        log.keep(Entry(row, NewPicture(row.picture_digest, "png", 10, 8, 8)))
    log.stop()
    with database.read() as session:
        found = opinions.since(session, later(seconds=1))
        assert len(opinions.since(session, NOW)) == 3
    assert found == [Opinion("grizzly", 0.9, {"grizzly": 0.9, "black": 0.1}, True, "answer")] * 2
    told = explaining.lines(parse_policy(COSTS), found, 1.0)
    assert any(line.startswith("this policy: answer 2") for line in told)
    assert explaining.lines(parse_policy(COSTS), [], 1.0)[-1].startswith("No model has answered")


def test_the_thresholds_told_are_those_of_the_whole_policy() -> None:
    fixed = "review_below = 0.97\nreview_out_of_domain = true\nhold_below = 0.9\nanswer_at = 0.0\n"
    policy = parse_policy(fixed + COSTS)
    told = explaining.thresholds(policy, ["a", "b"])
    assert told == [("a", "b", 0.9, 0.97), ("b", "a", 0.9, 0.97)]
    for confidence, kind in ((0.89, "hold"), (0.96, "answer_and_review"), (0.98, "answer")):
        shares = {"a": confidence, "b": 1 - confidence}
        assert policy.decide(confidence, True, "a", shares).kind == kind


def test_what_is_counted_a_day_is_counted_over_the_time_that_was_read(database: Database) -> None:
    with database.write() as session:
        shop = consumer(session)
    log = PredictionLog(database)
    log.start()
    rows = [prediction(shop, number) for number in range(4)]
    for row in rows:
        log.keep(Entry(row, NewPicture(row.picture_digest, "png", 10, 8, 8)))
    log.stop()
    week_ago = NOW - timedelta(days=7)
    with database.read() as session:
        assert opinions.begins(session, week_ago) == rows[0].created_at, "the log is younger"
        assert opinions.begins(session, week_ago, limit=2) == rows[2].created_at, "there was more"
        assert opinions.begins(session, rows[1].created_at) == rows[1].created_at


def test_costs_of_a_class_that_is_misspelt_are_told() -> None:
    pair = '[[costs.pairs]]\ntrue = "{}"\ngiven = "b"\ncost = 500.0\n'
    wrong, right = (parse_policy(COSTS + pair.format(name)) for name in ("aa", "a"))
    never = "costs are named for aa, which no model knows: they never count"
    assert never in explaining.lines(wrong, [opinion(0.9)], 1.0)
    assert not any("no model knows" in one for one in explaining.lines(right, [opinion(0.9)], 1.0))
