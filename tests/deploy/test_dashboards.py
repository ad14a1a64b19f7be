"""The rules of Grafana's dashboard linter, as far as they concern Prometheus; none is excluded.

The two rules about Loki have nothing to look at here: no panel asks it. That a query is valid is said by a real
Prometheus (test_prometheus.py).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.__main__ import DASHBOARDS as BUILT
from deploy.grafana.__main__ import FOLDER, written
from tests.deploy.watching import DASHBOARDS, of_panels, panels

Dashboard = dict[str, Any]
LEAST_PANELS = 30
_SELECTOR = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"\[([^\]]+)\]")
# what a metric that only grows may be given to
_OF_COUNTERS = re.compile(r"(?:rate|increase)\($")
_COUNTER = re.compile(r"ursa_[a-z_]+_(?:total|bucket|count|sum)\b")


@pytest.fixture(params=DASHBOARDS, ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    path: Path = request.param
    read: Dashboard = json.loads(path.read_text())
    return read


def variable(dashboard: Dashboard, name: str) -> Dashboard:
    (one,) = [one for one in dashboard["templating"]["list"] if one["name"] == name]
    found: Dashboard = one
    return found


def exprs(dashboard: Dashboard) -> list[str]:
    return [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]


@pytest.mark.parametrize("name", BUILT)
def test_what_is_committed_is_what_the_lists_of_panels_make(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == written(name)


def test_there_are_three_dashboards_with_panels_enough() -> None:
    every = [panel for path in DASHBOARDS for panel in panels(json.loads(path.read_text()))]
    assert len(DASHBOARDS) == 3
    assert len(every) >= LEAST_PANELS


def test_template_datasource_rule(dashboard: Dashboard) -> None:
    sources = [one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]
    assert [(one["name"], one["label"], one["query"]) for one in sources] == [
        ("datasource", "Data source", "prometheus")
    ]


@pytest.mark.parametrize(("name", "label"), [("job", "Job"), ("instance", "Instance")])
def test_template_job_and_instance_rules(dashboard: Dashboard, name: str, label: str) -> None:
    one = variable(dashboard, name)
    assert one["datasource"]["uid"] == "${datasource}"
    assert (one["type"], one["label"], one["multi"], one["allValue"]) == (
        "query",
        label,
        True,
        ".+",
    )


def test_template_label_promql_rule_and_reload_on_time_change(dashboard: Dashboard) -> None:
    queries = [one for one in dashboard["templating"]["list"] if one["type"] == "query"]
    assert {"job", "instance", "version", "segment"} == {one["name"] for one in queries}
    for one in queries:
        assert re.fullmatch(r"label_values\(.+, \w+\)", one["query"])
        assert one["refresh"] == 2, one["name"]


def test_panel_datasource_rule(dashboard: Dashboard) -> None:
    for panel in panels(dashboard):
        uids = {panel["datasource"]["uid"], *(one["datasource"]["uid"] for one in panel["targets"])}
        assert uids == {"${datasource}"}, panel["title"]


def test_panel_title_description_rule(dashboard: Dashboard) -> None:
    titles = [panel["title"] for panel in panels(dashboard)]
    assert len(set(titles)) == len(titles)
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"].endswith((".", "?")), panel["title"]


def test_panel_units_rule(dashboard: Dashboard) -> None:
    units = {"reqps", "ops", "s", "percentunit", "short", "none", "bytes"}
    for panel in panels(dashboard):
        assert panel["fieldConfig"]["defaults"]["unit"] in units, panel["title"]


def test_panel_no_targets_rule(dashboard: Dashboard) -> None:
    assert all(panel["targets"] for panel in panels(dashboard))


def test_target_job_and_instance_rules(dashboard: Dashboard) -> None:
    for expr in exprs(dashboard):
        # a name of a metric that stands without braces has no matchers at all
        assert not re.search(r"\bursa_[a-z_]+(?![a-z_]*\{)", expr), expr
        for matchers in _SELECTOR.findall(expr):
            assert 'job=~"$job"' in matchers, expr
            assert 'instance=~"$instance"' in matchers, expr


def test_target_rate_interval_rule(dashboard: Dashboard) -> None:
    for expr in exprs(dashboard):
        assert set(_RANGE.findall(expr)) <= {"$__rate_interval"}, expr


def test_target_counter_agg_rule(dashboard: Dashboard) -> None:
    for expr in exprs(dashboard):
        for found in _COUNTER.finditer(expr):
            assert _OF_COUNTERS.search(expr[: found.start()]), expr


def test_uneditable_dashboard(dashboard: Dashboard) -> None:
    assert dashboard["editable"] is False


def test_panels_lie_beside_and_not_upon_each_other(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        mine = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & mine, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= mine


def test_the_variables_of_version_and_segment_are_used(dashboard: Dashboard) -> None:
    text = " ".join(exprs(dashboard))
    assert "$version" in text
    assert "$segment" in text


def test_every_query_is_one_line_that_names_a_metric() -> None:
    for query in of_panels():
        assert re.search(r"(ursa|process)_", query.expr), query
        assert "\n" not in query.expr
