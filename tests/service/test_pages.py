"""Every page over rows of every kind: what is escaped, what a page may load, where its links lead."""

from pathlib import Path

import pytest

from service.clock import wall_clock
from store import rollouts
from store.models import NewBacktest, add_backtest
from tests.service import rows
from tests.service.browsing import PAGES, Browser, Element
from tests.service.conftest import Start
from tests.service.serving import Serving
from tests.toy import draw

EVIL = "<script>alert('class')</script>"


@pytest.fixture
def evil(start: Start, tmp_path: Path) -> Serving:
    """A service in which whatever people and consumers can name has a script in its name."""
    served = start()
    served.model(tmp_path / "first", classes=(EVIL, "teddy"))
    number = served.register(tmp_path / "second", classes=(EVIL, "teddy"), seed=1)
    served.open(number)
    said = {"segment": EVIL, "subject": EVIL, "reference": EVIL}
    with served.http(EVIL) as http:
        for seed in range(3):
            files = {"image": draw(0, seed, shift="grey")}
            sent = http.post("/v1/predictions", files=files, data=said)
            assert sent.status_code == 200, sent.text
    with served.database.write() as session:
        rows.guide(session, EVIL, f"It looks like {EVIL}.")
        live = rollouts.live(session)
        assert live.incumbent is not None
        assert live.candidate is not None
        pair = live.candidate.version_id, live.incumbent.version_id
        test = NewBacktest(*pair, "cannot_tell", 20, 0.9, 0.8, 0.1, -0.1, 0.3, {})
        add_backtest(session, test, wall_clock())
        rows.window(session, live.incumbent.version_id, EVIL)
        rows.job(session, EVIL)
    return served


def test_scripts_in_names_are_words_on_every_page(evil: Serving) -> None:
    browser = Browser(evil, "olga", "operator")
    seen = 0
    for path in (*PAGES, f"/guide/edit?class={EVIL}", "/try", "/review?done=" + EVIL):
        page = browser.page(path)
        assert not [one for one in page.all("script") if one.text.strip()], path
        seen += EVIL in page.text or EVIL in str([one.attributes for one in page.every()])
    assert seen >= 5


def test_no_page_has_inline_script_or_style(evil: Serving) -> None:
    browser = Browser(evil, "olga", "operator")
    for path in (*PAGES, "/sign-in?next=/", f"/guide/edit?class={EVIL}"):
        answer = browser.http.get(path, follow_redirects=True)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        for one in browser.page(str(answer.url.raw_path, "ascii")).every():
            assert one.tag != "style", path
            assert not [name for name in one.attributes if name == "style" or name[:2] == "on"]


def test_every_link_and_picture_of_every_page_leads_somewhere(evil: Serving) -> None:
    browser = Browser(evil, "olga", "operator")
    known: set[str] = set()
    for path in PAGES:
        for address in addresses(browser.page(path)) - known:
            known.add(address)
            answer = browser.http.get(address)
            assert answer.status_code in (200, 303), f"{path} -> {address}: {answer.status_code}"
    assert {"/static/times.js", "/review", "/guide"} <= known


def addresses(page: Element) -> set[str]:
    """Everything that a page links to or loads."""
    found = {
        one.attributes[name].split("#")[0]
        for one in page.every()
        for name in ("href", "src")
        if name in one.attributes
    }
    return {address for address in found if address.startswith("/")}
