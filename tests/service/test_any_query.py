"""Whatever stands behind the question mark of an address: no page breaks, and none repeats it as markup."""

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.heads import COOKIE
from tests.service.browsing import Browser
from tests.service.serving import Serving

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["-1", "0", "9" * 40, "../../etc/passwd", "<script>", "'; drop table reviews; --", "1e9", "nan"]
)
PAGES = st.sampled_from(
    ["/", "/models", "/models/progress", "/rollout", "/right", "/drift", "/review", "/guide",
     "/guide/edit", "/try", "/sign-in", "/rollout/audit-trail.json", "/v1/alarms",
     "/v1/audit-trail", "/v1/models", "/v1/rollout", "/pictures/" + "0" * 64, "/drift/reports/x"]
)  # fmt: skip
PARAMETERS = st.sampled_from(
    ["alarm", "version", "segment", "class", "size", "next", "format", "since", "limit", "stream",
     "review", "retrained", "said", "page", "window", "done"]
)  # fmt: skip


@pytest.fixture(scope="module")
def visitor(shared: Serving) -> Iterator[httpx.Client]:
    browser = Browser(shared, "fuzzer", "admin")
    key = shared.key("fuzz", "operator")
    with httpx.Client(base_url=shared.url, headers={"Authorization": f"Bearer {key}"}) as visitor:
        visitor.cookies.set(COOKIE, browser.http.cookies[COOKIE])
        yield visitor


@settings(max_examples=150, deadline=None, derandomize=True)
@given(PAGES, st.lists(st.tuples(PARAMETERS, TEXTS), max_size=3))
def test_no_query_breaks_a_page(
    visitor: httpx.Client, path: str, query: list[tuple[str, str]]
) -> None:
    answer = visitor.get(path, params=httpx.QueryParams(tuple(query)))
    assert answer.status_code < 500, (path, query)
    if "html" in answer.headers.get("content-type", ""):
        assert "<script>" not in answer.text
    else:
        assert answer.headers["x-content-type-options"] == "nosniff"
