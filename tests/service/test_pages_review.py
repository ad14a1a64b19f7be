"""The review page's own routes and its plain forms: blind, fenced, one label for one answer."""

from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from service.clock import wall_clock
from store import labels, own_answers, people, predictions, reviews
from tests.service import rows
from tests.service.browsing import Browser, read
from tests.service.conftest import Start
from tests.service.serving import Serving
from tests.toy import draw

LATER = timedelta(seconds=3)


@pytest.fixture
def asked(served: Serving) -> list[rows.Asked]:
    """Three pictures that wait, and the classes to choose from."""
    with served.database.write() as session:
        rows.version(session)
    return rows.ask(served.database, 3)


def take(browser: Browser, **body: object) -> list[dict[str, str]]:
    answer = browser.ask("/review/next", body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, str]] = answer.json()["reviews"]
    return found


def say(
    browser: Browser, review: dict[str, str], label: str | None, **more: object
) -> httpx.Response:
    kind = "class" if label else "cannot_tell"
    body = {"token": review["token"], "kind": kind, "label": label, **more}
    return browser.ask(f"/review/{review['id']}/answer", {"submission": review["token"], **body})


def lapse(served: Serving, review_id: str) -> None:
    """Let the lease of a review have ended a moment ago."""
    with served.database.write() as session:
        reviews.get(session, review_id).lease_until = wall_clock() - LATER


def test_pictures_are_taken_ahead_labelled_and_settled(
    served: Serving, asked: list[rows.Asked]
) -> None:
    anna = Browser(served, "anna")
    handful = take(anna, count=2)
    assert [one["id"] for one in handful] == [one.review_id for one in asked[:2]]
    assert handful[0]["picture"] == f"/pictures/{asked[0].picture}?size=1600"
    shown = datetime.now().astimezone().isoformat()
    given = say(anna, handful[0], "teddy", shown_at=shown)
    assert given.status_code == 200, given.text
    assert given.json()["counted"]
    more = take(anna, holding=[handful[1]["id"]], count=5)
    assert [one["id"] for one in more] == [asked[2].review_id]
    with served.database.read() as session:
        row = predictions.get(session, asked[0].prediction_id)
        label = labels.opinions(session, asked[0].review_id)[0]
    assert (row.answer, row.answered_by) == ("teddy", "person")
    assert label.source == "human_blind"
    assert label.shown_at == datetime.fromisoformat(shown)


def test_the_first_pass_is_blind(start: Start, tmp_path: Path) -> None:
    served = start()
    served.model(tmp_path / "bundle", classes=("cubbish", "plush"))
    with served.http() as http:
        sent = http.post("/v1/predictions", files={"image": draw(0, 0, shift="grey")})
        assert sent.status_code == 200, sent.text
        told = sent.json()
    with served.database.read() as session:
        row = predictions.get(session, told["id"])
        review = reviews.of_prediction(session, told["id"])[0]
    assert row.label in ("cubbish", "plush")
    hidden = {row.id, review.lane, *review.reasons, *row.domain_reasons, f"{row.confidence:.4f}"}
    anna = Browser(served, "anna")
    handful = anna.ask("/review/next", {"count": 2})
    assert set(handful.json()) == {"reviews", "waiting"}
    assert set(handful.json()["reviews"][0]) == {
        "id", "picture", "original", "thumbnail", "width", "height", "token", "until",
    }  # fmt: skip
    page = anna.http.get(f"/review/{handful.json()['reviews'][0]['id']}")
    assert page.status_code == 200
    choices = [one.attributes.get("value") for one in read(page.text).all("button", name="press")]
    # in which order is drawn for her and the day
    assert set(choices[:2]) == {"class:cubbish", "class:plush"}
    for text in (handful.text, read(page.text).all("main")[0].text):
        assert not [word for word in hidden if word in text]


def test_two_reviewers_never_hold_the_same_picture(
    served: Serving, asked: list[rows.Asked]
) -> None:
    hers = take(Browser(served, "anna"), count=2)
    theirs = take(Browser(served, "berta"), count=2)
    assert len(hers) == 2
    assert [one["id"] for one in theirs] == [asked[2].review_id]


