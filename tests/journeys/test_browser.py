"""A person at a real browser: signs in, tries a picture, labels by keyboard, loses the network, and finds nothing lost.

Whatever the browser's console calls an error fails the test: a blocked script, a missing file, a broken promise.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from service.clock import wall_clock
from store import jobs, labels, predictions, reviews
from store.labels import Answer
from store.models import NewBacktest, add_backtest, by_number
from tests.journeys.desk import CLASSES, PATIENCE, answers, desk, send, wait_for
from tests.service import rows
from tests.service.serving import Serving
from tests.toy import draw

pytestmark = pytest.mark.browser


def test_a_person_signs_in_tries_a_picture_and_labels_ten_by_keyboard(
    browser: Browser, served: Serving, tmp_path: Path
) -> None:
    file = tmp_path / "bear.png"
    file.write_bytes(draw(0, 1000))
    ids = send(served, 11)
    with served.database.write() as session:
        rows.person(session, "berta")  # who can be asked where anna cannot tell
    with desk(browser, served, "anna") as anna:
        anna.page.goto("/try")
        anna.page.set_input_files("#image", file)
        anna.see("#answer h2", "A person will look")
        assert anna.page.url.startswith(f"{served.url}/try/0")

        anna.page.goto("/review")
        keys = ["1", "2", "1", "n", "2", "u", "1", "c", "2", "2"]
        pressed = [(anna.press(key), key) for key in keys]
        assert len({digest for digest, _ in pressed}) == 10
        anna.see("#count", "10")
        wait_for(anna, lambda: len(answers(served.database, "anna")) == 10)
        expected = [(digest, _meaning(key)) for digest, key in pressed]
        assert _given(served) == expected

        anna.page.keyboard.press("z")
        anna.page.wait_for_function(
            f"() => document.querySelector('#shown').src.includes('{pressed[-1][0]}')"
        )
        wait_for(anna, lambda: len(answers(served.database, "anna")) == 9)
        anna.press("1")
        wait_for(anna, lambda: len(answers(served.database, "anna")) == 10)
        assert _given(served) == [*expected[:-1], (pressed[-1][0], ("class", "bear"))]
        anna.see("#waiting", "3")  # two that nobody has seen, and the one that anna could not tell
    with served.database.read() as session:
        told = [predictions.get(session, one) for one in ids]
        first = predictions.get(session, ids[0])
        review = reviews.of_prediction(session, first.id)[0]
        label = labels.opinions(session, review.id)[0]
    assert sum(one.answered_by == "person" for one in told) == 9  # one of ten: "cannot tell"
    assert (first.answer, label.source, label.late) == ("bear", "human_blind", False)
    assert label.shown_at is not None


def _meaning(key: str) -> tuple[str, str | None]:
    kinds = {"n": "none_of_these", "u": "not_usable", "c": "cannot_tell"}
    return ("class", CLASSES[int(key) - 1]) if key.isdigit() else (kinds[key], None)


def _given(served: Serving) -> list[tuple[str, tuple[str, str | None]]]:
    return [(one.picture_digest, (one.kind, one.label)) for one in answers(served.database, "anna")]


def test_no_answer_is_lost_while_the_server_is_away_not_even_by_a_reload(
    browser: Browser, served: Serving
) -> None:
    send(served, 6)
    with desk(browser, served, "anna") as anna:
        anna.page.goto("/review")
        first = anna.press("1")
        wait_for(anna, lambda: len(answers(served.database, "anna")) == 1)
        away = "**/review/*/answer"
        anna.page.route(away, lambda route: route.abort())
        more = [anna.press(key) for key in "22"]
        anna.see("#unsent", "unsent 2")
        anna.see("#message", "answers are kept here")
        anna.page.reload()
        anna.see("#unsent", "unsent 2")
        assert anna.shown() not in more
        assert len(answers(served.database, "anna")) == 1
        anna.page.unroute(away)
        wait_for(anna, lambda: len(answers(served.database, "anna")) == 3)
        expect(anna.page.locator("#unsent")).to_be_hidden(timeout=PATIENCE)
        assert [one.picture_digest for one in answers(served.database, "anna")] == [first, *more]
        # the console calls a request that was cut off an error, and so it is
        assert {one for one in anna.errors if "ERR_FAILED" not in one} == set()
        anna.errors.clear()


def test_an_undo_of_an_unsent_answer_never_reaches_the_server(
    browser: Browser, served: Serving
) -> None:
    send(served, 4)
    with desk(browser, served, "anna") as anna:
        anna.page.goto("/review")
        away = "**/review/*/answer"
        anna.page.route(away, lambda route: route.abort())
        anna.press("1")
        second = anna.press("1")
        anna.page.keyboard.press("z")
        anna.page.wait_for_function(
            f"() => document.querySelector('#shown').src.includes('{second}')"
        )
        anna.see("#unsent", "unsent 1")
        anna.press("2")
        anna.page.unroute(away)
        wait_for(anna, lambda: len(answers(served.database, "anna")) == 2)
        assert [one.label for one in answers(served.database, "anna")] == ["bear", "teddy"]
        anna.errors.clear()


def test_who_was_too_slow_is_told_and_the_answer_is_kept(browser: Browser, served: Serving) -> None:
    send(served, 3)
    with desk(browser, served, "anna") as anna:
        anna.page.goto("/review")
        digest = anna.shown()
        with served.database.write() as session:
            berta = rows.person(session, "berta")
            mine = next(one for one in _held(session) if one.picture_digest == digest)
            mine.lease_until = rows.NOON
            session.flush()
            lease = reviews.lease_next(session, berta.id, wall_clock())
            assert lease is not None
            said = Answer(lease.review_id, berta.id, lease.token, "class", "teddy", "b" * 10)
            labels.give(session, said, CLASSES, wall_clock())
        anna.press("1")
        anna.see("#message", "kept as an extra opinion")
        anna.see("#count", "0")
        assert any("409" in one for one in anna.errors)
        anna.errors.clear()
    with served.database.read() as session:
        assert reviews.get(session, lease.review_id).truth_label == "teddy"


def _held(session: Any) -> list[Any]:
    found = [reviews.of_prediction(session, one.id)[0] for one in predictions.recent(session, 10)]
    return [one for one in found if one.lease_token]


def test_pictures_are_leased_ahead_and_held_while_somebody_is_there(
    browser: Browser, served: Serving
) -> None:
    send(served, 8)
    with desk(browser, served, "anna") as anna:
        anna.page.goto("/review")
        anna.shown()

        def held() -> list[Any]:
            with served.database.read() as session:
                return _held(session)

        wait_for(anna, lambda: len(held()) == 5)
        first = min(one.lease_until for one in held())
        wait_for(anna, lambda: min(one.lease_until for one in held()) > first)
        assert len(held()) == 5


def test_the_whole_picture_is_on_show_and_can_be_looked_at_closer(
    browser: Browser, served: Serving
) -> None:
    send(served, 2)
    with desk(browser, served, "anna", viewport={"width": 1100, "height": 600}) as anna:
        anna.page.goto("/review")
        anna.shown()
        frame, whole = (anna.page.locator(one).bounding_box() for one in ("#frame", "#shown"))
        assert frame is not None
        assert whole is not None
        assert whole["height"] <= frame["height"]
        assert whole["width"] <= frame["width"]
        fit = anna.page.locator("#shown").evaluate("image => getComputedStyle(image).objectFit")
        assert fit == "contain"
        anna.page.keyboard.press("v")
        closer = anna.page.locator("#shown").bounding_box()
        assert closer is not None
        assert closer["width"] > 2 * frame["width"]
        anna.press("1")
        after = anna.page.locator("#shown").bounding_box()
        assert after is not None
        assert after["width"] <= frame["width"]


def test_a_picture_can_be_dropped(browser: Browser, served: Serving) -> None:
    with desk(browser, served, "anna") as anna:
        anna.page.goto("/try")
        numbers = list(draw(1, 5))
        anna.page.evaluate(
            """(numbers) => {
              const carried = new DataTransfer();
              carried.items.add(new File([new Uint8Array(numbers)], "bear.png", { type: "image/png" }));
              const zone = document.getElementById("zone");
              zone.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
            }""",
            numbers,
        )
        anna.see("#answer h2", "A person will look")
        assert anna.page.locator("#answer img").evaluate("image => image.naturalWidth") > 0


def test_an_operator_sees_the_training_go_on_and_promotes(
    browser: Browser, served: Serving, tmp_path: Path
) -> None:
    number = served.register(tmp_path / "second", classes=CLASSES, seed=1)
    with served.database.write() as session:
        job = jobs.add(session, "train", {}, wall_clock(), asked_by="olga")
        job.status, job.progress = "doing", {"phase": "gather", "share": 0.5, "note": "12 labels"}
        pair = by_number(session, number).id, by_number(session, 1).id
        test = NewBacktest(*pair, "better", 90, 0.9, 0.8, 0.1, 0.02, 0.18, {})
        add_backtest(session, test, wall_clock())
    with desk(browser, served, "olga", "operator") as olga:
        olga.page.goto("/models")
        olga.see("#training", "12 labels")
        with served.database.write() as session:
            jobs.get(session, job.id).progress = {"phase": "train", "share": 0.9, "note": "epoch 3"}
        olga.see("#training", "epoch 3")
        with served.database.write() as session:
            rows.ready(session, number, wall_clock())
        olga.page.goto("/models")
        olga.page.locator("#version-2 summary").first.click()
        olga.page.locator("#version-2 textarea").first.fill("it is better on sketches")
        olga.page.locator("#version-2 [name=although_held]").first.check()
        olga.page.locator("#version-2 form button").first.click()
        olga.see(".notice", "answers within a second")
        olga.page.goto("/")
        olga.see("h1", "Version 2 answers")
