"""Evidently's report of a window: the one file that imports it, and pandas.

It decides nothing. Every column is given a method by name, ours: its p-value is the one that the rule has found,
so the report cannot say something else than the verdict (its own choices flag most windows that have no drift).
The page it makes carries a script of 3.5 MB, the same in each: that is taken out and kept once, by digest.
"""

import hashlib
import re
import warnings
import zlib
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from monitoring.columns import CLASS, FEATURES, Table
from monitoring.rule import FLAGGED, Outcome
from monitoring.settings import forbid_telemetry

forbid_telemetry()
with warnings.catch_warnings():
    # what its dependencies will drop one day is nothing that this code could act on
    warnings.simplefilter("ignore")
    import evidently
    from evidently import DataDefinition, Dataset, Report
    from evidently.core.metric_types import (
        MetricTestResult,
        SingleValue,
        SingleValueCalculation,
        SingleValueMetric,
    )
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType
    from evidently.legacy.model.widget import BaseWidgetInfo
    from evidently.legacy.renderers.html_widgets import CounterData, WidgetSize, counter
    from evidently.legacy.tests.base_test import TestStatus
    from evidently.metrics import ValueDrift
    from evidently.metrics.column_statistics import ValueDriftBoundTest, ValueDriftTest

MADE_BY = f"evidently {evidently.__version__}"
METHOD = "ursa_rule"
SCRIPT_URL = "/drift/scripts/{sha256}.js"
TITLES = {
    FLAGGED: "Pictures outside of the domain: exact test of their count",
    FEATURES: "Where the features lie: maximum mean discrepancy",
}
# two thirds of a page without its script, and no part of these reports is written in it
_ICON_FONT = re.compile(r"url\(data:font/ttf;base64,[^)]*\) format\('woff2'\)")


@dataclass(frozen=True)
class Made:
    """A report: its own dump (JSON) and its page, both compressed by zlib, and the script that the page names."""

    body: bytes
    html: bytes
    script_sha256: str


def report(
    window: Table,
    reference: Table,
    tests: Mapping[str, Outcome],
    metadata: Mapping[str, str],
    now: datetime,
) -> Made:
    """The report of a window that was tested; what moved comes first, then what is no single column."""
    names = sorted(tests, key=lambda name: (not tests[name].drift, _is_column(name, window)))
    metrics = [_metric(name, tests[name], _is_column(name, window)) for name in names]
    columns = [name for name in names if _is_column(name, window)]
    definition = DataDefinition(
        numerical_columns=[name for name in columns if name != CLASS],
        categorical_columns=[name for name in columns if name == CLASS],
    )
    told = _told.set(dict(tests))
    try:
        snapshot = Report(metrics, metadata=dict(metadata), include_tests=True).run(
            Dataset.from_pandas(_frame(window, columns), data_definition=definition),
            Dataset.from_pandas(_frame(reference, columns), data_definition=definition),
            timestamp=now,
        )
    finally:
        _told.reset(told)
    sha256, _ = script()
    page = _without_script(snapshot.get_html_str(as_iframe=False), sha256)
    return Made(zlib.compress(snapshot.dumps().encode()), zlib.compress(page.encode()), sha256)


@lru_cache(maxsize=1)
def script() -> tuple[str, bytes]:
    """The script that all reports of this version of Evidently share: SHA-256, and the bytes compressed by zlib."""
    body = _script_file().read_bytes()
    return hashlib.sha256(body).hexdigest(), zlib.compress(body)


_told: ContextVar[Mapping[str, Outcome]] = ContextVar("told")


def _found(
    _reference: Any, current: Any, _kind: ColumnType, _threshold: float
) -> tuple[float, bool]:
    outcome = _told.get()[str(current.name)]
    return outcome.p_value, outcome.drift


register_stattest(
    StatTest(
        name=METHOD,
        display_name="permutation test, adjusted for its family",
        allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
    ),
    _found,
)


class RuleTest(SingleValueMetric):  # type: ignore[misc]  # Evidently ships no types
    """A test of the rule that is about no single column: the count of flags, the features as a whole."""

    test: str


class RuleTestCalculation(SingleValueCalculation[RuleTest]):  # type: ignore[misc]  # as above
    """Puts what the rule has found into the report: the p-value is the metric's value, the verdict its test."""

    def display_name(self) -> str:
        """The test's name, for people."""
        test = str(self.metric.test)
        return TITLES.get(test, test)

    def calculate(
        self, context: Any, current_data: Dataset, reference_data: Dataset | None
    ) -> SingleValue:
        """Nothing is calculated: it was, before."""
        del context, current_data, reference_data
        outcome = _told.get()[self.metric.test]
        result = self.result(outcome.p_value)
        result.set_tests([self._test(outcome)])
        result.widget = [self._widget(outcome)]
        return result

    def _test(self, outcome: Outcome) -> MetricTestResult:
        return MetricTestResult(
            id="drift",
            name=self.display_name(),
            description=_sentence(outcome),
            status=TestStatus.FAIL if outcome.drift else TestStatus.SUCCESS,
            metric_config=self.to_metric_config(),
            test_config={},
            bound_test=ValueDriftBoundTest(
                test=ValueDriftTest(), metric_fingerprint=self.to_metric().metric_id
            ),
        )

    def _widget(self, outcome: Outcome) -> BaseWidgetInfo:
        verdict = "Drift detected." if outcome.drift else "No drift detected."
        figures = [
            CounterData("p-value", f"{outcome.p_value:.3g}"),
            CounterData("distance", f"{outcome.distance:.3f}"),
            CounterData("at least", f"{outcome.low:.3f}"),
        ]
        title = f"{self.display_name()}. {verdict}"
        return counter(title=title, counters=figures, size=WidgetSize.FULL)


def _sentence(outcome: Outcome) -> str:
    return (
        f"p = {outcome.p_value:.3g} (needed {outcome.threshold:g}), distance {outcome.distance:.3f}, "
        f"at least {outcome.low:.3f} (needed {outcome.least:g})."
    )


def _metric(name: str, outcome: Outcome, is_column: bool) -> ValueDrift | RuleTest:
    if is_column:
        return ValueDrift(column=name, method=METHOD, threshold=outcome.threshold)
    return RuleTest(test=name)


def _is_column(name: str, table: Table) -> bool:
    return name == CLASS or name in table.numbers


def _frame(table: Table, names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: table.classes if name == CLASS else table.numbers[name] for name in names}
    )


def _without_script(page: str, sha256: str) -> str:
    embedded = f"<script>{_script_file().read_text(encoding='utf-8')}</script>"
    before, found, after = _ICON_FONT.sub("local('')", page).partition(embedded)
    if not found:
        raise RuntimeError(f"{MADE_BY} does not put its script where this code looks for it")
    return f'{before}<script src="{SCRIPT_URL.format(sha256=sha256)}"></script>{after}'


def _script_file() -> Path:
    return Path(evidently.__file__).parent / "nbextension/static/index.js"
