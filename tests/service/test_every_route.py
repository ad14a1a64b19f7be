"""Every route with everyone: nobody, people of each role, keys of each role, keys and sign-ins that are worth nothing.

The table says who may. A route that is not in it fails the first test, so that nobody adds a way in without saying
for whom. What an allowed request is told (found, invalid, in conflict) is tested elsewhere: here it is let in.
"""

import hashlib
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from service.clock import wall_clock
from service.heads import COOKIE
from store import people
from store.tables import SignIn
from tests.service.browsing import Browser
from tests.service.serving import Serving

# who may: anybody; who is signed in; operators who are signed in; any key; operators' keys
ANYBODY, PERSON, OPERATOR, KEY, OPERATOR_KEY = (
    "anybody",
    "person",
    "operator",
    "key",
    "operator key",
)

MAY = {
    "GET /livez": ANYBODY,
    "GET /readyz": ANYBODY,
    "GET /metrics": ANYBODY,
    "GET /openapi.json": ANYBODY,
    "GET /docs": ANYBODY,
    "GET /sign-in": ANYBODY,
    "POST /sign-in": ANYBODY,
    "GET /drift/scripts/{sha256}.js": ANYBODY,
    "POST /sign-out": PERSON,
    "GET /": PERSON,
    "GET /try": PERSON,
    "POST /try": PERSON,
    "GET /try/{prediction_id}": PERSON,
    "GET /review": PERSON,
    "GET /review/{review_id}": PERSON,
    "POST /review/next": PERSON,
    "POST /review/undo": PERSON,
    "POST /review/start": PERSON,
    "POST /review/take-back": PERSON,
    "POST /review/{review_id}/answer": PERSON,
    "POST /review/{review_id}/press": PERSON,
    "POST /review/{review_id}/renew": PERSON,
    "POST /review/{review_id}/skip": PERSON,
    "GET /guide": PERSON,
    "GET /guide/edit": OPERATOR,
    "POST /guide/edit": OPERATOR,
    "GET /models": PERSON,
    "GET /models/progress": PERSON,
    "POST /models/retrain": OPERATOR,
    "POST /models/revert": OPERATOR,
    "POST /models/{number}/compare": OPERATOR,
    "GET /right": PERSON,
    "GET /rollout": PERSON,
    "GET /rollout/audit-trail.{form}": OPERATOR,
    "POST /rollout/preflight": OPERATOR,
    "POST /rollout/limit": OPERATOR,
    "POST /rollout/expand": OPERATOR,
    "POST /rollout/fall-back": OPERATOR,
    "POST /rollout/promote": OPERATOR,
    "POST /rollout/withdraw": OPERATOR,
    "POST /rollout/kill": OPERATOR,
    "POST /rollout/release": OPERATOR,
    "POST /rollout/freeze": OPERATOR,
    "POST /rollout/unfreeze": OPERATOR,
    "GET /drift": PERSON,
    "GET /drift/reports/{window_id}": PERSON,
    "POST /drift/alarms/{alarm_id}/acknowledge": OPERATOR,
    "POST /drift/alarms/{alarm_id}/clear": OPERATOR,
    "GET /pictures/{digest}": PERSON,
    "POST /v1/predictions": KEY,
    "GET /v1/predictions/{prediction_id}": KEY,
    "POST /v1/predictions/{prediction_id}/feedback": KEY,
    "GET /v1/models": OPERATOR_KEY,
    "POST /v1/models/{number}/promote": OPERATOR_KEY,
    "POST /v1/models/{number}/withdraw": OPERATOR_KEY,
    "GET /v1/rollout": OPERATOR_KEY,
    "PUT /v1/models/{number}/preflight": OPERATOR_KEY,
    "POST /v1/models/{number}/limit": OPERATOR_KEY,
    "POST /v1/models/{number}/expand": OPERATOR_KEY,
    "POST /v1/models/{number}/fall-back": OPERATOR_KEY,
    "POST /v1/kill": OPERATOR_KEY,
    "POST /v1/release": OPERATOR_KEY,
    "POST /v1/freeze": OPERATOR_KEY,
    "POST /v1/unfreeze": OPERATOR_KEY,
    "GET /v1/audit-trail": OPERATOR_KEY,
    "POST /v1/retrain": OPERATOR_KEY,
    "POST /v1/revert": OPERATOR_KEY,
    "GET /v1/alarms": OPERATOR_KEY,
    "POST /v1/alarms/{alarm_id}/acknowledge": OPERATOR_KEY,
    "POST /v1/alarms/{alarm_id}/clear": OPERATOR_KEY,
}
LET_IN = {
    PERSON: {"reviewer", "operator", "admin"},
    OPERATOR: {"operator", "admin"},
    KEY: {"consumer's key", "operator's key"},
    OPERATOR_KEY: {"operator's key"},
}
FILLED = {"{number}": "999", "{sha256}": "0" * 64, "{digest}": "0" * 64}


LEAVING = "POST /sign-out"


def routes(served: Serving) -> set[str]:
    """Every method and path that the application answers, but for files of the static folder."""
    return {
        f"{method} {one.path}"
        for one in iter_route_contexts(served.app.routes)
        for method in getattr(one, "methods", None) or ()
        if method != "HEAD" and not str(one.path).startswith("/static")
    }


