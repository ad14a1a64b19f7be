"""From a list of panels to a dashboard as Grafana provisions it.

Every query goes through the variables `datasource`, `job` and `instance`; in a query, `%` stands for the matchers of
the last two. Nothing here knows what the panels are about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_SCHEMA = 38
_WIDE = 24
_MATCHERS = 'job=~"$job", instance=~"$instance"'
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """One panel: queries with their legends, a unit of Grafana's, and what it says in a sentence or two."""

    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    kind: str = "timeseries"
    width: int = 8
    top: float | None = None
    # value and colour from there on, for what has a limit; the words of the axis say it too
    steps: Sequence[tuple[float, str]] = ()
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Variable:
    """A choice at the top of a dashboard: a label's values, of one metric."""

    name: str
    label: str
    query: str


# of what a version answered: the choice of two dashboards
VERSION = Variable(
    "version", "Model version", 'label_values(ursa_version_answers_total{job=~"$job"}, version)'
)


def rate_by(label: str, metric: str, matchers: str = "") -> tuple[str, str]:
    """A counter's rate by a label, which is the legend too; `matchers` begin with a comma."""
    return (
        f"sum by ({label}) (rate({metric}{{%{matchers}}}[$__rate_interval]))",
        f"{{{{{label}}}}}",
    )


def gauge_by(label: str, metric: str) -> tuple[str, str]:
    """A gauge by a label, which is the legend too: the largest, since every process tells the same rows."""
    return f"max by ({label}) ({metric}{{%}})", f"{{{{{label}}}}}"


def dashboard(
    uid: str, title: str, rows: Sequence[tuple[str, Sequence[Panel]]], variables: Sequence[Variable]
) -> dict[str, Any]:
    """The whole JSON; `rows` are titles with their panels, laid out from left to right."""
    chosen = [
        Variable("job", "Job", 'label_values(process_start_time_seconds{job=~"ursa-.+"}, job)'),
        Variable(
            "instance",
            "Instance",
            'label_values(process_start_time_seconds{job=~"$job"}, instance)',
        ),
        *variables,
    ]
    return {
        "uid": uid,
        "title": title,
        "tags": ["ursa"],
        "editable": False,
        "schemaVersion": _SCHEMA,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_datasource(), *(_variable(one) for one in chosen)]},
        "panels": list(_laid_out(rows)),
    }


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "refresh": 1,
    }


def _variable(one: Variable) -> dict[str, Any]:
    return {
        "name": one.name,
        "label": one.label,
        "type": "query",
        "datasource": _SOURCE,
        "query": one.query,
        "definition": one.query,
        "includeAll": True,
        "multi": True,
        "allValue": ".+",
        "current": {"selected": True, "text": "All", "value": "$__all"},
        "refresh": 2,
        "sort": 1,
    }


def _laid_out(rows: Sequence[tuple[str, Sequence[Panel]]]) -> Any:
    number, x, y, height = 0, 0, 0, 7
    for title, panels in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": _WIDE, "h": 1},
        }
        x, y = 0, y + 1
        for panel in panels:
            number += 1
            if x + panel.width > _WIDE:
                x, y = 0, y + height
            place = {"x": x, "y": y, "w": panel.width, "h": height}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            x += panel.width
        y += height


def _panel(panel: Panel) -> dict[str, Any]:
    steps = [{"value": None, "color": "green"}, *({"value": v, "color": c} for v, c in panel.steps)]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": [
            {
                "type": "value",
                "options": {said: {"text": text} for said, text in panel.words.items()},
            }
        ]
        if panel.words
        else [],
    }
    if panel.top is not None:
        defaults |= {"min": 0, "max": panel.top}
    if panel.kind == "timeseries":
        style = "area" if panel.steps else "off"
        defaults["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 8,
            "showPoints": "never",
            "thresholdsStyle": {"mode": style},
        }
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel.kind),
        "targets": [
            _target(place, query, legend, panel.kind)
            for place, (query, legend) in enumerate(panel.queries)
        ],
    }


def _options(kind: str) -> dict[str, Any]:
    if kind == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if kind == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"]},
            "colorMode": "value",
            "graphMode": "area",
        }
    return {
        "reduceOptions": {"calcs": ["lastNotNull"]},
        "displayMode": "basic",
        "orientation": "horizontal",
    }


def _target(place: int, query: str, legend: str, kind: str) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + place),
        "datasource": _SOURCE,
        "expr": query.replace("%", _MATCHERS),
        "legendFormat": legend,
        "range": kind == "timeseries",
        "instant": kind != "timeseries",
    }
