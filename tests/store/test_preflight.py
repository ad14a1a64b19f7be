"""The questions before a rollout: what may be written, what is lacking, and that metrics and alerts exist."""

import re
from pathlib import Path
from typing import Any

import pytest

from monitoring import metrics as of_monitoring
from service import metrics as of_service
from store import preflight
from store.errors import Invalid
from tests.store.rolling import PLAN

ROOT = Path(__file__).parents[2]
RISK = PLAN["risks"][0]


def test_every_metric_that_a_risk_may_name_is_exported() -> None:
    exported = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for program in (of_service, of_monitoring)
        for metric in program.REGISTRY.collect()
    }
    assert set(preflight.METRICS) <= exported


def test_every_alert_that_a_risk_may_name_is_a_rule() -> None:
    rules = (ROOT / "deploy/prometheus/alerts.yml").read_text()
    assert set(preflight.ALERTS) <= set(re.findall(r"alert: (\w+)", rules))


def test_nothing_is_lacking_when_all_is_answered() -> None:
    kept, risks = preflight.parse(PLAN)
    assert preflight.lacks(kept, risks) == []
    assert preflight.lacks(None, None) == [
        *preflight.QUESTIONS.values(),
        "The register of risks holds no risk yet.",
    ]
    some, _ = preflight.parse({"answers": {"objective": " warn ", "harm": "  "}})
    assert some["answers"] == {"objective": "warn"}
    assert len(preflight.lacks(some, risks)) == len(preflight.QUESTIONS) - 1


def test_the_next_step_is_the_next_larger_of_the_plan() -> None:
    # in whatever order they were written
    kept, _ = preflight.parse({"steps": [0.4, 0.1]})
    assert kept["steps"] == [0.1, 0.4]
    assert [preflight.next_step(kept, share) for share in (0.0, 0.1, 0.2, 0.4)] == [
        0.1,
        0.4,
        0.4,
        None,
    ]
    assert preflight.next_step(None, 0.0) == preflight.STEPS[0]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"dreams": 1}, "no part dreams"),
        ({"answers": {"why": "so"}}, "no question why"),
        ({"answers": {"harm": 7}}, "must be a text"),
        ({"answers": {"harm": "x" * 4001}}, "at most 4000"),
        ({"scope": {"moon": 1}}, "knows no moon"),
        ({"scope": "zoo"}, "must be a table"),
        ({"steps": [0.1, 0.5, 0.1]}, "said once"),
        ({"steps": [0.5, 1.0]}, "below 1"),
        ({"steps": []}, "list of shares"),
        ({"risks": [{**RISK, "metric": "ursa_luck"}]}, "no metric 'ursa_luck'"),
        ({"risks": [{**RISK, "alert": "doom"}]}, "no alert 'doom'"),
        ({"risks": [{**RISK, "owner": " "}]}, "owner must be said"),
        ({"risks": [{"risk": "x"}]}, "has exactly"),
        ({"risks": [RISK] * 51}, "at most 50"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        preflight.parse(given)
