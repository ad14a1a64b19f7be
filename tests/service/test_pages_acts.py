"""What people do on other pages than review: read and write the guide, move models, look at drift, come home."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.clock import wall_clock
from store import guides, jobs, privileged_acts, rollouts
from store.models import NewBacktest, add_backtest, by_number
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.serving import TESTER, Serving


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough here: what the acts read and write is tested on both elsewhere."""
    return sqlite_url


def test_the_guide_is_written_by_operators_and_read_beside_the_picture(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "bundle")
    olga, anna = Browser(served, "olga", "operator"), Browser(served, "anna")
    examples = [one.picture for one in rows.ask(served.database, 2)]
    assert "Nobody has written down" in anna.page("/guide").text
    for text in ("It was sewn.", "It was sewn; look for seams."):
        written = olga.submit(
            "/guide/edit", definition=text, examples=examples, **{"class": "teddy"}
        )
        assert written.headers["location"] == "/guide?done=written", written.text
    page = anna.page("/guide")
    assert "look for seams" in page.text
    assert "By olga" in page.text
    review = anna.page("/review")
    assert "look for seams" in review.text
    assert len(review.all("img", alt="Example of teddy")) == 2
    edit = olga.page("/guide/edit?class=teddy")
    assert (
        len([one for one in edit.all("input", name="examples") if "checked" in one.attributes]) == 2
    )
    with served.database.read() as session:
        assert guides.in_force(session)["teddy"].examples == examples
        assert privileged_acts.newest(session, 1)[0].act == "guide"


def test_what_makes_no_sense_is_not_put_into_the_guide(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "bundle")
    olga = Browser(served, "olga", "operator")
    for fields, status in (
        ({"class": "unicorn"}, 422),
        ({"class": " "}, 422),
        ({"class": "teddy", "definition": "x" * 2001}, 422),
        ({"class": "teddy", "examples": ["0" * 64]}, 404),
        ({"class": "teddy", "examples": [str(n) for n in range(7)]}, 422),
    ):
        assert olga.submit("/guide/edit", **fields).status_code == status, fields
    olga.page("/guide/edit?class=unicorn", 404)
    with served.database.read() as session:
        assert guides.in_force(session) == {}


def test_before_there_is_a_model_operators_name_the_classes(served: Serving) -> None:
    olga = Browser(served, "olga", "operator")
    assert olga.submit("/guide/edit", **{"class": "wolf"}).status_code == 303
    assert olga.page("/review").all("button", data_label="wolf")


def test_a_version_takes_over_and_is_taken_back_with_a_reason(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "first")
    second = served.register(tmp_path / "second", seed=1)
    olga = Browser(served, "olga", "operator")
    assert "cannot take over" in olga.page("/models").text
    here = {"number": str(second), "back": "/models"}
    refused = olga.submit("/rollout/promote", **here, reason="I like it")
    assert refused.status_code == 409
    assert "There is no backtest of version 2 against version 1" in refused.text
    with served.database.write() as session:
        pair = by_number(session, 2).id, by_number(session, 1).id
        test = NewBacktest(*pair, "better", 200, 0.95, 0.9, 0.05, 0.01, 0.09, {})
        add_backtest(session, test, wall_clock())
        rollouts.open_rollout(session, pair[0], TESTER, "a candidate", wall_clock())
    assert olga.submit("/rollout/withdraw", **here, reason=" ").status_code == 422
    gone = olga.submit("/rollout/withdraw", **here, reason="not yet")
    assert gone.headers["location"] == "/models?done=withdrawn"
    assert "off its way" in olga.page(gone.headers["location"]).text
    page = olga.page("/models")
    assert "better" in page.all("article", id="version-2")[0].text
    assert "between +1.0 and +9.0" in page.text
    (promote,) = page.all("form", action="/rollout/promote")
    sent = {
        one.attributes["name"]: one.attributes["value"]
        for one in promote.all("input", type="hidden")
    }
    assert here.items() <= sent.items()
    away = olga.submit(
        "/rollout/promote", **here | {"back": "//elsewhere"}, reason="it knows sketches"
    )
    assert away.status_code == 422
    assert olga.submit("/rollout/promote", **here, reason=" ").status_code == 422
    with served.database.write() as session:
        rows.ready(session, second, wall_clock())
    said = {**here, "reason": "it knows sketches"}
    held = olga.submit("/rollout/promote", **said)
    assert (held.status_code, "Monitoring has not found" in held.text) == (409, True)
    done = olga.submit("/rollout/promote", **said, although_held="true")
    assert done.headers["location"] == "/models?done=promoted"
    after = olga.page(done.headers["location"])
    assert "answers within a second" in after.text
    assert "it knows sketches" in after.text
    assert "answers" in after.all("article", id="version-2")[0].all("span", class_="sign")[0].text
    back = olga.submit("/models/revert", reason="it does not")
    assert back.headers["location"] == "/models?done=reverted"
    with served.database.read() as session:
        live = rollouts.live(session)
        events = rollouts.events(session, 3)
    assert live.incumbent is not None
    assert live.incumbent.number == 1
    reverted = next(one for one in events if one.move == "revert")
    assert (reverted.actor_kind, reverted.actor, reverted.reason) == (
        "person",
        "olga",
        "it does not",
    )


