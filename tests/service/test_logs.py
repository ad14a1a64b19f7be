"""The log of a service as it is written, line by line: every request is found in it by its id, and no secret is."""

import base64
import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import httpx
import pytest
import structlog

from classifier.core import Seen
from classifier.engine import NetworkError
from classifier.pictures import open_picture
from service import answering, delivering
from service.clock import wall_clock
from service.heads import COOKIE
from service.routing import Route
from service.settings import Settings
from store import logs, people
from store.webhooks import Parcel
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.conftest import lines
from tests.service.receiver import receiver
from tests.service.serving import away, serving
from tests.toy import draw

PICTURE = draw(1, 5)
TYPED = "typed where the name belongs"
ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The log is the same above both databases."""
    return sqlite_url


def post(client: httpx.Client, headers: dict[str, str], data: bytes = PICTURE) -> httpx.Response:
    return client.post("/v1/predictions", files={"image": ("a.png", data)}, headers=headers)


def test_every_request_is_found_by_its_id_and_no_secret_is_there(
    settings: Settings, tmp_path: Path, written: StringIO
) -> None:
    answers: list[httpx.Response] = []
    with serving(settings) as served:
        served.model(tmp_path / "bundle")

        @served.app.get("/v1/broken")
        def broken() -> None:
            picture = PICTURE
            raise RuntimeError(f"nobody foresaw this, with {len(picture)} bytes at hand")

        key, wrong = served.key(), people.new_key()
        anna = Browser(served, "anna")
        anna.http.event_hooks["response"] = [answers.append]
        hooks = {"response": [answers.append]}
        with httpx.Client(base_url=served.url, event_hooks=hooks, timeout=30) as client:
            right = {"Authorization": f"Bearer {key}"}
            post(client, right)
            post(client, right | {"X-Request-ID": "one-of-their-own"})
            post(client, right, PICTURE[:-100])
            post(client, {"Authorization": f"Bearer {wrong}"})
            post(client, {})
            client.get("/v1/broken", headers=right)
            client.get("/v1/predictions/none%0d%0a", headers=right)
            client.post("/sign-in", data={"name": TYPED, "password": rows.PASSWORD})
            client.post("/sign-in", data={"name": "anna", "password": TYPED})
            anna.http.post("/try", data={"csrf": anna.csrf}, files={"image": PICTURE})
            anna.http.post("/try", data={"csrf": "0" * 64}, files={"image": PICTURE})
            with away(served):
                post(client, right)
        token = anna.http.cookies[COOKIE]
        anna.submit("/sign-out")

    told = {one.headers["x-request-id"]: one.status_code for one in answers}
    assert set(told.values()) >= {200, 303, 401, 403, 404, 422, 500, 503}
    found = {one["request_id"]: one["status"] for one in lines(written, "request")}
    assert {one: found.get(one) for one in told} == told
    # the rest are those that the browser made before it was listened to
    assert len(found) == len(told) + 2
    (failed,) = lines(written, "request_failed")
    assert failed["request_id"] in told
    assert "nobody foresaw this" in failed["exception"]

    text = written.getvalue() + repr(lines(written))
    secrets = (key, wrong, rows.PASSWORD, TYPED, token, anna.csrf, settings.store.secret_key)
    assert not [one for one in secrets if one in text]
    assert not [one for one in pieces(PICTURE) if one in text]


class Failing:
    """A network that fails on every picture, and says so in the log."""

    name, precision = "failing", "none"

    def run(self, _: object) -> None:
        """As the engine does."""
        structlog.get_logger().info("asked")
        raise NetworkError("the candidate failed")

    def stop(self) -> None:
        """Nothing is under way."""


def test_what_a_requests_threads_log_has_its_id(
    settings: Settings, tmp_path: Path, written: StringIO
) -> None:
    with serving(settings) as served:
        served.model(tmp_path / "one")
        served.open(served.register(tmp_path / "two", seed=1))
        candidate = served.program.live.standing.candidate
        assert candidate is not None
        candidate.classifier.engine = Failing()  # type: ignore[assignment]  # has what is asked of it
        with served.client() as client:
            # as its answer is waited for
            client.predict(PICTURE)
    (failed,), (asked,) = lines(written, "shadow_failed"), lines(written, "request")
    assert failed["request_id"] == asked["request_id"]

    # one that is to answer, asked in a thread of its own too
    seen = Seen(open_picture(PICTURE), {}, 0.0)
    with structlog.contextvars.bound_contextvars(request_id="of the one who asks"):
        route = Route(candidate, (), "limited", None)
        answering.answer(route, seen, 30, lambda *_: None, lambda *_: None)
    told = lines(written, "asked") + lines(written, "model_failed")
    assert {one["request_id"] for one in told} == {asked["request_id"], "of the one who asks"}


def pieces(data: bytes) -> Iterator[str]:
    """How some bytes out of the middle of others look in a text."""
    piece = data[60:120]
    yield base64.b64encode(data).decode()[80:160]
    yield base64.b64encode(piece).decode()
    yield piece.hex()
    for one in (repr(piece)[2:-1], piece.decode("latin-1"), repr(list(piece))[1:-1]):
        yield one
        yield json.dumps(one)[1:-1]


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
def test_an_address_that_something_is_sent_to_is_not_logged(written: StringIO, level: int) -> None:
    """The token of a webhook stands in its path or its query."""
    logs.configure(level)
    with receiver() as taking, httpx.Client() as client:
        address = f"{taking.url}/hook?token=whsec_of_another"
        taking.secret = "whsec_" + base64.b64encode(b"secret").decode()
        parcel = Parcel("d1", address, taking.secret, "{}")
        assert delivering.send(client, parcel, wall_clock(), private=False) == "HTTP 200"
    assert "token" not in written.getvalue()


def test_who_guesses_is_found_by_address_and_only_names_that_exist_are_written(
    settings: Settings, written: StringIO
) -> None:
    with serving(settings) as served:
        with served.database.write() as session:
            rows.person(session, "anna")
        with httpx.Client(base_url=served.url, headers=ELSEWHERE) as client:
            for _ in range(5):
                client.post("/sign-in", data={"name": "anna", "password": "a wrong one"})
            client.post("/sign-in", data={"name": TYPED, "password": "a wrong one"})
    refused = lines(written, "sign_in_refused")
    assert [(one["name"], one["locked"]) for one in refused] == [
        *[("anna", False)] * 4, ("anna", True), (None, False),
    ]  # fmt: skip
    assert {one["address"] for one in refused} == {ELSEWHERE["X-Forwarded-For"]}
    assert len({one["request_id"] for one in refused}) == 6
    assert TYPED not in written.getvalue()


def test_a_pages_line_says_who_asked_from_where(settings: Settings, written: StringIO) -> None:
    with serving(settings) as served:
        with served.database.write() as session:
            anna = rows.person(session, "anna", "operator").id
        digest = served.keep(PICTURE)
        with httpx.Client(base_url=served.url, headers=ELSEWHERE) as client:
            client.get("/guide")
            client.post("/sign-in", data={"name": "anna", "password": rows.PASSWORD})
            client.get("/guide")
            for size in ("", "?size=160"):
                client.get(f"/pictures/{digest}{size}")
            client.post("/sign-out")
    asked = [
        (one["path"], one["status"], one["person"], one["address"])
        for one in lines(written, "request")
    ]
    address = ELSEWHERE["X-Forwarded-For"]
    assert asked == [
        ("/guide", 401, None, address),
        ("/sign-in", 303, anna, address),
        ("/guide", 200, anna, address),
        (f"/pictures/{digest}", 200, anna, address),
        (f"/pictures/{digest}", 200, anna, address),
        ("/sign-out", 403, anna, address),
    ]
    # which of the two was the file itself
    (whole,) = lines(written, "picture_as_it_came")
    assert (whole["picture"], whole["person"]) == (digest, anna)
    assert whole["request_id"] == lines(written, "request")[3]["request_id"]