def send(served: Serving, who: str) -> Iterator[tuple[str, httpx.Response]]:
    """Every route with what this visitor has to show; the route that ends a sign-in comes last."""
    with VISITORS[who](served) as visitor:
        for route in sorted(MAY, key=lambda one: (one == LEAVING, one)):
            method, path = route.split()
            address = re.sub(r"{\w+}", lambda one: FILLED.get(one[0], "none"), path)
            # no body fits: who is let in is told so, or that there is no such thing
            yield route, visitor.request(method, address)


def let_in(route: str, answer: httpx.Response) -> bool:
    """Whether an answer is not a refusal of who asked."""
    if answer.status_code == 303:
        return not answer.headers["location"].startswith("/sign-in?next=")
    if answer.status_code == 401:
        # the form's own word about an empty password is not about who asks
        return route == "POST /sign-in"
    return answer.status_code != 403


def _nobody(served: Serving) -> httpx.Client:
    return httpx.Client(base_url=served.url, timeout=30)


def _person(role: str) -> Callable[[Serving], httpx.Client]:
    def come(served: Serving) -> httpx.Client:
        browser = Browser(served, f"one {role}", role)
        visitor = _nobody(served)
        visitor.cookies.update(browser.http.cookies)
        visitor.headers["X-CSRF-Token"] = browser.csrf
        return visitor

    return come


def _who_left(served: Serving) -> httpx.Client:
    browser = Browser(served, "one who left", "admin")
    visitor = _nobody(served)
    visitor.cookies.update(browser.http.cookies)
    visitor.headers["X-CSRF-Token"] = browser.csrf
    browser.submit("/sign-out")
    return visitor


def _whose_time_is_over(served: Serving) -> httpx.Client:
    browser = Browser(served, "one who slept", "admin")
    visitor = _nobody(served)
    visitor.cookies.update(browser.http.cookies)
    visitor.headers["X-CSRF-Token"] = browser.csrf
    token = hashlib.sha256(browser.http.cookies[COOKIE].encode()).hexdigest()
    with served.database.write() as session:
        session.get_one(SignIn, token).expires_at = wall_clock()
    return visitor


def _who_is_no_longer_here(served: Serving) -> httpx.Client:
    browser = Browser(served, "one who was let go", "admin")
    visitor = _nobody(served)
    visitor.cookies.update(browser.http.cookies)
    visitor.headers["X-CSRF-Token"] = browser.csrf
    with served.database.write() as session:
        (one,) = (who for who in people.people(session) if who.name == "one who was let go")
        one.active = False
    return visitor


def _forger(served: Serving) -> httpx.Client:
    visitor = _nobody(served)
    visitor.cookies.set(COOKIE, "0" * 64)
    visitor.headers["X-CSRF-Token"] = "0" * 64
    return visitor


def _key(consumer: str, role: str = "consumer") -> Callable[[Serving], httpx.Client]:
    def come(served: Serving) -> httpx.Client:
        visitor = _nobody(served)
        visitor.headers["Authorization"] = f"Bearer {served.key(consumer, role)}"
        return visitor

    return come


def _revoked(served: Serving) -> httpx.Client:
    visitor = _key("a shop that closed", "operator")(served)
    key = visitor.headers["Authorization"].removeprefix("Bearer ")
    with served.database.write() as session:
        caller = people.caller(session, key)
        assert caller is not None
        people.revoke_key(session, caller.key_prefix, wall_clock())
    return visitor


def _forged(served: Serving) -> httpx.Client:
    visitor = _nobody(served)
    visitor.headers["Authorization"] = f"Bearer {people.new_key()}"
    return visitor


VISITORS: dict[str, Callable[[Serving], httpx.Client]] = {
    "nobody": _nobody,
    "reviewer": _person("reviewer"),
    "operator": _person("operator"),
    "admin": _person("admin"),
    "consumer's key": _key("a shop"),
    "operator's key": _key("ops", "operator"),
    "revoked key": _revoked,
    "forged key": _forged,
    "forged sign-in": _forger,
    "ended sign-in": _who_left,
    "expired sign-in": _whose_time_is_over,
    "sign-in of who was let go": _who_is_no_longer_here,
}


def test_the_table_has_every_route_and_no_other(shared: Serving) -> None:
    assert routes(shared) == set(MAY)


def test_pages_take_bodies_by_post_alone(shared: Serving) -> None:
    """There the door asks for a sign-in before anything is read."""
    ways = {route.split()[0] for route in routes(shared) if " /v1/" not in route}
    assert ways == {"GET", "POST"}


@pytest.mark.parametrize("who", VISITORS)
def test_who_may_is_let_in_and_nobody_else(shared: Serving, who: str) -> None:
    told = {route: (answer, let_in(route, answer)) for route, answer in send(shared, who)}
    assert set(told) == set(MAY)
    wrong = {
        route: answer.status_code
        for route, (answer, inside) in told.items()
        if inside != (MAY[route] == ANYBODY or who in LET_IN[MAY[route]])
    }
    assert not wrong
    assert not {
        route: one.status_code for route, (one, _) in told.items() if one.status_code >= 500
    }