@pytest.mark.usefixtures("asked")
def test_a_lapsed_lease_cannot_overwrite_and_its_answer_is_kept(served: Serving) -> None:
    anna, berta = Browser(served, "anna"), Browser(served, "berta")
    slow = take(anna)[0]
    lapse(served, slow["id"])
    quick = take(berta)[0]
    assert quick["id"] == slow["id"]
    assert say(berta, quick, "grizzly").status_code == 200
    late = say(anna, slow, "teddy")
    assert late.status_code == 409
    assert (late.json()["code"], late.json()["kept"]) == ("lease_lost", True)
    with served.database.read() as session:
        assert reviews.get(session, slow["id"]).truth_label == "grizzly"
        assert [one.label for one in labels.opinions(session, slow["id"])] == ["grizzly"]
        mine = own_answers.standing(session, _person(served, "anna"), rows.NOON, 5)
    assert mine == []
    undone = anna.ask("/review/undo", {"label_id": late.json()["label_id"]})
    assert (undone.status_code, undone.json()["code"]) == (409, "not_counted")


def test_one_reader_in_two_tabs_is_one_reader(served: Serving, asked: list[rows.Asked]) -> None:
    with served.database.write() as session:
        reviews.get(session, asked[0].review_id).opinions_needed = 2
    anna, berta = Browser(served, "anna"), Browser(served, "berta")
    one, other = take(anna)[0], take(anna)[0]
    assert (one["id"], one["token"] == other["token"]) == (other["id"], False)
    assert say(anna, one, "teddy").json()["settled"] is False
    more = say(anna, other, "teddy")
    assert (more.status_code, more.json()["kept"], more.json()["settled"]) == (409, True, False)
    assert take(berta)[0]["id"] == one["id"]


@pytest.mark.usefixtures("asked")
def test_a_lapsed_lease_that_nobody_took_still_counts(served: Serving) -> None:
    anna = Browser(served, "anna")
    slow = take(anna)[0]
    lapse(served, slow["id"])
    assert say(anna, slow, "teddy").json()["counted"]


def test_the_same_submission_twice_is_one_label(served: Serving, asked: list[rows.Asked]) -> None:
    anna = Browser(served, "anna")
    review = take(anna)[0]
    first, again = say(anna, review, "teddy"), say(anna, review, "teddy")
    assert again.status_code == 200
    assert first.json()["label_id"] == again.json()["label_id"]
    with served.database.read() as session:
        assert len(labels.opinions(session, asked[0].review_id)) == 1


def test_an_answer_is_taken_back_and_given_anew(served: Serving, asked: list[rows.Asked]) -> None:
    anna, berta = Browser(served, "anna"), Browser(served, "berta")
    review = take(anna)[0]
    label_id = say(anna, review, "teddy").json()["label_id"]
    back = anna.ask("/review/undo", {"label_id": label_id})
    assert back.status_code == 200, back.text
    assert back.json()["id"] == review["id"]
    assert back.json()["token"] != review["token"]
    assert say(anna, back.json(), None).json()["settled"] is False
    again = anna.ask("/review/undo", {"label_id": label_id})
    assert (again.status_code, again.json()["code"]) == (409, "undone_already")
    assert berta.ask("/review/undo", {"label_id": label_id}).status_code == 404
    assert asked[0].review_id == review["id"]


def test_a_lease_is_renewed_skipped_and_lost(served: Serving, asked: list[rows.Asked]) -> None:
    anna, berta = Browser(served, "anna"), Browser(served, "berta")
    review, other = take(anna, count=2)
    renewed = anna.ask(f"/review/{review['id']}/renew", {"token": review["token"]})
    assert renewed.json()["until"] > review["until"]
    stolen = berta.ask(f"/review/{review['id']}/renew", {"token": "not the token"})
    assert (stolen.status_code, stolen.json()["code"]) == (409, "lease_lost")
    skipped = anna.ask(f"/review/{review['id']}/skip", {"token": review["token"]})
    assert skipped.status_code == 200
    assert [one["id"] for one in take(berta)] == [review["id"]]
    lapse(served, other["id"])
    lost = anna.ask(f"/review/{other['id']}/renew", {"token": other["token"]})
    assert (lost.status_code, lost.json()["code"]) == (409, "lease_lost")
    assert asked[2].review_id in [one["id"] for one in take(anna, count=2)]


NONSENSE: list[tuple[dict[str, object], str]] = [
    ({"label": "unicorn"}, "unknown_class"),
    ({"kind": "undo", "label": None}, "unknown_kind"),
    ({"kind": "cannot_tell"}, "label_and_kind"),
    ({"submission": "short"}, "invalid_request"),
    ({"shown_at": "2026-03-02T12:00:00"}, "invalid_request"),
    ({"token": 7}, "invalid_request"),
]


