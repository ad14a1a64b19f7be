"""What pages make of numbers, times and addresses: words, places in charts, and only our own addresses."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.pages import charts, moved, words
from service.pages.glance import Glance, Program, next_steps
from service.pages.rendering import local
from store.predictions import Traffic
from store.reviews import Queue
from store.rollouts import Live, LiveModel
from store.tables import Backtest, Window
from tests.service.rows import NOON


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "evil",
        "",
        "/\n/evil",
    ],
)
def test_nobody_is_sent_to_another_site(elsewhere: str) -> None:
    assert local(elsewhere) == "/"


@pytest.mark.parametrize(
    "ours", ["/", "/review", "/drift?window=1#report", "/guide/edit?class=a%2Fb"]
)
def test_our_own_addresses_are_kept(ours: str) -> None:
    assert local(ours) == ours


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3, "just now"),
        (42, "42 s ago"),
        (600, "10 min ago"),
        (7200, "2 h ago"),
        (86400 * 5, "5 days ago"),
        (-600, "in 10 min"),
    ],
)
def test_times_are_told_in_one_unit(seconds: float, text: str) -> None:
    assert words.ago(NOON, NOON + timedelta(seconds=seconds)) == text


def test_numbers_are_told_as_people_read_them() -> None:
    assert words.number(1234567) == "1,234,567"
    assert words.percent(0.873) == "87 %"
    assert words.percent(None) == "–"
    assert words.points(-0.034) == "−3.4"
    assert words.points(0.1) == "+10.0"
    assert words.p_value(0.0000001) == "p < 0.001"
    assert words.p_value(0.0342) == "p = 0.034"
    assert words.some(1, "picture waits", "pictures wait") == "1 picture waits"
    assert words.some(0, "label") == "0 labels"
    assert words.megabytes(45_300_000) == "45 MB"
    assert words.lasting(NOON, NOON + timedelta(minutes=12)) == "12 min"


def test_a_word_that_nobody_listed_is_shown_as_it_stands() -> None:
    assert words.word(words.REASONS, "full_moon") == "full moon"


def test_bars_stand_side_by_side_and_a_single_one_is_seen() -> None:
    low, none, high = charts.bars([1, 0, 1000], ["a", "b", "c"])
    assert none.height == 0
    assert high.height == 100
    assert low.height >= 2
    assert 0 < low.x < none.x < high.x
    assert high.x + high.width < 100
    assert charts.bars([], []) == []


def test_an_interval_is_drawn_around_no_difference() -> None:
    drawn = charts.interval(0.02, -0.04, 0.08)
    assert drawn.end == "10"
    assert (drawn.low, drawn.point, drawn.high) == pytest.approx((30, 60, 90))
    assert drawn.sentence.startswith("+2.0 percentage points, between −4.0 and +8.0")
    assert charts.interval(0.001, -0.002, 0.004).end == "5"


def test_classes_are_shown_by_probability() -> None:
    drawn = charts.shares({"black": 0.2, "teddy": 0.7, "grizzly": 0.1})
    assert [one.name for one in drawn] == ["teddy", "black", "grizzly"]
    assert drawn[0].text == "70.0 %"


NO_TRAFFIC = Traffic(0, 0, 0, 0, 0)
MODEL = LiveModel("r", "v", 1, "d", "full", 1.0, None, None)
QUIET = Glance(
    live=Live(1, MODEL, None, killed=False),
    broken={},
    since=None,
    versions=1,
    last_hour=NO_TRAFFIC,
    last_day=NO_TRAFFIC,
    ever=False,
    by_hour=[0] * 24,
    queue=Queue({}, None, 0),
    backtest=None,
    training=None,
    new_labels=0,
    window=None,
    open_alarms=(),
    programs=(Program("service", NOON, late=False),),
)


def steps(seen: Glance, *, may_operate: bool = True) -> str:
    return " ".join(one.text for one in next_steps(seen, may_operate=may_operate))


def test_there_is_always_something_to_do_next() -> None:
    assert steps(QUIET) == "Nothing waits for you."


def test_what_presses_most_comes_first() -> None:
    late = (Program("monitoring", None, late=True),)
    seen = replace(QUIET, programs=late, queue=Queue({"held": 2, "audit": 3}, NOON, 0))
    found = next_steps(seen, may_operate=False)
    assert found[0].text.startswith("Monitoring is not running")
    assert found[1].text == "5 pictures wait for a look; for 2 of them a consumer waits."
    assert all(one.urgent for one in found)


def test_only_operators_are_asked_to_operate() -> None:
    candidate = replace(MODEL, number=2, stage="manual")
    seen = replace(
        QUIET,
        live=Live(1, MODEL, candidate, killed=False),
        backtest=Backtest(verdict="better"),
    )
    assert "Version 2 did better" in steps(seen)
    assert steps(seen, may_operate=False) == "Nothing waits for you."


def test_a_version_that_answers_nobody_is_named() -> None:
    candidate = replace(MODEL, stage="manual")
    seen = replace(QUIET, live=Live(1, None, candidate, killed=False))
    assert "runs alongside and answers nobody" in steps(seen)
    assert "no model yet" in steps(
        replace(QUIET, live=Live(0, None, None, killed=False), versions=0)
    )


def test_enough_new_labels_ask_for_a_training() -> None:
    assert "30 new labels" in steps(replace(QUIET, new_labels=30))
    assert steps(replace(QUIET, new_labels=29)) == "Nothing waits for you."


def test_drift_broken_bundles_and_stopped_models_are_told() -> None:
    assert "has moved away" in steps(replace(QUIET, window=Window(verdict="drift")))
    assert "cannot be loaded" in steps(replace(QUIET, broken={2: "Version 2 cannot be loaded."}))
    assert "stopped" in steps(replace(QUIET, live=Live(1, MODEL, None, killed=True)))


def window(**values: object) -> Window:
    return Window(verdict="drift", values=values)


def test_what_moved_is_told_by_direction_and_evidence() -> None:
    seen = window(
        brightness={"drift": True, "shift": -0.9, "p_value": 0.004},
        sharpness={"drift": True, "shift": 0.4, "p_value": 0.001},
        contrast={"drift": False, "shift": 2.0, "p_value": 0.3},
        size={"drift": True, "shift": 0.0, "p_value": 0.009},
        features={"drift": True, "shift": 0.2, "p_value": 0.002},
        predicted_class={"drift": True, "shift": 0.2, "p_value": 0.003},
    )
    assert [(one.sentence, one.p_value) for one in moved.told(seen)] == [
        ("sharper", 0.001),
        ("other things to the network", 0.002),
        ("other classes than before", 0.003),
        ("darker", 0.004),
        ("different in size", 0.009),
    ]


def test_a_window_without_a_verdict_says_why() -> None:
    assert (
        moved.reason(window(reason="12 pictures; 50 are needed.")) == "12 pictures; 50 are needed."
    )
    assert moved.told(window(reason="12 pictures; 50 are needed.")) == []
    assert moved.reason(window()) is None
