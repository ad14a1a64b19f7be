"""The page that says how right the answers are: what stands on it in every state, and what never does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.clock import wall_clock
from service.pages import right_charts
from store import accuracies, rollouts
from store.accuracies import NewAccuracy
from store.tables import Accuracy
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.rows import NOON
from tests.service.serving import Serving

DAY = timedelta(days=1)
DETAIL: dict[str, Any] = {
    "answers": 8000, "held": 0, "without_audit": 0, "drawn": 420, "answered": 400, "open": 20,
    "not_usable": 3, "waiting": 0, "read_twice": 21, "bounds": [0.88, 0.98], "strata": [],
    "plain": {"reviews": 900, "share": 0.76},
}  # fmt: skip
DAILY: dict[str, Any] = {
    "sequence": {"since": "2026-03-01T00:00:00+00:00", "labels": 390, "right": 370, "waiting": 0, "low": 0.91, "high": 0.976},
    "test": {"target": 0.93, "declared": False, "fall": 0.05, "e_value": 0.1, "largest": 1.4, "at": None},
}  # fmt: skip
ALL = NewAccuracy(
    model_version_id=None, slice_kind="all", slice_name="", method="difference-mover-wilson/1",
    starts_at=NOON - 28 * DAY, ends_at=NOON, labels=397, effective_labels=401.2, estimate=0.9512,
    low=0.9251, high=0.9686, detail=DETAIL,
)  # fmt: skip
UNKNOWN: dict[str, Any] = {
    "estimate": None,
    "low": None,
    "high": None,
    "effective_labels": 12.0,
    "labels": 12,
}
CLASS: dict[str, Any] = {
    "answers": 2000,
    "recall": None,
    "recall_labels": 4,
    "recall_effective": 4.0,
}


def keep(served: Serving, *made: NewAccuracy) -> None:
    with served.database.write() as session:
        accuracies.keep(session, made, NOON)


@pytest.fixture
def version(served: Serving) -> str:
    """A version that answers nobody: its number is 1."""
    with served.database.write() as session:
        return rows.version(session).id


def of(version: str, **detail: Any) -> NewAccuracy:
    return replace(ALL, model_version_id=version, detail={**DETAIL, **DAILY, **detail})


def test_before_the_first_look_the_page_says_what_to_do(served: Serving) -> None:
    page = Browser(served, "rita").page("/right")
    assert "Nobody knows yet" in page.text
    assert "%" not in page.all("main")[0].text


def test_one_number_with_its_interval_and_the_biased_one_beside_it(
    served: Serving, version: str
) -> None:
    keep(served, ALL, of(version))
    page = Browser(served, "rita").page("/right?version=1")
    text = " ".join(page.all("main")[0].text.split())
    assert "95.1 % of the answers are right" in text
    assert "between 92.5 % and 96.9 %, with 95 % confidence" in text
    assert "397 answers, drawn at random, were read" in text
    assert "76.0 % Biased : the plain share" in text.replace("Biased:", "Biased :")
    assert "not below 88.0 %" in text
    assert "not above 98.0 %" in text
    assert "Since 2026-03-01: between 91.0 % and 97.6 %" in text
    assert "evidence 1.4 at most, 20 would be an alarm" in text
    drawn = page.all("svg", class_="interval")[0].attributes
    assert drawn["aria-label"] == "95.1 %, between 92.5 % and 96.9 %"


def test_too_few_labels_show_no_number_and_say_why(served: Serving, version: str) -> None:
    young = {**DAILY["sequence"], "labels": 12}
    few = replace(of(version, bounds=None, sequence=young), **UNKNOWN)
    part = replace(few, slice_kind="class", slice_name="teddy", detail=CLASS)
    keep(served, replace(few, model_version_id=None), few, part)
    text = " ".join(Browser(served, "rita").page("/right?version=1").all("main")[0].text.split())
    assert "Not known yet" in text
    assert "Below 30 no number is shown" in text
    assert "12 audited answers of this month were read, 30 are needed" in text
    assert "only shown beside the honest number" in text
    for hidden in ("76.0 %", "91.0 %", "97.6 %"):  # the biased share, the daily bounds
        assert hidden not in text
    assert "not known: 30 effective labels are needed" in text


def test_labels_that_wait_for_a_second_reader_are_told(served: Serving, version: str) -> None:
    keep(served, ALL, of(version, waiting=12))
    page = Browser(served, "rita").page("/right?version=1")
    (notice,) = page.all("p", class_="notice")
    assert "12 labels differ from the answer and wait for a second reader" in notice.text
    assert "somebody else" in notice.text


def test_a_fall_stands_out(served: Serving, version: str) -> None:
    fallen = {**DAILY["test"], "at": 133, "largest": 27.0}
    keep(served, ALL, of(version, test=fallen))
    page = Browser(served, "rita").page("/right?version=1")
    (notice,) = page.all("p", role="alert")
    assert "It has fallen. After 133 labels" in notice.text
    assert "93.0 %, which is the least that it promised" in notice.text


def test_all_versions_together_is_the_page_when_no_model_answers(
    served: Serving, version: str
) -> None:
    keep(served, ALL, replace(of(version), estimate=0.5, low=0.45, high=0.55))
    browser = Browser(served, "rita")
    assert "All versions together" in browser.page("/right").text
    assert "50.0 % of the answers" in browser.page("/right?version=1").text
    browser.page("/right?version=7", 404)
    browser.page("/right?version=seven", 422)


def test_every_day_is_drawn_and_stands_in_a_table(served: Serving, version: str) -> None:
    now = wall_clock()
    for ago in (120, 3, 2, 1):
        look = replace(of(version), ends_at=now - ago * DAY)
        keep(served, replace(look, **UNKNOWN) if ago == 2 else look)
    page = Browser(served, "rita").page("/right?version=1")
    (chart,) = page.all("svg", class_="course")
    assert len(chart.all("g")) == 3  # the oldest is beyond what is drawn
    assert len(chart.all("circle")) == 2
    assert chart.attributes["aria-label"].startswith("Accuracy over 3 days: 95.1 %")
    (table,) = [one for one in page.all("div") if one.attributes.get("aria-label") == "Every day"]
    assert len(table.all("tr")) == 4


def test_the_home_page_says_how_right_the_model_that_answers_is(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "first")
    with served.database.read() as session:
        incumbent = rollouts.live(session).incumbent
    assert incumbent is not None
    browser = Browser(served, "rita")
    assert "Is it right?" not in browser.page("/").all("section")[0].text
    keep(served, of(incumbent.version_id))
    text = " ".join(browser.page("/").all("section")[0].text.split())
    assert "95.1 % of its answers are right, between 92.5 % and 96.9 %." in text
    keep(served, replace(of(incumbent.version_id), ends_at=NOON + DAY, **UNKNOWN))
    assert "is not known yet" in browser.page("/").all("section")[0].text
    assert browser.page("/right").all("a", aria_current="true")[0].text == "Version 1"


def day(number: int, **changes: Any) -> Accuracy:
    made = {**vars(of("v")), "ends_at": NOON + number * DAY, **changes}
    return Accuracy(id=str(number), created_at=NOON, **made)


def test_a_course_has_a_column_for_every_day_and_a_gap_where_nothing_is_known() -> None:
    days: Sequence[Accuracy] = [day(0), day(1, **UNKNOWN), day(2, estimate=0.97)]
    course = right_charts.course(days)
    assert course is not None
    assert [one.point is None for one in course.days] == [False, True, False]
    first, _, last = course.days
    assert first.point is not None
    assert last.point is not None
    assert last.point < first.point  # higher up
    assert first.band is not None
    assert first.low is not None
    assert first.high is not None
    assert first.high < first.point < first.low < first.band[0] + first.band[1]
    assert course.sentence.startswith("Accuracy over 3 days: 95.1 % on 2026-03-02")
    assert right_charts.course([day(0, **UNKNOWN)]) is None


def test_a_sequence_of_few_labels_is_not_drawn() -> None:
    young = {**DAILY, "sequence": {**DAILY["sequence"], "labels": 29}}
    course = right_charts.course([day(0, detail={**DETAIL, **young})])
    assert course is not None
    assert course.days[0].band is None


def test_an_axis_has_room_for_all_and_ends_at_certainty() -> None:
    assert right_charts.axis([0.951, 0.62, None]).low == 0.6
    assert right_charts.axis([0.601]).low == 0.5
    assert right_charts.axis([0.99]).low == 0.9
    assert right_charts.axis([0.0]).low == 0.0
    assert right_charts.axis([]).low == pytest.approx(0.4)
    on = right_charts.axis([0.8, 0.9])
    assert (on.place(on.low), on.place(1.0), on.place(0.0)) == (0, 100, 0)
    assert [text for _, text in on.marks()] == ["70 %", "85 %", "100 %"]
