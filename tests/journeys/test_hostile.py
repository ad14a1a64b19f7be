"""Files that no honest consumer sends, in small, to the real program. `make bench-hostile` has 10,000."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.csrf import HEADER
from tests.benchmarks.bars import failed_by
from tests.benchmarks.hostile import BARS, Door, attack, ground, hosted, post_all, replaced
from tests.hostile.corpus import corpus
from tests.journeys.programs import Programs

PASSWORD = "correct horse battery"
# every kind of file is there, and mutations
FILES, AT_THE_PAGE = 320, 220


@pytest.mark.journey
def test_hostile_files_break_nothing_and_each_refusal_has_its_reason(tmp_path: Path) -> None:
    figures: dict[str, Any] = {}
    with hosted(tmp_path) as (running, key):
        tally = attack(running, key, corpus(FILES, 1, ground(None)), figures)
        page = post_all(running.port, at_the_page(running), corpus(AT_THE_PAGE, 2, ground(None)))
        died = replaced(running.url)
        assert running.running["service"].poll() is None
    assert (tally.wrong, page.wrong) == ([], [])
    # how fast they are refused is for the benchmark to say
    assert failed_by(figures, BARS) == []
    assert died == 0
    assert max(page.statuses) < 500
    assert sum(tally.statuses.values()) == FILES
    assert sum(page.statuses.values()) == AT_THE_PAGE
    assert tally.accepted > 0
    assert page.accepted > 0


def at_the_page(running: Programs) -> Door:
    """Where a person who has signed in tries a picture."""
    said = ("--role", "reviewer", "--simulated", "--reason", "a test")
    running.command("service", "person", "add", "rosa", *said, feed=PASSWORD)
    with httpx.Client(base_url=running.url, timeout=30) as browser:
        form = {"name": "rosa", "password": PASSWORD, "next": "/try"}
        assert browser.post("/sign-in", data=form).status_code == 303
        found = re.search(r'<meta name="csrf" content="([0-9a-f]+)">', browser.get("/try").text)
        assert found is not None
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return Door("/try", {"Cookie": cookies, HEADER: found[1]}, taken=303)
