from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitoring import cusum, streams
from monitoring.streams import Event, Plan, Stream
from store.detectors import Seen
from tests.store.given import NOW

PLAN = Plan(calibration=0, pictures_a_day=100)


def seen(number: int, flagged: bool, segment: str | None = None, seconds: float = 1.0) -> Seen:
    at = NOW + timedelta(seconds=seconds * number)
    return Seen(f"{number:06}", at, segment, flagged, repeated=False, repeated_in_segment=False)


def told(rows: list[Seen], plan: Plan = PLAN) -> tuple[dict[str, Stream], list[Event]]:
    standing: dict[str, Stream] = {}
    return standing, streams.advance(standing, rows, plan)


def alarms(events: list[Event], stream: str = "") -> list[int]:
    return [one.detail["index"] for one in events if (one.kind, one.stream) == ("alarm", stream)]


def test_an_alarm_says_where_why_and_by_what_threshold() -> None:
    h = cusum.threshold(100 * 90)
    needed = -(-h // 13)
    standing, events = told([seen(n, n >= 5) for n in range(5 + needed)])
    assert alarms(events) == [5 + needed]
    detail = events[0].detail
    assert (detail["threshold"], detail["statistic"], detail["since"]) == (h, 13 * needed, 5)
    assert detail["run_length"] == round(cusum.run_length(h, 0.05)) >= detail["budget"] == 9000
    assert (detail["first_prediction_id"], detail["last_prediction_id"]) == (
        "000005",
        f"{4 + needed:06}",
    )
    assert detail["path"] == [0] * 5 + [13 * n for n in range(1, needed + 1)]
    assert (standing[""].statistic, standing[""].seen, standing[""].alarms) == (0, 5 + needed, 1)


def test_in_whatever_batches_it_is_the_same(subtests: pytest.Subtests) -> None:
    rng = np.random.default_rng(5)
    names = (None, "zoo", "shop")
    rows = [
        replace(
            seen(n, bool(rng.random() < (0.04, 0.3)[n > 1500]), names[rng.integers(3)], 90.0),
            repeated=bool(rng.random() < 0.1),
        )
        for n in range(3000)
    ]
    whole, events = told(rows)
    assert len(alarms(events)) > 5
    assert len(alarms(events, "zoo")) > 2
    for size in (1, 7, 500):
        with subtests.test(size=size):
            standing: dict[str, Stream] = {}
            happened = []
            for start in range(0, len(rows), size):
                happened += streams.advance(standing, rows[start : start + size], PLAN)
                standing = {
                    name: streams.from_json(streams.as_json(one)) for name, one in standing.items()
                }
            assert (standing, happened) == (whole, events)


def test_a_picture_that_was_sent_before_is_no_further_evidence() -> None:
    again = [replace(seen(n, flagged=True), repeated=n > 0) for n in range(50)]
    standing, events = told(again)
    assert (standing[""].seen, standing[""].statistic, events) == (1, 13, [])


def test_a_picture_that_another_segment_sent_before_counts_in_its_own() -> None:
    rows = [
        seen(0, True, "zoo"),
        replace(seen(1, True, "shop"), repeated=True),
        replace(seen(2, True, "shop"), repeated=True, repeated_in_segment=True),
    ]
    standing, _ = told(rows)
    assert {name: one.seen for name, one in standing.items()} == {"": 1, "zoo": 1, "shop": 1}


def test_there_are_never_more_streams_than_twenty_segments_the_others_and_all() -> None:
    rows = [seen(n, False, f"camera {n % 50:02}") for n in range(200)]
    standing, _ = told(rows)
    assert len(standing) == 22
    assert sum(one.seen for name, one in standing.items() if name) == 200
    assert standing["other"].seen == 30 * 4
    assert "camera 19" in standing
    assert "camera 20" not in standing


def test_the_threshold_rises_with_traffic_and_streams_and_never_falls() -> None:
    standing: dict[str, Stream] = {}
    thresholds = []
    rng = np.random.default_rng(6)
    for n in range(2000):
        rows = [seen(n, bool(rng.random() < 0.02), (None, "zoo", "shop")[n > 500 and n % 3], 60.0)]
        streams.advance(standing, rows, PLAN)
        thresholds.append(standing[""].threshold)
    assert thresholds == sorted(thresholds)
    # 1440 pictures on the busiest day count as 2048, for three streams over 90 days
    assert standing[""].budget == 3 * 2048 * 90
    assert thresholds[-1] == cusum.threshold(3 * 2048 * 90, PLAN.rate) > thresholds[0]


def test_after_a_long_quiet_stretch_the_alarm_is_over_once() -> None:
    h = cusum.threshold(100 * 90)
    quiet = cusum.quiet_after(h)
    # an hour apart, so that no day is busy
    rows = [seen(n, n < 12, seconds=3600.0) for n in range(12 + 2 * quiet)]
    _, events = told(rows)
    at = alarms(events)[-1]
    over = [one.detail for one in events if one.kind == "quiet"]
    assert over == [{"index": at + quiet, "since": at}]


def test_false_alarms_keep_to_the_budget() -> None:
    # a small budget, so that they can be counted: 40 a day, 5 days, one stream: 256 pictures at the least
    plan = replace(PLAN, pictures_a_day=40, days=5)
    rng = np.random.default_rng(7)
    count = 60_000
    rows = [seen(n, bool(rng.random() < 0.05), seconds=86400 / 40) for n in range(count)]
    standing, events = told(rows, plan)
    length = cusum.run_length(standing[""].threshold, 0.05)
    assert length >= standing[""].budget == 64 * 5
    # alarms renew the stream; their number is close to Poisson, and four of its standard deviations are the bound
    expected = count / length
    assert abs(len(alarms(events)) - expected) < 4 * expected**0.5
