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

from monitoring.columns import CLASS, Table
from monitoring.rule import Outcome
from monitoring.settings import forbid_telemetry

forbid_telemetry()
with warnings.catch_warnings():
    # what its dependencies will drop one day is nothing that this code could act on
    warnings.simplefilter("ignore")
    import evidently
    from evidently import DataDefinition, Dataset, Report
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType
    from evidently.metrics import ValueDrift

MADE_BY = f"evidently {evidently.__version__}"
METHOD = "ursa_rule"
SCRIPT_URL = "/drift/scripts/{sha256}.js"
# of 32 projected features the leading ones, and whichever moved
LEADING = ("pca_00", "pca_01", "pca_02", "pca_03")
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
    """The report of a window whose columns were tested; those that moved come first."""
    names = _shown(tests)
    metrics = [
        ValueDrift(column=name, method=METHOD, threshold=tests[name].threshold) for name in names
    ]
    definition = DataDefinition(
        numerical_columns=[name for name in names if name != CLASS],
        categorical_columns=[name for name in names if name == CLASS],
    )
    p_values = _p_values.set({name: tests[name].p_value for name in names})
    try:
        snapshot = Report(metrics, metadata=dict(metadata), include_tests=True).run(
            Dataset.from_pandas(_frame(window, names), data_definition=definition),
            Dataset.from_pandas(_frame(reference, names), data_definition=definition),
            timestamp=now,
        )
    finally:
        _p_values.reset(p_values)
    sha256, _ = script()
    page = _without_script(snapshot.get_html_str(as_iframe=False), sha256)
    return Made(zlib.compress(snapshot.dumps().encode()), zlib.compress(page.encode()), sha256)


@lru_cache(maxsize=1)
def script() -> tuple[str, bytes]:
    """The script that all reports of this version of Evidently share: SHA-256, and the bytes compressed by zlib."""
    body = _script_file().read_bytes()
    return hashlib.sha256(body).hexdigest(), zlib.compress(body)


_p_values: ContextVar[Mapping[str, float]] = ContextVar("p_values")


def _found(
    _reference: Any, current: Any, _kind: ColumnType, threshold: float
) -> tuple[float, bool]:
    p = _p_values.get()[str(current.name)]
    return p, p <= threshold


register_stattest(
    StatTest(
        name=METHOD,
        display_name="permutation test, adjusted for its family",
        allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
    ),
    _found,
)


def _shown(tests: Mapping[str, Outcome]) -> list[str]:
    names = [
        name
        for name, test in tests.items()
        if test.family != "flags" and (test.drift or not name.startswith("pca_") or name in LEADING)
    ]
    return sorted(names, key=lambda name: (not tests[name].drift, names.index(name)))


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
