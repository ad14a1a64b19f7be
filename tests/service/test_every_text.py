"""Script, SQL, templates and what is no text, in every place that takes a text: words on every page, and nothing breaks.

The places are read off the application: a field that is added is tried by itself. Both databases, since one of them
refuses texts that the other takes.
"""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import params
from sqlalchemy import func, inspect, select

from service.__main__ import build_parser
from service.clock import wall_clock
from service.heads import COOKIE
from store import alarms, rollouts
from store.alarms import NewAlarm
from store.tables import Prediction
from tests.service import rows, texts
from tests.service.browsing import PAGES, Browser
from tests.service.conftest import Start
from tests.service.machine import Machine
from tests.service.markup import run_by_a_browser
from tests.service.serving import Serving
from tests.service.test_every_act import API, COMMANDS
from tests.service.test_every_act import PAGES as FORMS
from tests.service.test_every_route import MAY
from tests.store.rolling import PLAN
from tests.toy import draw

# what each becomes where somebody runs it instead of showing it
SCRIPT, ATTRIBUTE = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'
SQL, TEMPLATE, SUM = "'; DROP TABLE predictions; --", "{{7*19191}}", "134337"
BACKWARDS = "\u202egnp.live\u202c"
NUL, HALF = "a\0b", "a\ud800b"
MARKUP = f"{SCRIPT} {ATTRIBUTE} {SQL} {TEMPLATE}"
WORDS = {
    "markup": MARKUP, "backwards": BACKWARDS, "NUL": NUL, "half a character": HALF,
}  # fmt: skip

SCOPE = {
    "consumers": ["shop"], "segments": ["zoo"], "subjects": ["bear 7"], "days": ["monday"], "zone": "UTC",
    "times": [["08:00", "18:00"]], "expires_at": "2099-05-01T18:00:00+00:00", "at_limit": "people",
    "hold_seconds": 60,
}  # fmt: skip
SENDS_NO_TEXT = {
    "POST /v1/retrain", "POST /models/retrain", "POST /models/{number}/compare", "POST /review/start",
    "POST /sign-out",
}  # fmt: skip
SUBMISSION = "0123456789"
JSON: dict[str, Any] = {
    **{route: {**fields, "reason": "because"} for route, fields in API if route not in SENDS_NO_TEXT},
    "PUT /v1/models/{number}/preflight": {**PLAN, "scope": SCOPE},
    "POST /v1/models/{number}/limit": {"reason": "r", "although_held": True, "scope": SCOPE},
    "POST /v1/predictions/{prediction_id}/feedback": {"label": "teddy", "note": "a note"},
    "POST /review/next": {"holding": ["none"]},
    "POST /review/undo": {"label_id": "none"},
    "POST /review/{review_id}/answer": {
        "token": "none", "kind": "class", "label": "teddy", "submission": SUBMISSION,
        "shown_at": "2026-03-02T12:00:00Z",
    },
    "POST /review/{review_id}/renew": {"token": "none"},
    "POST /review/{review_id}/skip": {"token": "none"},
}  # fmt: skip
FORM: dict[str, dict[str, str]] = {
    **{route: {**fields, "reason": "because"} for route, fields in FORMS if route not in SENDS_NO_TEXT},
    "POST /review/{review_id}/press": {
        "press": "class:teddy", "token": "none", "submission": SUBMISSION, "shown_at": "2026-03-02T12:00:00Z",
    },
    "POST /review/take-back": {"label_id": "none"},
    "POST /sign-in": {"name": "nobody", "password": "none", "next": "/review"},
}  # fmt: skip
WITH_FILES = {"POST /v1/predictions", "POST /try"}
UPLOAD = {
    "segment": "zoo",
    "subject": "bear 7",
    "reference": "r",
    "captured_at": "2026-03-02T12:00:00Z",
}
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=b"}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class World:
    """A service in which everything that can be named in a text has this word in its name, and who sends it more."""

    served: Serving
    word: str
    http: httpx.Client
    csrf: str
    ids: dict[str, str]

    def send(self, route: str, **sent: Any) -> httpx.Response:
        """What no text may lead to is a fault of ours."""
        method, path = route.split()
        headers = sent.pop("headers", {})
        answer = self.http.request(method, path.format(**self.ids), headers=headers, **sent)
        assert answer.status_code < 500, (route, sent, answer.text)
        return answer

    def json(self, route: str, body: Any) -> None:
        self.send(route, content=texts.as_json(body), headers={"Content-Type": "application/json"})

    def form(self, route: str, fields: dict[str, str]) -> None:
        self.send(route, content=texts.form(fields), headers=URLENCODED)

    def upload(self, route: str, fields: dict[str, str], file_name: str) -> httpx.Response:
        image = draw(0, len(fields) + len(file_name))
        return self.send(route, content=texts.parts(fields, image, file_name), headers=BOUNDARY)


