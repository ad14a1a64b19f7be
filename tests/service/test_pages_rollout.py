"""The rollout page from the questions to full and back, by two operators, and the switches on it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service import listing
from service.clock import wall_clock
from service.pages import rollout_words
from store import decisions, predictions, rollout_events, rollouts, switches
from store.decisions import NewDecision
from store.tables import AwaitedShadow, Decision, Rollout
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.serving import TESTER, Serving
from tests.store.rolling import PLAN, prepare
from tests.toy import draw


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough here: what the acts read and write is tested on both elsewhere."""
    return sqlite_url


def form(number: int) -> dict[str, str]:
    """What an operator writes before the first step."""
    risk = PLAN["risks"][0]
    return {
        "number": str(number),
        **{f"answer_{name}": said for name, said in PLAN["answers"].items()},
        "rows": "1",
        **{f"{name}_0": value for name, value in risk.items()},
        "segments": "zoo, farm",
        "days": "saturday",
        "times": "08:00-18:00",
        "zone": "Europe/Berlin",
        "expires_at": "2099-05-01T18:00",
        "share": "50",
        "hold_minutes": "30",
        "at_limit": "incumbent",
        "steps": "10, 40",
    }


def test_a_candidate_goes_its_way_by_two_hands(served: Serving, tmp_path: Path) -> None:
    olga, otto = (Browser(served, name, "operator") for name in ("olga", "otto"))
    number = served.register(tmp_path / "one")
    assert "No version has been on its way" in olga.page("/rollout").text
    served.open(number)
    page = olga.page("/rollout").text
    assert "Monitoring has not looked at it in this step yet." in page
    assert "10 things must be written below" in page
    with served.database.write() as session:
        rows.heard(session, wall_clock())
    kept = olga.submit("/rollout/preflight", **form(number))
    assert kept.headers["location"] == "/rollout?done=prepared", kept.text
    page = olga.page("/rollout").text
    assert "Segments farm and zoo, 50 % of them, on Saturday, 08:00 to 18:00" in page
    said = {"number": str(number), "reason": "it is time"}
    assert olga.submit("/rollout/limit", **said).headers["location"] == "/rollout?done=moved"
    assert "It answers for 10 % of all subjects." in olga.page("/rollout").text
    for share in ("40 %", "everything"):
        olga.submit("/rollout/expand", **said)
        assert (
            f"It answers {'for ' if share != 'everything' else ''}{share}"
            in olga.page("/rollout").text
        )
    once = olga.submit("/rollout/promote", **said)
    assert once.headers["location"] == "/rollout?done=confirmed"
    assert "Another person must say so too" in otto.page("/rollout").text
    assert otto.submit("/rollout/promote", **said).headers["location"] == "/rollout?done=promoted"
    with served.database.read() as session:
        live = rollouts.live(session)
    assert live.incumbent is not None
    assert live.incumbent.number == number


