import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import lacking
from tests.deploy.watching import PROMETHEUS, ROOT, RUNBOOKS, read, rules

ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
HEADINGS = ["## What it means", "## What to look at", "## What to do"]
# pages of the service that an alert may lead to
LINKS = ("/", "/review", "/models", "/rollout", "/drift", "/right", "/drift?alarm=")


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        lacking("Prometheus" if name == "promtool" else "Alertmanager")
    return path


def run(*words: str) -> str:
    done = subprocess.run([tool(words[0]), *words[1:]], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_its_configuration_and_every_rule() -> None:
    said = run("promtool", "check", "config", "deploy/prometheus/prometheus.yml")
    assert f"{len(ALERTS)} rules found" in said
    assert len(ALERTS) >= 12


def test_alertmanager_takes_its_configuration() -> None:
    assert "SUCCESS" in run("amtool", "check-config", "deploy/alertmanager/alertmanager.yml")


def test_a_page_and_a_ticket_go_different_ways() -> None:
    tool("amtool")
    ways = {
        severity: run(
            "amtool", "config", "routes", "test",
            "--config.file=deploy/alertmanager/alertmanager.yml", f"severity={severity}",
        ).strip()
        for severity in ("page", "ticket")
    }  # fmt: skip
    assert ways == {"page": "page", "ticket": "ticket"}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_when_it_must_and_is_silent_when_it_must(name: str) -> None:
    path = PROMETHEUS / f"tests/{name}.yml"
    cases = [one for group in read(path)["tests"] for one in group["alert_rule_test"]]
    assert {one["alertname"] for one in cases} == {name}
    fires = [one for one in cases if one["exp_alerts"]]
    assert fires
    assert len(fires) < len(cases), "there is no case in which it stays silent"
    for one in fires:
        (alert,) = one["exp_alerts"]
        assert alert["exp_annotations"]["runbook_url"].endswith(f"/{name}.md")
    run("promtool", "test", "rules", str(path))


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_severity_a_runbook_and_a_link(name: str) -> None:
    rule: dict[str, Any] = ALERTS[name]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["for"]
    notes: dict[str, str] = rule["annotations"]
    assert set(notes) == {"summary", "description", "link", "runbook_url"}
    assert notes["runbook_url"] == "{{ $externalLabels.runbooks }}/" + name + ".md"
    base = "{{ $externalLabels.ursa }}"
    assert notes["link"].startswith(base)
    assert re.sub(r"\{\{.*?\}\}", "", notes["link"]) in LINKS
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    assert re.findall(r"^## .*", page, re.M) == HEADINGS


def test_there_is_no_runbook_and_no_test_of_an_alert_that_is_gone() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(ALERTS)
    assert {path.stem for path in (PROMETHEUS / "tests").glob("*.yml")} == set(ALERTS)


def test_a_rule_on_a_share_has_a_least_volume_beside_it() -> None:
    shares = [name for name, rule in ALERTS.items() if ":ratio_" in rule["expr"]]
    assert len(shares) >= 6
    for name in shares:
        assert ":increase" in ALERTS[name]["expr"], name


def test_the_guide_says_which_alerts_page() -> None:
    guide = (ROOT / "docs/guides/ops.md").read_text()
    pages = {name for name, rule in ALERTS.items() if rule["labels"]["severity"] == "page"}
    table = guide[guide.index("## The budget of pages") :]
    assert set(re.findall(r"^\| `(Ursa\w+)`", table, re.M)) == pages


def test_links_inside_the_runbooks_lead_somewhere() -> None:
    for path in RUNBOOKS.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / link).resolve().exists(), f"{path.name}: {link}"


def test_a_record_is_named_level_metric_operations() -> None:
    for rule in rules("rules.yml"):
        assert re.fullmatch(r"(job|score|segment):ursa_[a-z_]+:[a-z0-9_]+", rule["record"])


def test_the_scrape_configuration_is_what_make_run_serves() -> None:
    jobs = read(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    targets = {one["job_name"]: one["static_configs"][0]["targets"] for one in jobs}
    assert targets == {
        "ursa-service": ["127.0.0.1:8000"],
        "ursa-monitoring": ["127.0.0.1:8001"],
        "ursa-retrain": ["127.0.0.1:8002"],
    }
    assert Path(ROOT / "deploy/settings.py").read_text().count("METRICS_PORT") >= 2