def is_text(word: str) -> bool:
    """Whether both databases hold it."""
    return word not in (NUL, HALF)


@contextmanager
def world(served: Serving, folder: Path, word: str) -> Iterator[World]:
    """What is no text can be no name of a person or a consumer either; a bundle's classes can be printed, too."""
    name = word if is_text(word) else "bear"
    classes = (name if name.isprintable() else "bear", "teddy")
    served.model(folder / "one", classes=classes)
    served.open(served.register(folder / "two", classes=classes, seed=1))
    browser = Browser(served, f"anna {name}", "admin")
    rows.ask(served.database, 2, segment=name)
    with served.database.write() as session:
        rows.heard(session, wall_clock())
        live = rollouts.live(session)
        assert live.incumbent is not None
        window = rows.window(session, live.incumbent.version_id, name)
        new = NewAlarm("online", name, None, None, {}, pages=True)
        alarm = alarms.raise_alarm(session, new, wall_clock()).id
        rows.job(session, f"anna {name}")
    headers = {
        "Authorization": f"Bearer {served.key(f'shop {name}', 'operator')}",
        "X-CSRF-Token": browser.csrf,
    }
    with httpx.Client(base_url=served.url, headers=headers, timeout=60) as http:
        http.cookies.set(COOKIE, browser.http.cookies[COOKIE])
        ids = {"number": "2", "alarm_id": alarm, "window_id": window.id, "form": "json"}
        ids |= {"sha256": "0" * 64, "digest": "0" * 64, "review_id": "none"}
        made = World(served, word, http, browser.csrf, ids)
        sent = made.upload("POST /v1/predictions", {"segment": name} if name == word else {}, word)
        ids["prediction_id"] = sent.json()["id"]
        taken = http.post("/review/next", json={}).json()["reviews"]
        ids["review_id"] = taken[0]["id"]
        ids["token"] = taken[0]["token"]
        yield made


def fill_bodies(here: World) -> None:
    """Every place of every JSON body, one after another, and all at once."""
    places = texts.bodies(here.served.app)
    assert set(places) == set(JSON)
    for route, fields in JSON.items():
        held = route == "POST /review/{review_id}/answer"
        body = {**fields, "token": here.ids["token"]} if held else fields
        for place in sorted(places[route] | texts.of_body(body), key=str):
            here.json(route, texts.put(body, place, here.word))


def fill_forms(here: World) -> None:
    """Every field of every form and of every upload, the name of the file too."""
    for route, taken in texts.endpoints(here.served.app).items():
        names = set(texts.fields(taken, params.Form))
        if route in WITH_FILES:
            for name in sorted(names - {"image", "photo"}):
                here.upload(route, {**UPLOAD, name: here.word}, "bear.png")
            here.upload(route, {here.word: "x"}, here.word)
        elif names:
            base = FORM[route]
            for name in sorted(names | set(base)):
                here.form(route, {**base, name: here.word})
            here.form(route, {**base, here.word: here.word})


def fill_addresses(here: World) -> None:
    """Every part of every address, every parameter behind it, and every header of our own."""
    word = texts.in_address(here.word)
    for route, taken in texts.endpoints(here.served.app).items():
        method, path = route.split()
        for part in re.findall(r"{(\w+)}", path):
            ids = {**here.ids, part: word.replace("%2F", "")}
            here.send(f"{method} {path.format(**ids)}")
        for name in {*texts.fields(taken, params.Query), "done"}:
            if method == "GET":
                here.send(f"GET {path.format(**here.ids)}?{name}={word}")
        for name in set(texts.fields(taken, params.Header)):
            # a client refuses to send a line's end or a zero byte in a header
            shown = texts.encoded(here.word).replace(b"\0", b"").strip()
            here.send(route, headers={name: shown, **BOUNDARY}, content=b"")


