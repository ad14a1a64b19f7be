"""What journeys at a browser ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from service.settings import Settings
from store.settings import StoreSettings
from tests.journeys.desk import CLASSES
from tests.service.serving import Serving, serving

ASK_ABOUT_EVERYTHING = (
    "review_below = 1.0\nhold_below = 1.0\nanswer_at = 1.0\nreview_out_of_domain = true\n"
)
QUIETLY = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=QUIETLY)
        yield started
        started.close()


@pytest.fixture
def served(sqlite_url: str, tmp_path: Path) -> Iterator[Serving]:
    """A service whose model is never sure enough, so that people are asked about every picture."""
    policy = tmp_path / "policy.toml"
    policy.write_text(ASK_ABOUT_EVERYTHING)
    settings = Settings(
        store=StoreSettings(sqlite_url, str(tmp_path / "storage"), "s" * 40),
        port=0,
        audit_rate=1e-9,
        policy_file=policy,
        bundle_cache=tmp_path / "cache",
        poll_seconds=0.1,
        lease_seconds=6.0,
    )
    with serving(settings) as running:
        running.model(tmp_path / "bundle", classes=CLASSES)
        yield running
