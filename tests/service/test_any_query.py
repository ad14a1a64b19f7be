"""Whatever stands behind the question mark of an address: no page breaks, and none repeats it as markup.

Which parameters there are is read off the routes, so that every one of each comes up, with words that nearly fit it
and with what was never a word.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from hypothesis import given, settings
from hypothesis import strategies as st

from service.app import create_app
from service.clock import wall_clock
from service.heads import COOKIE
from service.settings import read_settings
from store import alarms
from store.alarms import NewAlarm
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.markup import run_by_a_browser
from tests.service.serving import Serving
from tests.service.test_every_route import FILLED, MAY

# pages read it off the address, beside what their routes declare
SAID = "done"
FITS = {"{form}": "json", **FILLED}
NEARLY = st.one_of(
    st.sampled_from(["json", "csv", "bear", "moved", "/review", "1", "96", "0" * 64]),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.datetimes().map(datetime.isoformat),
    st.uuids().map(str),
)
HOSTILE = st.sampled_from(
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'; DROP TABLE reviews; --",
     "{{7*7}}", "../../etc/passwd", "//evil.example", "javascript:alert(1)", "\u202egnp.exe", "\0",
     "9" * 4301, "a" * 5000, "1e999", "nan", "[]", "%", "\r\nSet-Cookie: a=b"]
)  # fmt: skip
# bytes that are no text in any encoding stand in an address as well as letters do
VALUES = st.one_of(
    NEARLY.map(quote),
    HOSTILE.map(lambda one: quote(one, safe="")),
    st.text(st.characters(codec="utf-8"), max_size=30).map(quote),
    st.binary(max_size=30).map(quote),
    st.sampled_from(["", "%", "%zz", "%u0041", "%00", "%c0%af", "%ed%a0%80", "+", "&", "=", ";"]),
)
UNKNOWN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).map(quote)


def declared(dependant: Dependant) -> Iterator[str]:
    """The parameters behind the question mark that a route takes, by itself and by what it depends on."""
    for one in dependant.query_params:
        yield from getattr(one.field_info.annotation, "model_fields", [one.alias])
    for below in dependant.dependencies:
        yield from declared(below)


def parameters() -> dict[str, list[str]]:
    """By the path of every route that is looked at: what it takes."""
    app = create_app(read_settings({"URSA_SECRET_KEY": "x" * 40}))
    return {
        str(one.path): sorted({*declared(one.dependant), SAID})
        for one in iter_route_contexts(app.routes)
        if "GET" in (one.methods or ()) and hasattr(one, "dependant")
    }


ROUTES = parameters()
PAIRS = [(path, name) for path, names in ROUTES.items() for name in names]


@pytest.fixture(scope="module")
def visitor(
    shared: Serving, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, str]]:
    """Who may see everything, where there is something to be seen; and the id of an alarm."""
    shared.model(tmp_path_factory.mktemp("model"))
    rows.ask(shared.database, 2)
    with shared.database.write() as session:
        new = NewAlarm("online", "zoo", None, None, {}, pages=True)
        alarm = alarms.raise_alarm(session, new, wall_clock()).id
    browser = Browser(shared, "fuzzer", "admin")
    key = shared.key("fuzz", "operator")
    with httpx.Client(base_url=shared.url, headers={"Authorization": f"Bearer {key}"}) as visitor:
        visitor.cookies.set(COOKIE, browser.http.cookies[COOKIE])
        yield visitor, alarm


def look(visitor: tuple[httpx.Client, str], path: str, query: str) -> None:
    client, alarm = visitor
    address = re.sub(r"{\w+}", lambda one: FITS.get(one[0], alarm), path)
    answer = client.get(f"{address}?{query}")
    assert answer.status_code < 500, (address, query)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert set(answer.cookies) == set()
    assert not re.match(r"\w+:|//|/\\", answer.headers.get("location", "/"))
    if "html" in answer.headers.get("content-type", ""):
        assert run_by_a_browser(answer.text) == [], (address, query)


def test_every_route_that_is_looked_at_is_here() -> None:
    looked_at = {route.removeprefix("GET ") for route in MAY if route.startswith("GET ")}
    # it is no route of ours and takes nothing
    assert looked_at - set(ROUTES) == {"/openapi.json"}
    assert ("/v1/alarms", "limit") in PAIRS
    assert ("/guide/edit", "class") in PAIRS


@pytest.mark.parametrize(("path", "name"), PAIRS)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(first=VALUES, more=st.lists(VALUES, max_size=2))
def test_no_value_of_a_parameter_breaks_its_route(
    visitor: tuple[httpx.Client, str], path: str, name: str, first: str, more: list[str]
) -> None:
    look(visitor, path, "&".join(f"{name}={value}" for value in (first, *more)))


@pytest.mark.parametrize("path", ROUTES)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_nothing_that_a_route_does_not_take_breaks_it(
    visitor: tuple[httpx.Client, str], path: str, data: st.DataObject
) -> None:
    names = UNKNOWN | st.sampled_from(ROUTES[path])
    query = data.draw(st.lists(st.tuples(names, VALUES), max_size=4))
    look(visitor, path, "&".join(f"{name}={value}" for name, value in query))
