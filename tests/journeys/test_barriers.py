"""Every page, by light and by dark: no serious barrier (axe), nothing wider than the screen."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from service.clock import wall_clock
from store import guides, predictions
from store.models import NewBacktest, add_backtest, by_number
from tests.journeys.desk import CLASSES, desk, send
from tests.service import rows
from tests.service.serving import Serving
from tests.toy import draw

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_serious_barriers_and_every_page_fits_every_width(
    browser: Browser, served: Serving, tmp_path: Path, scheme: str
) -> None:
    _furnish(served, tmp_path)
    with desk(browser, served, "olga", "operator", color_scheme=scheme) as olga:
        olga.page.goto("/try")
        olga.page.set_input_files("#image", tmp_path / "bear.png")
        olga.see("#answer h2")
        tried = olga.page.url.removeprefix(served.url)
        for path in (
            "/",
            tried,
            "/review",
            "/guide",
            "/guide/edit?class=bear",
            "/models",
            "/drift",
            "/no",
        ):
            olga.page.goto(path)
            if path == "/review":
                olga.shown()
            if path == "/models":
                olga.page.locator("details.act summary").first.click()
            _has_no_barriers(olga.page, path)
            for width in (360, 768, 1440):
                olga.page.set_viewport_size({"width": width, "height": 800})
                wide = olga.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{path} is {wide} px wide at {width}"
        # the page that is not there is the one complaint
        assert [one for one in olga.errors if "404" not in one] == []
        olga.errors.clear()


def test_the_sign_in_page_has_no_serious_barriers(browser: Browser, served: Serving) -> None:
    page = browser.new_context(base_url=served.url).new_page()
    page.goto("/sign-in")
    _has_no_barriers(page, "/sign-in")
    page.context.close()


def _furnish(served: Serving, tmp_path: Path) -> None:
    (tmp_path / "bear.png").write_bytes(draw(0, 77))
    send(served, 4)
    served.register(tmp_path / "second", classes=CLASSES, seed=1)
    with served.database.write() as session:
        pair = by_number(session, 2).id, by_number(session, 1).id
        for verdict in ("worse", "cannot_tell", "better"):
            test = NewBacktest(*pair, verdict, 90, 0.9, 0.8, 0.1, 0.02, 0.18, {})
            add_backtest(session, test, wall_clock())
        picture = predictions.recent(session, 1)[0].picture_digest
        guides.write(session, "bear", "It is red.", [picture], "olga", wall_clock())
        rows.window(session, pair[1], "berlin")
        rows.job(session, "olga")


def _has_no_barriers(page: Page, path: str) -> None:
    found = Axe().run(page).response["violations"]
    serious = [
        f"{path}: {one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
