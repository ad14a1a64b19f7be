"""Trying a picture, and how pictures are served: answers with reasons, bytes as pictures and never as a page."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from service.clock import wall_clock
from store import labels, people, pictures, predictions, reviews
from store.labels import Answer
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.conftest import Start
from tests.service.serving import Serving
from tests.toy import draw


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind is enough here: what the acts read and write is tested on both elsewhere."""
    return sqlite_url


def send(browser: Browser, data: bytes, field: str = "image") -> str:
    """Try a picture by the plain form; where the answer stands."""
    answer = browser.http.post(
        "/try", data={"csrf": browser.csrf}, files={field: ("bear.png", data)}
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_a_tried_picture_is_answered_with_probabilities_domain_and_reasons(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "bundle", gain=30.0)
    anna = Browser(served, "anna")
    page = anna.page(send(anna, draw(1, 5)))
    answer = page.all("section", id="answer")[0]
    assert answer.all("h2", class_="verdict")[0].text == "teddy"
    assert "Version 1 answered" in answer.text
    assert float(answer.all("rect")[0].attributes["width"].rstrip("%")) > 50
    assert "Like the pictures" in answer.text
    odd = anna.page(send(anna, draw(1, 6, shift="grey"), "photo"))
    assert "Unlike the pictures it was trained on" in odd.text
    with served.database.read() as session:
        kept = predictions.recent(session, 5)
    assert [row.consumer_id for row in kept] == [served.program.own_consumer_id] * 2
    assert (
        odd.all("ul", class_="reasons")[-1].text.split() == " ".join(kept[0].domain_reasons).split()
    )


def test_who_saw_the_answer_is_no_blind_reader_of_that_picture(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "bundle", gain=30.0)
    anna = Browser(served, "anna")
    anna.page(send(anna, draw(1, 6, shift="grey")))
    (review,) = anna.ask("/review/next", {}).json()["reviews"]
    body = {"token": review["token"], "kind": "class", "label": "teddy", "submission": "12345678"}
    assert anna.ask(f"/review/{review['id']}/answer", body).status_code == 200
    with served.database.read() as session:
        assert labels.opinions(session, review["id"])[0].source == "human_shown"


def test_without_a_model_a_person_will_look_and_the_answer_comes_to_the_page(
    served: Serving,
) -> None:
    with served.database.write() as session:
        rows.version(session)
    anna = Browser(served, "anna")
    where = send(anna, draw(0, 1))
    pending = anna.page(where).all("section", id="answer")[0]
    assert "A person will look" in pending.text
    assert pending.attributes["data-live"] == where
    with served.database.write() as session:
        who = people.people(session)[0]
        lease = reviews.lease_next(session, who.id, wall_clock())
        assert lease is not None
        said = Answer(lease.review_id, who.id, lease.token, "class", "grizzly", "a" * 10)
        labels.give(session, said, rows.CLASSES, wall_clock())
    answered = anna.page(where).all("section", id="answer")[0]
    assert "A person answered" in answered.text
    assert answered.all("h2", class_="verdict")[0].text == "grizzly"
    assert "data-live" not in answered.attributes


def test_a_held_answer_shows_nothing_of_what_the_model_thought(
    start: Start, tmp_path: Path
) -> None:
    policy = tmp_path / "hold.toml"
    policy.write_text(
        "review_below = 1.0\nhold_below = 1.0\nanswer_at = 1.0\nreview_out_of_domain = true\n"
    )
    served = start(policy_file=policy)
    served.model(tmp_path / "bundle", classes=("cubbish", "plush"))
    anna = Browser(served, "anna")
    answer = anna.page(send(anna, draw(0, 2))).all("section", id="answer")[0]
    assert "A person will look" in answer.text
    assert "the model is not sure" in answer.text
    assert "cubbish" not in answer.text
    assert "plush" not in answer.text


@pytest.mark.parametrize(
    ("data", "status", "sentence"),
    [
        (b"no picture", 415, "is not a picture"),
        (b"", 422, "The file is empty"),
        (draw(0, 1)[:-200], 422, "ends too early"),
    ],
    ids=["text", "nothing", "truncated"],
)
def test_a_file_that_cannot_be_tried_is_told_in_a_sentence(
    served: Serving, data: bytes, status: int, sentence: str
) -> None:
    anna = Browser(served, "anna")
    answer = anna.http.post("/try", data={"csrf": anna.csrf}, files={"image": ("a.png", data)})
    assert answer.status_code == status
    assert sentence in answer.text
    assert "This picture cannot be used" in answer.text
    with served.database.read() as session:
        assert predictions.count(session) == 0


def test_what_a_consumer_sent_is_not_shown_on_the_page_for_trying(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "bundle")
    with served.http() as http:
        sent = http.post("/v1/predictions", files={"image": draw(0, 1)}).json()
    Browser(served, "anna").page(f"/try/{sent['id']}", 404)


def photograph() -> bytes:
    """A JPEG that says where it was taken and that it must be turned."""
    image = Image.new("RGB", (800, 600), "navy")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    file = BytesIO()
    image.save(file, "jpeg", exif=exif)
    return file.getvalue()


def test_a_picture_is_served_as_a_picture_and_never_as_a_page(served: Serving) -> None:
    anna, olga = Browser(served, "anna"), Browser(served, "olga", "operator")
    digest = served.keep(photograph())
    whole = olga.http.get(f"/pictures/{digest}")
    assert whole.content == photograph()
    # a reviewer sees every pixel and not what else the file says
    pixels = Image.open(BytesIO(anna.http.get(f"/pictures/{digest}").content))
    assert (pixels.size, len(pixels.getexif())) == ((600, 800), 0)
    assert whole.headers["content-type"] == "image/jpeg"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in whole.headers["content-security-policy"]
    assert whole.headers["cache-control"] == "private, no-cache"
    assert whole.headers["content-disposition"].startswith('inline; filename="ursa-')
    page = served.keep(b"<script>alert(1)</script>")
    assert anna.http.get(f"/pictures/{page}").status_code == 404
    assert anna.http.get(f"/pictures/{'0' * 64}").status_code == 404
    assert anna.http.get("/pictures/nonsense").status_code == 422
    assert anna.http.get(f"/pictures/{digest}?size=7").status_code == 422


def test_a_browser_asks_each_time_whether_it_may_show_what_it_keeps(served: Serving) -> None:
    anna, olga = Browser(served, "anna"), Browser(served, "olga", "operator")
    digest = served.keep(photograph())
    tags = set()
    for browser in (anna, olga):
        for address in (f"/pictures/{digest}", f"/pictures/{digest}?size=160"):
            tag = browser.http.get(address).headers["etag"]
            tags.add(tag)
            known = {"If-None-Match": f'"another", W/{tag}'}
            again = browser.http.get(address, headers=known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["cache-control"] == "private, no-cache"
    # the file as it came is none of a reviewer's, whatever the browser has kept for somebody else
    assert len(tags) == 3
    address, known = f"/pictures/{digest}", {"If-None-Match": ", ".join(tags)}
    with served.database.write() as session:
        people.remove_person(session, "anna", wall_clock())
    assert anna.http.get(address, headers=known).status_code == 303
    with served.database.write() as session:
        session.delete(pictures.get(session, digest))
    assert olga.http.get(address, headers=known).status_code == 404
    assert olga.submit("/sign-out").headers["clear-site-data"] == '"cache"'


@pytest.mark.parametrize(
    ("size", "sides", "kind"),
    [(160, (120, 160), "jpeg"), (480, (360, 480), "png"), (1600, (600, 800), "jpeg")],
)
def test_a_smaller_picture_is_upright_unstretched_and_says_nothing_else(
    served: Serving, size: int, sides: tuple[int, int], kind: str
) -> None:
    anna = Browser(served, "anna")
    digest = served.keep(photograph())
    answer = anna.http.get(f"/pictures/{digest}?size={size}")
    assert answer.headers["content-type"] == f"image/{kind}"
    image = Image.open(BytesIO(answer.content))
    assert image.size == sides
    assert not image.getexif()


def test_a_picture_whose_row_is_gone_is_gone_though_its_thumbnail_is_at_hand(
    served: Serving,
) -> None:
    anna, digest = Browser(served, "anna"), served.keep(photograph())
    address = f"/pictures/{digest}?size=160"
    assert anna.http.get(address).status_code == 200
    with served.database.write() as session:
        session.delete(pictures.get(session, digest))
    assert anna.http.get(address).status_code == 404
