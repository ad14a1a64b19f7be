"""The committed configuration of what watches Ursa, as tests read it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RUNBOOKS = ROOT / "docs/runbooks"


@dataclass(frozen=True)
class Query:
    """One query of a panel or a rule, with a name that a failing test can show."""

    where: str
    expr: str


def read(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())


def rules(name: str) -> list[dict[str, Any]]:
    """The rules of `rules.yml` or `alerts.yml`."""
    return [rule for group in read(PROMETHEUS / name)["groups"] for rule in group["rules"]]


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Its panels without the rows that only carry a title."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def of_panels() -> list[Query]:
    """Every query of every panel, and of every variable (as a query that returns its series)."""
    found = []
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text())
        for panel in panels(dashboard):
            found += [
                Query(f"{path.stem}: {panel['title']}", target["expr"])
                for target in panel["targets"]
            ]
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                selector = variable["query"].removeprefix("label_values(").rsplit(",", 1)[0]
                found.append(Query(f"{path.stem}: ${variable['name']}", selector))
    return found
