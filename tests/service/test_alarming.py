"""Alarms as people meet them: told in full, taken on and ended with a reason, the same by page, API and command."""

from datetime import datetime, timedelta

import pytest

from service import commands
from service.clock import wall_clock
from store import alarms, detectors, null_replays, privileged_acts, rollouts
from store.alarms import NewAlarm
from store.errors import Conflict
from store.null_replays import NewReplay
from store.rollouts import Actor
from store.tables import Alarm, ModelVersion
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.serving import Serving
from tests.store import given

SENTENCE = "20 of these 24 pictures: very dark (brightness 0.11)."


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough here: what the acts read and write is tested on both elsewhere."""
    return sqlite_url


def detail(explained: bool) -> dict[str, object]:
    shown = [{"prediction_id": f"p{n}", "digest": f"{n:064x}", "segment": "zoo"} for n in range(24)]
    why = {"why": {"pictures": shown, "of": 200, "sentence": SENTENCE}} if explained else {}
    path = {"path": [0, 13, 26, 98], "threshold": 95, "index": 40, "since": 36, "run_length": 10527}
    return {**path, **why}


def raised(served: Serving, *, explained: bool = True, stream: str = "zoo") -> Alarm:
    with served.database.write() as session:
        new = NewAlarm("online", stream, None, None, detail(explained), pages=True)
        return alarms.raise_alarm(session, new, wall_clock())


def stands(served: Serving, alarm: Alarm) -> Alarm:
    with served.database.read() as session:
        return alarms.get(session, alarm.id)


def test_without_alarms_and_detectors_the_page_says_so(served: Serving) -> None:
    page = Browser(served, "anna").page("/drift")
    assert "No alarm was ever raised." in page.text
    assert "No model answers, so there is nothing to count." in page.text
    assert page.all("svg", class_="sum") == []


def test_an_accuracy_alarm_is_told_with_the_wrong_answers_and_leads_to_what_it_rests_on(
    served: Serving,
) -> None:
    shown = [{"prediction_id": "p1", "digest": "1" * 64, "segment": "", "answer": "bear", "truth": "teddy"}]  # fmt: skip
    test = {"target": 0.93, "right": 30, "labels": 42, "estimate": 0.8, "low": 0.7, "high": 0.9}
    why = {"pictures": shown, "of": 12, "sentence": "12 of 42 answers are wrong."}
    with served.database.write() as session:
        version = given.version(session, "fallen")
        new = NewAlarm("accuracy", "", version.id, None, {**test, "why": why}, pages=True)
        alarm = alarms.raise_alarm(session, new, wall_clock())
        other = NewAlarm("rollout_guard", "", version.id, None, {}, pages=True)
        guard = alarms.raise_alarm(session, other, wall_clock())
        changed = {"why": {"sentence": "What is decided has changed: 'bear' in segment zoo."}}
        waits = NewAlarm("rollout_held", "", version.id, None, changed, pages=True)
        held = alarms.raise_alarm(session, waits, wall_clock())
    anna = Browser(served, "anna")
    page = anna.page(f"/drift?alarm={alarm.id}")
    for words in ("12 of 42 answers are wrong.", "It was held to 93.0 %", "teddy, not bear"):
        assert words in page.text
    assert page.all("a", href=f"/right?version={version.number}")
    assert len(page.all("img", class_="thumb")) == 1
    page = anna.page(f"/drift?alarm={guard.id}")
    assert "A candidate was taken back" in page.text
    assert page.all("a", href="/rollout")
    page = anna.page(f"/drift?alarm={held.id}")
    assert "A candidate is held until people look" in page.text
    assert changed["why"]["sentence"] in page.text
    assert page.all("a", href="/rollout")


def test_an_open_alarm_is_told_with_its_pictures_and_stands_out_at_home(served: Serving) -> None:
    alarm = raised(served)
    anna = Browser(served, "anna")
    for address in ("/drift", f"/drift?alarm={alarm.id}"):
        page = anna.page(address)
        assert SENTENCE in page.text
        assert len(page.all("img", class_="thumb")) == 24
        path = page.all("svg", class_="sum")
        assert "the threshold is 95. It reached the threshold." in path[0].attributes["aria-label"]
        assert page.all("form", action=f"/drift/alarms/{alarm.id}/clear") == []
    home = anna.page("/")
    assert "in zoo" in home.text
    assert home.all("a", href=f"/drift?alarm={alarm.id}")
    anna.page("/drift?alarm=none", 404)


def test_before_it_is_explained_the_page_says_that_it_will_be(served: Serving) -> None:
    raised(served, explained=False)
    page = Browser(served, "anna").page("/drift")
    assert "What drives it is being found out" in page.text


def test_an_operator_takes_it_on_and_ends_it_each_with_a_reason(served: Serving) -> None:
    alarm = raised(served)
    olga, anna = Browser(served, "olga", "operator"), Browser(served, "anna")
    address = f"/drift/alarms/{alarm.id}"
    assert anna.submit(f"{address}/acknowledge", reason="mine").status_code == 403
    assert olga.submit(f"{address}/acknowledge", reason=" ").status_code == 422
    taken = olga.submit(f"{address}/acknowledge", reason="the lamp is broken")
    assert taken.headers["location"] == f"/drift?alarm={alarm.id}&done=acknowledged"
    page = anna.page("/drift")
    assert "olga took it on" in page.text
    assert "the lamp is broken" in page.text
    assert "olga has taken it on" in anna.page("/").text
    assert olga.submit(f"{address}/acknowledge", reason="again").status_code == 409
    assert olga.submit(f"{address}/clear", reason="a new lamp").status_code == 303
    assert olga.submit(f"{address}/clear", reason="twice").status_code == 409
    assert "olga said" in anna.page(f"/drift?alarm={alarm.id}").text
    assert "Alarm:" not in anna.page("/").text
    with served.database.read() as session:
        done = privileged_acts.newest(session, 2)
    assert [(one.act, one.actor, one.detail["reason"]) for one in done] == [
        ("clear alarm", "olga", "a new lamp"),
        ("acknowledge alarm", "olga", "the lamp is broken"),
    ]


def test_what_is_over_by_itself_is_told_so(served: Serving) -> None:
    alarm = raised(served)
    with served.database.write() as session:
        alarms.clear(session, alarm.id, wall_clock())
    page = Browser(served, "anna").page(f"/drift?alarm={alarm.id}")
    assert "what came in after it was as it should be" in page.text


def test_the_streams_of_the_version_that_answers_are_drawn(served: Serving) -> None:
    version = answering(served, wall_clock())
    state = {"path": [0, 13, 12], "threshold": 95, "statistic": 12, "budget": 9000, "alarms": 2}
    with served.database.write() as session:
        for stream in ("", "zoo"):
            detectors.keep(session, version.id, stream, 300, "x", state, wall_clock())
    page = Browser(served, "anna").page("/drift")
    told = page.all("svg", class_="sum")[0].attributes["aria-label"]
    assert told.startswith("The sum over pictures 298 to 300: from 0 to 12, at most 13")
    assert "less than once in 9,000 pictures" in page.text
    assert "zoo" in page.text
    assert "are called drift" not in page.text


def test_how_often_the_versions_windows_err_stands_beside_them(served: Serving) -> None:
    version = answering(served, wall_clock())
    new = NewReplay(version.id, 400, 16, 0.04, 0.025, 0.064, {})
    with served.database.write() as session:
        null_replays.keep(session, new, wall_clock())
    page = Browser(served, "anna").page("/drift")
    assert (
        "4.0 % of version 1’s windows are called drift (2.5 % to 6.4 %; 400 replayed)" in page.text
    )


def answering(served: Serving, now: datetime) -> ModelVersion:
    with served.database.write() as session:
        version = rows.version(session)
        actor = Actor("system", "a test")
        rollout = rollouts.open_rollout(session, version.id, actor, "new", now)
        rollouts.move(session, rollout.id, "promote", actor, "try", now + timedelta(seconds=1))
    return version


def test_by_api_it_is_the_same(served: Serving) -> None:
    alarm = raised(served)
    address = f"/v1/alarms/{alarm.id}"
    with served.http(role="operator") as http:
        told = http.get("/v1/alarms").json()["alarms"]
        assert [(one["id"], one["segment"], one["why"]) for one in told] == [
            (alarm.id, "zoo", SENTENCE)
        ]
        assert told[0]["page"] == f"/drift?alarm={alarm.id}"
        done = http.post(f"{address}/acknowledge", json={"reason": "seen"})
        assert done.json()["acknowledged_why"] == "seen"
        again = http.post(f"{address}/acknowledge", json={"reason": "seen"})
        assert (again.status_code, again.json()["code"]) == (409, "acknowledged_already")
        over = http.post(f"{address}/clear", json={"reason": "over"})
        assert over.json()["cleared_at"]
        assert http.post("/v1/alarms/none/clear", json={"reason": "x"}).status_code == 404
    assert stands(served, alarm).cleared_by == over.json()["cleared_by"]


def test_by_command_it_is_the_same(served: Serving) -> None:
    alarm, now, otto = raised(served), wall_clock(), Actor("command", "otto")
    assert alarm.id in commands.open_alarms(served.database, now)[0]
    commands.acknowledge(served.database, alarm.id, "seen", otto, now)
    assert "otto has taken it on" in commands.open_alarms(served.database, now)[0]
    commands.clear(served.database, alarm.id, "over", otto, now)
    assert commands.open_alarms(served.database, now) == ["No alarm is open."]
    with pytest.raises(Conflict):
        commands.clear(served.database, alarm.id, "over", otto, now)
