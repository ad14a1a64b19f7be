"""A real Chromium with a person in front of it, and the service that they sit at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, expect

from service.clock import wall_clock
from store import own_answers, people
from store.database import Database
from store.own_answers import OwnAnswer
from tests.service import rows
from tests.service.rows import PASSWORD
from tests.service.serving import Serving
from tests.toy import draw

CLASSES = ("bear", "teddy")
# from a place where somebody reads: enough for a slow machine, not for a hanging one
PATIENCE = 20_000


@dataclass
class Desk:
    """A page with somebody in front of it; `errors` is what the console complained about."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def see(self, selector: str, text: str | None = None) -> None:
        """Wait until it is there."""
        found = self.page.locator(selector)
        if text is None:
            expect(found).to_be_visible(timeout=PATIENCE)
        else:
            expect(found).to_contain_text(text, timeout=PATIENCE)

    def shown(self) -> str:
        """The digest of the picture that is on show, once it is."""
        self.see("#shown")
        return (self.page.get_attribute("#shown", "src") or "").split("/")[2].split("?")[0]

    def press(self, key: str) -> str:
        """Press a key; the digest that it was about. Returns when another picture is on show."""
        before = self.shown()
        self.page.keyboard.press(key)
        gone = f"() => !document.querySelector('#shown')?.src.includes('{before}')"
        self.page.wait_for_function(gone, timeout=PATIENCE)
        return before


@contextmanager
def desk(
    browser: Browser, served: Serving, name: str, role: str = "reviewer", **look: Any
) -> Iterator[Desk]:
    """Somebody new signs in, by keyboard, at a screen of their own."""
    with served.database.write() as session:
        if not any(one.name == name for one in people.people(session)):
            people.add_person(session, name, PASSWORD, role, wall_clock())
    context = browser.new_context(base_url=served.url, **look)
    made = Desk(context.new_page())
    made.page.on(
        "console", lambda said: made.errors.append(said.text) if said.type == "error" else None
    )
    made.page.on("pageerror", lambda error: made.errors.append(str(error)))
    made.page.goto("/sign-in")
    # the browser puts the cursor there a moment after the page has come
    made.see("#name:focus")
    made.page.keyboard.type(name)
    made.page.keyboard.press("Tab")
    made.page.keyboard.type(PASSWORD)
    made.page.keyboard.press("Enter")
    made.see("h1", "answers")
    yield made
    context.close()
    assert made.errors == []


def send(served: Serving, count: int) -> list[str]:
    """Different pictures from a consumer; the ids of the predictions."""
    with served.http() as http:
        sent = [
            http.post("/v1/predictions", files={"image": draw(seed % 2, seed)})
            for seed in range(count)
        ]
    assert [one.status_code for one in sent] == [200] * count
    return [one.json()["id"] for one in sent]


def answers(database: Database, name: str) -> list[OwnAnswer]:
    """The answers of a person that stand, oldest first."""
    with database.read() as session:
        who = next(one.id for one in people.people(session) if one.name == name)
        return own_answers.standing(session, who, rows.NOON, 100)[::-1]


def wait_for(desk: Desk, done: Callable[[], bool]) -> None:
    """Until the rows say so; the browser goes on meanwhile."""
    for _ in range(PATIENCE // 50):
        if done():
            return
        desk.page.wait_for_timeout(50)
    raise AssertionError("it did not come to pass")
