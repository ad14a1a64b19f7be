import ast
import hashlib
import json
import os
import re
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from monitoring import drift, rule
from monitoring.columns import CLASS, FEATURES, Table, comparable
from monitoring.drift import Made
from monitoring.flag_counts import Flags
from monitoring.rule import FLAGGED, Outcome
from service.headers import REPORT_HEADERS
from tests.store.given import NOW

ROOT = Path(__file__).parents[2]
TOO_MANY = Flags(30, 60, 3, 120)


def table(count: int, seed: int, shift: float = 0.0) -> Table:
    rng = np.random.default_rng(seed)
    names = ("brightness", "confidence", "look_score")
    numbers = {name: rng.normal(size=count) for name in names}
    numbers["brightness"] += shift
    features = rng.normal(size=(count, 8)) + shift
    return Table(numbers, rng.choice(["bear", "teddy"], count).tolist(), {FEATURES: features})


def made(window: Table, reference: Table) -> tuple[Made, dict[str, Outcome]]:
    window, reference, _ = comparable(window, reference)
    tests = rule.outcomes(window, reference, TOO_MANY, seed=1)
    return drift.report(window, reference, tests, {"model_version": "3"}, NOW), tests


@pytest.fixture(scope="module")
def shifted() -> tuple[Made, dict[str, Outcome]]:
    return made(table(60, 1, shift=2.0), table(120, 2))


def page(report: Made) -> str:
    return zlib.decompress(report.html).decode()


def body(report: Made) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(report.body))
    return found


def told(report: Made) -> dict[str, tuple[float, bool]]:
    """What the report says of each column, in its order: its score, and whether that is drift."""
    results, said = body(report), {}
    for metric in results["top_level_metrics"]:
        one = results["metric_results"][metric]
        params = one["metric_value_location"]["metric"]["params"]
        said[params.get("column") or params["test"]] = (
            one["value"],
            one["tests"][0]["status"] == "FAIL",
        )
    return said


def test_the_report_says_what_the_rule_has_found_and_nothing_else(
    shifted: tuple[Made, dict[str, Outcome]],
) -> None:
    report, tests = shifted
    said = told(report)
    moved = {name for name, (_, drifted) in said.items() if drifted}
    assert moved == {"brightness", FEATURES, FLAGGED}
    assert set(said) == set(tests)
    for name, (score, drifted) in said.items():
        assert (score, drifted) == (tests[name].p_value, tests[name].drift)


def test_what_moved_comes_first_and_what_is_no_single_column_before_the_columns(
    shifted: tuple[Made, dict[str, Outcome]],
) -> None:
    names = list(told(shifted[0]))
    assert names[:3] == [FLAGGED, FEATURES, "brightness"]
    assert set(names[3:]) == {"confidence", "look_score", CLASS}


def test_what_is_certain_and_too_small_is_no_drift_in_the_report_either() -> None:
    outcome = Outcome("properties", 0.1, 0.1, 0.01, 0.05, 0.1, 0.001, 0.01)
    tests = {"brightness": outcome, FEATURES: outcome}
    report = drift.report(table(30, 1), table(60, 2), tests, {}, NOW)
    assert told(report) == {"brightness": (0.001, False), FEATURES: (0.001, False)}


def test_the_report_knows_what_it_is_about(shifted: tuple[Made, dict[str, Outcome]]) -> None:
    assert body(shifted[0])["metadata"] == {"model_version": "3"}
    assert body(shifted[0])["timestamp"].startswith(NOW.isoformat()[:19])
    assert re.fullmatch(r"evidently 0\.7\.\d+", drift.MADE_BY)