def test_what_it_waits_for_is_said_and_drawn(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    rollout = served.open(served.register(tmp_path / "two", seed=1))
    later = wall_clock() + timedelta(days=3)
    step = {"wins": 9, "losses": 3, "ties": 588, "overdue": 0}
    values = {
        "not_worse": 1.5,
        "harm": 0.4,
        "act": {"because": ["evidence"]},
        "pairs": 600,
        "differing": 12,
        "waiting": 2,
        "step": step,
        "waits": {"pairs": 610, "labels": 12, "until": later.isoformat(), "never": False},
    }
    thresholds = {"rule": {}, "logs": {"not_worse": 3.0, "harm": 3.5}}
    with served.database.write() as session:
        ids = {"step": rollout_events.steps(session, rollout)[-1].event_id}
        new = NewDecision(rollout, "manual", "hold", "1", {}, ids, values, thresholds, "m")
        decisions.add(session, new, wall_clock())
    page = Browser(served, "anna").page("/rollout")
    assert "It waits: more labels where the two differ." in page.text
    about = "About 12 more labelled disagreements, on about 610 more pictures"
    assert f"{about}; at this rate {later:%A}." in page.text
    assert "2 disagreements wait for people now." in page.text
    assert page.all("svg", aria_label="Not worse: 50 % of the evidence that concludes it")
    assert "+1.0 percentage points" in page.text
    assert not page.all("form", action="/rollout/kill")


def _shadows(served: Serving, prediction_id: str) -> int:
    with served.database.read() as session:
        return len(predictions.shadows(session, prediction_id))


def test_what_a_crash_took_from_the_evidence_is_told_beside_it(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "one")
    rollout = served.open(served.register(tmp_path / "two", seed=1))
    with served.client() as client:
        answer = client.predict(draw(0, 1))
    while not _shadows(served, answer.id):
        pass
    with served.database.write() as session:
        row = predictions.get(session, answer.id)
        # as long ago as no answer of the candidate takes
        row.created_at -= timedelta(minutes=2)
        candidate = rollouts.get(session, rollout).model_version_id
        session.add(AwaitedShadow(prediction_id=answer.id, model_version_id=candidate))
        ids = {"step": rollout_events.steps(session, rollout)[-1].event_id}
        values = {"act": {"because": [], "advised": None}, "pairs": 5, "differing": 0, "waiting": 0,
                  "waits": {"never": False, "pairs": None}}  # fmt: skip
        new = NewDecision(rollout, "manual", "hold", "1", {}, ids, values, {"logs": {}}, "m")
        decisions.add(session, new, wall_clock())
    browser = Browser(served, "olga", "operator")
    assert "1 more picture is no pair" in browser.page("/rollout").text
    with served.client(role="operator") as operator:
        assert operator.rollout()["unheard"] == 1


def test_the_switches_act_and_are_told(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    olga = Browser(served, "olga", "operator")
    assert olga.submit("/rollout/kill", to="nowhere", reason="x").status_code == 422
    assert olga.submit("/rollout/kill", to="manual", reason=" ").status_code == 422
    assert olga.submit("/rollout/kill", to="manual", reason="smoke").status_code == 303
    assert served.program.live.standing.killed
    served.program.live.refresh()
    assert "All models are stopped" in olga.page("/rollout").text
    assert olga.submit("/rollout/release", reason="steam").status_code == 303
    assert olga.submit("/rollout/freeze", reason="holidays").status_code == 303
    assert "Rollouts are frozen" in olga.page("/rollout").text
    assert olga.submit("/rollout/unfreeze", reason="back").status_code == 303
    with served.database.read() as session:
        assert not any(switches.thrown(session, name) for name in ("killed", "frozen"))
    trail = olga.http.get("/rollout/audit-trail.csv").text
    for word in ("smoke", "steam", "holidays", "back"):
        assert word in trail


def told(browser: Browser) -> list[str]:
    """The steps of the way as the page tells them, from left to right."""
    (way,) = browser.page("/rollout").all("ol", class_="track")
    return [" ".join(one.text for one in stop.inside) for stop in way.all("li")]


def test_steps_that_people_passed_over_are_told_as_skipped_until_it_begins_anew(
    served: Serving, tmp_path: Path
) -> None:
    olga, rollout = Browser(served, "olga"), served.open(served.register(tmp_path / "one"))

    def move(name: str, **how: Any) -> None:
        with served.database.write() as session:
            rollouts.move(session, rollout, name, TESTER, "a test", wall_clock(), **how)

    with served.database.write() as session:
        prepare(rollouts.get(session, rollout))
    assert told(olga)[:2] == ["manual runs alongside · now", "limited inside a scope"]
    move("limit")
    move("expand", share=0.3)
    assert told(olga) == [
        "manual runs alongside · done",
        "limited inside a scope · done",
        "5 % of all subjects · skipped",
        "25 % of all subjects · skipped",
        "30 % of all subjects · now",
        "50 % of all subjects",
        "full answers everything",
    ]
    move("fall_back")
    assert told(olga)[:2] == ["manual runs alongside · now", "limited inside a scope"]
    move("promote")
    assert told(olga) == [
        "manual runs alongside · done",
        "limited inside a scope · skipped",
        "5 % of all subjects · skipped",
        "25 % of all subjects · skipped",
        "50 % of all subjects · skipped",
        "full answers everything · now",
    ]
    move("revert")
    assert told(olga)[-2:] == ["50 % of all subjects · skipped", "full answers everything · done"]


def decided(stage: str, step: dict[str, int], **values: float) -> listing.Way:
    """A rollout in a stage with one decision about it."""
    made = Decision(
        stage=stage, verdict="hold", at=wall_clock(), ids={"step": 1}, thresholds={"logs": {"after_full": 8.5, "harm": 3.5}},
        values={"step": step, "act": {"because": ["full"]}, "pairs": sum(step.values()), **values},
    )  # fmt: skip
    here = rollout_events.Step(1, stage, wall_clock(), 1.0)
    return listing.Way(2, Rollout(stage=stage, share=1.0), (), (made,), (), None, (here,))


def test_overdue_questions_are_losses_once_in_the_interval() -> None:
    way = decided("manual", {"wins": 0, "losses": 10, "ties": 90, "overdue": 10, "differing": 10})
    shown = rollout_words.drawn(way)
    assert shown is not None
    assert shown.interval is not None
    assert shown.interval.sentence.startswith("−10.0 percentage points")
    alike = rollout_words.drawn(decided("manual", {"wins": 0, "losses": 0, "ties": 500}))
    assert alike is not None
    assert alike.interval is not None, "five hundred that said the same say much"


def test_after_full_the_evidence_is_drawn_on() -> None:
    way = decided("full", {"wins": 5, "losses": 5, "ties": 90}, after_full=4.25, harm=0.7)
    shown = rollout_words.drawn(way)
    assert shown is not None
    assert [(name, round(share)) for name, share, _ in shown.bars] == [
        ("Worse than before", 50), ("Harm", 20),
    ]  # fmt: skip
    assert rollout_words.waits(way, wall_clock()) == [
        "It answers everything and stays watched: it is taken back when it gets worse."
    ]