def say_it(here: World) -> None:
    """The word at once in everything that people read again."""
    said = f"because {here.word}"
    for route in ("POST /v1/alarms/{alarm_id}/acknowledge", "POST /v1/kill", "POST /v1/release",
                  "POST /v1/freeze"):  # fmt: skip
        here.json(route, {"reason": said})
    risk = {**PLAN["risks"][0], "risk": f"risk {here.word}", "owner": f"owner {here.word}"}
    answers = {name: f"{name} {here.word}" for name in PLAN["answers"]}
    scope = {"segments": [f"segment {here.word}"]}
    plan = {"answers": answers, "risks": [risk], "scope": scope}
    here.json("PUT /v1/models/{number}/preflight", plan)
    here.form("POST /guide/edit", {"class": "teddy", "definition": f"definition {here.word}"})
    here.served.program.live.refresh()


def looked_at(here: World) -> Iterator[httpx.Response]:
    """Every page and every answer of the API as it is now."""
    for path in (*PAGES, "/sign-in", f"/guide/edit?class={texts.in_address(here.word)}"):
        yield here.http.get(path, headers={"Accept": "text/html"})
    for route in MAY:
        method, path = route.split()
        if method == "GET":
            yield here.send(f"GET {path.format(**here.ids)}", headers={"Accept": "text/html"})
    yield here.http.get(f"/drift?alarm={here.ids['alarm_id']}")
    yield here.http.get(f"/drift?window={here.ids['window_id']}")


def check(answer: httpx.Response) -> str:
    """Nothing in it runs; what it shows as text."""
    assert answer.status_code < 500, (answer.url, answer.text)
    kind = answer.headers.get("content-type", "")
    if "html" not in kind or "sandbox" in answer.headers["content-security-policy"]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        return answer.text
    assert run_by_a_browser(answer.text) == [], answer.url
    assert SCRIPT not in answer.text, answer.url
    assert ATTRIBUTE not in answer.text, answer.url
    assert SUM not in answer.text, answer.url
    return unescape(answer.text)


@pytest.mark.parametrize("name", WORDS)
def test_a_word_is_a_word_wherever_it_is_said(start: Start, tmp_path: Path, name: str) -> None:
    served, word = start(), WORDS[name]
    tables = inspect(served.database.engine).get_table_names()
    with world(served, tmp_path, word) as here:
        say_it(here)
        shown = "\n".join([check(answer) for answer in looked_at(here)])
        if is_text(word):
            read_again = (
                "because",
                "segment",
                "risk",
                "owner",
                "objective",
                "definition",
                "anna",
                "shop",
            )
            assert [one for one in read_again if f"{one} {word}" not in shown] == []
        fill_bodies(here)
        fill_forms(here)
        fill_addresses(here)
        for answer in looked_at(here):
            check(answer)
    assert inspect(served.database.engine).get_table_names() == tables
    with served.database.read() as session:
        assert (session.scalar(select(func.count()).select_from(Prediction)) or 0) >= 3


def test_every_route_that_takes_a_body_is_tried(served: Serving) -> None:
    changing = {route for route in texts.endpoints(served.app) if not route.startswith("GET ")}
    assert changing == {*JSON, *FORM, *WITH_FILES, *SENDS_NO_TEXT}


def spoken(parser: argparse.ArgumentParser, words: list[str]) -> list[str]:
    """The arguments of a command that take any text."""
    for name in words:
        (below,) = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
        parser = below.choices[name]
    return [
        one.option_strings[0] if one.option_strings else one.dest
        for one in parser._actions
        if one.nargs != 0 and one.choices is None and one.type is None
    ]


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_a_command_takes_any_word_or_says_why_not(machine: Machine, name: str) -> None:
    filled = dict(COMMANDS)[name].format(folder=machine.folder, prefix="p", hook="h", alarm="a")
    for argument in spoken(build_parser(), name.split()):
        for word in WORDS.values():
            words = filled.split()
            if argument.startswith("--"):
                words += [argument, word]
            else:
                words[0] = word
            if "--reason" not in words and name != "preflight":
                words += ["--reason", "because"]
            done = machine.run(*name.split(), *words, feed="correct horse battery\n")
            assert (done.code, len(done.err.splitlines())) in ((0, 0), (1, 1)), done