def test_the_page_names_the_script_that_all_reports_share(
    shifted: tuple[Made, dict[str, Outcome]],
) -> None:
    sha256, packed = drift.script()
    assert hashlib.sha256(zlib.decompress(packed)).hexdigest() == sha256
    assert shifted[0].script_sha256 == sha256
    assert page(shifted[0]).count(f'<script src="/drift/scripts/{sha256}.js"></script>') == 1
    assert len(shifted[0].html) < 100_000
    assert len(shifted[0].body) < 300_000
    # nothing is fetched from anywhere else
    assert set(re.findall(r"""(?:src|href)=["']([^"']+)""", page(shifted[0]))) == {
        f"/drift/scripts/{sha256}.js"
    }


@pytest.mark.parametrize("window", [2, 5, 12])
def test_a_window_with_fewer_rows_than_columns_has_a_report(window: int) -> None:
    report, _ = made(table(window, 3), table(60, 4))
    assert set(told(report)) >= {"brightness", "confidence"}


def test_constant_columns_and_a_single_class_do_not_break_the_report() -> None:
    one, other = table(30, 5), table(60, 6)
    flat = {"brightness": np.ones(30)}
    window = Table({**one.numbers, **flat, "aspect": np.zeros(30)}, ["bear"] * 30)
    reference = Table({**other.numbers, "aspect": np.zeros(60)}, ["bear"] * 60)
    report, tests = made(window, reference)
    assert {"aspect", CLASS}.isdisjoint(tests)
    assert told(report)["brightness"] == (tests["brightness"].p_value, True)


def test_a_class_that_was_never_seen_has_a_report() -> None:
    window = Table(table(30, 7).numbers, ["teddy"] * 30)
    report, _ = made(window, Table(table(60, 8).numbers, ["bear"] * 60))
    assert told(report)[CLASS] == (0.001, True)


def test_evidently_and_pandas_are_imported_in_one_file_and_told_not_to_report() -> None:
    files = [path for room in ("monitoring", "service", "store", "classifier", "retrain")
             for path in (ROOT / room).rglob("*.py")]  # fmt: skip
    importing = {path.relative_to(ROOT).as_posix() for path in files if imports(path)}
    assert importing == {"monitoring/drift.py"}
    assert os.environ["DO_NOT_TRACK"] == "1"  # noqa: TID251  # what the library sees


def imports(path: Path) -> bool:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(one.name.split(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return bool(names & {"evidently", "pandas"})


@contextmanager
def served(
    answers: Mapping[str, tuple[bytes, Mapping[str, str]]],
) -> Iterator[tuple[str, list[str]]]:
    """A web server of these answers by path; its address, and the paths it was asked for and has not."""
    missed: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path)
            if found is None:
                missed.append(self.path)
            self.send_response(200 if found else 404)
            content, headers = found or (b"", {})
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", missed
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.browser
def test_the_page_is_drawn_in_a_sandboxed_frame_that_may_reach_nothing(
    chromium: str, shifted: tuple[Made, dict[str, Outcome]]
) -> None:
    sha256, packed = drift.script()
    answers: dict[str, tuple[bytes, Mapping[str, str]]] = {
        "/": (b'<iframe sandbox="allow-scripts" src="/report"></iframe>', {"Content-Type": "text/html"}),
        "/report": (
            page(shifted[0]).encode(),
            {"Content-Type": "text/html; charset=utf-8", **REPORT_HEADERS},
        ),
        f"/drift/scripts/{sha256}.js": (
            zlib.decompress(packed),
            {"Content-Type": "text/javascript", "Cross-Origin-Resource-Policy": "cross-origin"},
        ),
        "/favicon.ico": (b"", {}),
    }  # fmt: skip
    errors: list[str] = []
    with served(answers) as (address, missed), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        tab.goto(address)
        frame = tab.frame_locator("iframe")
        frame.get_by_text("Drift in column 'brightness'").wait_for()
        frame.get_by_text("Data drift detected.").first.wait_for()
        assert frame.locator(".js-plotly-plot").count() > 0  # the figures, not only the words
        frame.get_by_role("tab", name="Tests").click()
        frame.get_by_text("Value Drift for column brightness").wait_for()
        browser.close()
    assert (errors, missed) == ([], [])
