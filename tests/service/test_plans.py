"""What the OpenAPI document says of a plan, and what the store takes: the same."""

from typing import Any

import jsonschema_rs
import pytest

from store import preflight
from store.errors import Invalid
from tests.service.serving import Serving

RISK = {
    "risk": "it is wrong",
    "metric": "ursa_accuracy_ratio",
    "alert": "UrsaAccuracyLow",
    "owner": "olga",
}
HELD = {"hold_seconds": 60, "at_limit": "people"}
NIGHT = {"times": [["22:00", "06:00"]], "zone": "Europe/Berlin"}
FITS = [
    {},
    {"answers": {"objective": "", "harm": "x" * 4000}},
    {"risks": [RISK]},
    {"steps": [0.5, 0.1]},
    {"scope": None},
    {"scope": {}},
    {"scope": {"consumers": ["shop"], "segments": [], "subjects": [" a"]}},
    {"scope": {"zone": None, "days": []}},
    {"scope": {"days": ["monday", "monday"], "zone": "UTC"}},
    {"scope": NIGHT},
    {"scope": HELD},
    {"scope": {"hold_seconds": None, "at_limit": None}},
    {"scope": {"share": 1, "expires_at": "2026-05-01T18:00:00+02:00"}},
    {"scope": {"expires_at": None}},
]
NEITHER = [
    {"answers": {"why": "so"}},
    {"answers": {"harm": "x" * 4001}},
    {"risks": [{**RISK, "owner": " \x1f"}]},
    {"risks": [{**RISK, "metric": "ursa_luck"}]},
    {"risks": [{**RISK, "alert": "doom"}]},
    {"risks": [{"risk": "x"}]},
    {"risks": [{**RISK, "cost": "1"}]},
    {"risks": [RISK] * 51},
    {"steps": []},
    {"steps": [0.0]},
    {"steps": [1.0]},
    {"steps": [0.1, 0.1]},
    {"scope": "zoo"},
    {"scope": {"moon": 1}},
    {"scope": {"consumers": None}},
    {"scope": {"consumers": [" "]}},
    {"scope": {"subjects": ["x" * 201]}},
    {"scope": {"days": ["monday"]}},
    {"scope": {"days": ["monday"], "zone": None}},
    {"scope": {"days": ["someday"], "zone": "UTC"}},
    {"scope": {"times": [["08:00", "18:00"]]}},
    {"scope": {"times": [["08:00", "08:00"]], "zone": "UTC"}},
    {"scope": {"times": [["08:00"]], "zone": "UTC"}},
    {"scope": {"times": [["8:00", "24:00"]], "zone": "UTC"}},
    {"scope": {"zone": "Mars/Olympus"}},
    {"scope": {"zone": "localtime"}},
    {"scope": {"share": 0}},
    {"scope": {"share": 1.1}},
    {"scope": {"share": True}},
    {"scope": {"share": None}},
    {"scope": {"hold_seconds": 60}},
    {"scope": {"at_limit": "people"}},
    {"scope": {**HELD, "at_limit": "nobody"}},
    {"scope": {**HELD, "hold_seconds": 0}},
    {"scope": {**HELD, "hold_seconds": 1.5}},
    {"scope": {"expires_at": "tomorrow"}},
    {"scope": {"expires_at": "2026-05-01T18:00:00"}},
]


@pytest.mark.parametrize("plan", FITS)
def test_a_plan_that_fits_is_one(shared: Serving, plan: dict[str, Any]) -> None:
    described(shared).validate(plan)
    preflight.parse(plan)


@pytest.mark.parametrize("plan", NEITHER)
def test_a_plan_that_does_not_fit_is_none(shared: Serving, plan: dict[str, Any]) -> None:
    assert not described(shared).is_valid(plan)
    with pytest.raises(Invalid):
        preflight.parse(plan)


def test_a_scope_is_the_same_wherever_it_is_sent(shared: Serving) -> None:
    planned, given = (
        schema(shared, name)["properties"]["scope"] for name in ("Preflight", "Limit")
    )
    assert planned == given


def schema(served: Serving, name: str) -> dict[str, Any]:
    found: dict[str, Any] = served.app.openapi()["components"]["schemas"][name]
    return found


def described(served: Serving) -> jsonschema_rs.Draft202012Validator:
    plan = schema(served, "Preflight")
    return jsonschema_rs.Draft202012Validator(plan, validate_formats=True)