def test_a_training_is_asked_for_once_and_its_progress_shows(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "bundle")
    olga = Browser(served, "olga", "operator")
    assert olga.submit("/models/retrain").headers["location"] == "/models?done=asked"
    assert olga.submit("/models/retrain").status_code == 409
    assert "A training waits for its turn" in olga.page("/models").text
    with served.database.write() as session:
        job = jobs.newest(session, "train")[0]
        job.status, job.progress = "doing", {"phase": "train", "share": 0.4, "note": "epoch 2 of 4"}
    part = olga.page("/models/progress").all("div", id="training")[0]
    assert "Training" in part.text
    assert "epoch 2 of 4" in part.text
    assert part.all("progress")[0].attributes["value"] == "0.4"
    with served.database.write() as session:
        job = jobs.newest(session, "train")[0]
        job.status, job.error, job.finished_at = "failed", "ValueError: no labels", wall_clock()
    assert "no labels" in olga.page("/models").text


def test_a_version_is_compared_again_with_the_one_that_answers_now(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "first")
    served.register(tmp_path / "second", seed=1)
    olga = Browser(served, "olga", "operator")
    assert "Compare with version 1" in olga.page("/models").text
    assert olga.submit("/models/2/compare").headers["location"] == "/models?done=comparing"
    assert olga.submit("/models/2/compare").status_code == 409
    assert olga.submit("/models/1/compare").status_code == 409
    assert olga.submit("/models/7/compare").status_code == 404
    assert "A comparison waits for its turn" in olga.page("/models").text
    with served.database.read() as session:
        job = jobs.unfinished(session, "backtest")[0]
        assert job.payload == {"model_version_id": by_number(session, 2).id}


def test_too_few_labels_are_told_in_grey(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "first")
    served.register(tmp_path / "second", seed=1)
    with served.database.write() as session:
        pair = by_number(session, 2).id, by_number(session, 1).id
        test = NewBacktest(*pair, "cannot_tell", 4, 0.75, 0.5, 0.25, -0.2, 0.6, {})
        add_backtest(session, test, wall_clock())
    article = Browser(served, "anna").page("/models").all("article", id="version-2")[0]
    told = next(one for one in article.all("span", class_="sign") if "labels" in one.text)
    assert told.text == "not enough labels to tell"
    assert "quiet" in told.attributes["class"]
    assert article.all("svg", class_="cannot_tell")


def test_a_report_is_shown_in_a_frame_that_can_reach_nothing(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "bundle")
    rows.ask(served.database, 3)
    with served.database.write() as session:
        window = rows.window(session, by_number(session, 1).id, "berlin")
    anna = Browser(served, "anna")
    page = anna.page("/drift")
    frame = page.all("iframe")[0].attributes
    assert frame["sandbox"] == "allow-scripts"
    assert "berlin" in page.text
    assert "has moved" in page.text
    report = anna.http.get(frame["src"])
    # the one page with inline script: what makes up for it is that it has no origin and may ask nobody
    policy = dict(
        one.partition(" ")[::2] for one in report.headers["content-security-policy"].split("; ")
    )
    assert "'unsafe-inline'" in policy["script-src"]
    assert (policy["sandbox"], policy["default-src"]) == ("allow-scripts", "'none'")
    assert policy["frame-ancestors"] == "'self'"
    assert not {"connect-src", "form-action", "frame-src", "worker-src"} & set(policy)
    assert report.headers["cross-origin-opener-policy"] == "same-origin"
    others = ("/", "/drift", "/models", "/review", "/guide")
    assert not any(
        "unsafe" in anna.http.get(one).headers["content-security-policy"] for one in others
    )
    script = report.text.split("src='")[1].split("'")[0]
    # the frame has no origin and so no cookies
    fetched = Browser(served, None).http.get(script)
    assert fetched.status_code == 200
    assert fetched.headers["content-type"].startswith("text/javascript")
    assert fetched.headers["cross-origin-resource-policy"] == "cross-origin"
    assert anna.page(f"/drift?window={window.id}").all("iframe")
    anna.page("/drift?window=none", 404)
    anna.page("/drift/reports/none", 404)


def test_home_tells_a_fresh_system_what_to_do_and_then_what_goes_on(
    served: Serving, tmp_path: Path
) -> None:
    olga = Browser(served, "olga", "operator")
    fresh = olga.page("/")
    assert fresh.all("h1")[0].text == "People answer: there is no model yet"
    assert "No picture has come in yet" in fresh.text
    assert "train a first one" in fresh.text
    served.model(tmp_path / "bundle")
    rows.ask(served.database, 3, at=wall_clock() - timedelta(minutes=1))
    now = olga.page("/")
    assert now.all("h1")[0].text == "Version 1 answers"
    chart = now.all("svg", class_="bars")[0]
    assert "3 in all" in chart.attributes["aria-label"]
    assert "3 pictures wait for a look" in now.text