def test_an_answer_that_makes_no_sense_is_refused_and_the_lease_stays(
    served: Serving, asked: list[rows.Asked]
) -> None:
    anna = Browser(served, "anna")
    review = take(anna)[0]
    body = {"token": review["token"], "kind": "class", "label": "teddy", "submission": "a" * 20}
    for change, code in NONSENSE:
        refused = anna.ask(f"/review/{review['id']}/answer", body | change)
        assert (refused.status_code, refused.json()["code"]) == (422, code), change
    with served.database.read() as session:
        held = reviews.get(session, asked[0].review_id)
    assert (held.status, held.lease_token) == ("open", review["token"])


def test_nobody_takes_the_whole_queue(served: Serving, asked: list[rows.Asked]) -> None:
    anna = Browser(served, "anna")
    many = anna.ask("/review/next", {"holding": [one.review_id for one in asked], "count": 12})
    assert (many.status_code, many.json()["code"]) == (422, "too_many_held")


def test_it_works_without_script(served: Serving, asked: list[rows.Asked]) -> None:
    anna = Browser(served, "anna")
    begun = anna.submit("/review/start")
    assert begun.headers["location"] == f"/review/{asked[0].review_id}"
    for label in ("teddy", "black"):
        page = anna.page(begun.headers["location"])
        form = page.all("form", id="choices")[0]
        fields = {one.attributes["name"]: one.attributes["value"] for one in form.all("input")}
        assert page.all("img", id="shown")
        begun = anna.http.post(
            form.attributes["action"], data={**fields, "press": f"class:{label}"}
        )
        assert begun.status_code == 303, begun.text
    strip = anna.page("/review").all("ol", id="strip")[0]
    assert [one.text for one in strip.all("span")] == ["black", "teddy"]
    newest = strip.all("input", name="label_id")[0].attributes["value"]
    back = anna.submit("/review/take-back", label_id=newest)
    assert back.headers["location"] == f"/review/{asked[1].review_id}?done=undone"
    assert "Taken back" in anna.page(back.headers["location"]).text
    with served.database.read() as session:
        assert reviews.get(session, asked[0].review_id).truth_label == "teddy"
        assert reviews.get(session, asked[1].review_id).status == "open"


def test_without_script_a_late_answer_is_kept_and_told(
    served: Serving, asked: list[rows.Asked]
) -> None:
    anna, berta = Browser(served, "anna"), Browser(served, "berta")
    slow = anna.submit("/review/start").headers["location"]
    form = anna.page(slow).all("form", id="choices")[0]
    fields = {one.attributes["name"]: one.attributes["value"] for one in form.all("input")}
    lapse(served, asked[0].review_id)
    say(berta, take(berta)[0], "grizzly")
    late = anna.http.post(form.attributes["action"], data={**fields, "press": "class:teddy"})
    assert late.headers["location"].endswith("?done=kept")
    assert "extra opinion" in anna.page(late.headers["location"]).text
    gone = anna.http.get(slow)
    assert gone.headers["location"] == "/review?done=lost"


def test_without_script_a_picture_is_skipped(served: Serving, asked: list[rows.Asked]) -> None:
    anna = Browser(served, "anna")
    first = anna.submit("/review/start").headers["location"]
    form = anna.page(first).all("form", id="choices")[0]
    fields = {one.attributes["name"]: one.attributes["value"] for one in form.all("input")}
    nxt = anna.http.post(form.attributes["action"], data={**fields, "press": "skip"})
    assert nxt.headers["location"] == f"/review/{asked[1].review_id}?done=skipped"


def test_an_empty_queue_says_what_brings_new_ones(served: Serving) -> None:
    anna = Browser(served, "anna")
    assert "Nothing waits" in anna.page("/review").text
    assert anna.submit("/review/start").headers["location"] == "/review"
    rows.ask(served.database, 1)
    page = anna.page("/review")
    assert "There are no classes yet" in page.text


def test_the_lane_is_told_neither_before_a_picture_nor_beside_it(
    served: Serving, asked: list[rows.Asked]
) -> None:
    rows.ask(served.database, 2, lane="audit")
    anna = Browser(served, "anna")
    start = anna.page("/review")
    held = anna.page(anna.submit("/review/start").headers["location"])
    for page in (start, held):
        assert "Random audit" not in page.text
        assert "A consumer waits" not in page.text
    assert held.all("b", id="waiting")[0].text == str(len(asked) + 2)


def _person(served: Serving, name: str) -> str:
    with served.database.read() as session:
        return next(one.id for one in people.people(session) if one.name == name)
