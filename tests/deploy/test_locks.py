import re
from pathlib import Path

import pytest

LOCKS = Path(__file__).parents[2] / "deploy/locks"
NAMES = ("bootstrap", "development", "service", "monitoring", "retrain")


def versions(name: str) -> dict[str, set[str]]:
    """Package -> versions; more than one where they differ by Python."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9-]+)==(\S+)", text(name), re.M):
        found.setdefault(package, set()).add(version)
    return found


def text(name: str) -> str:
    return (LOCKS / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_package_has_a_hash_and_no_address(name: str) -> None:
    entries = re.split(r"\n(?=\S)", text(name).strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text(name)
    assert not re.search(r"^--?\w", text(name), re.M)


@pytest.mark.parametrize("heavy", ["torch", "torchvision", "fastai", "timm", "pandas", "evidently"])
def test_the_web_process_carries_no_training_and_no_reports(heavy: str) -> None:
    assert heavy not in versions("service")


@pytest.mark.parametrize("name", ["service", "monitoring", "retrain"])
def test_an_image_gets_the_versions_that_were_tested(name: str) -> None:
    tested = versions("development")
    assert {package: tested[package] for package in versions(name)} == versions(name)


def test_an_image_has_what_it_is_for() -> None:
    for name, packages in {
        "service": {"fastapi", "uvicorn", "onnxruntime", "sqlalchemy", "psycopg"},
        "monitoring": {"evidently", "pandas", "sqlalchemy"},
        "retrain": {"fastai", "torch", "onnx", "sqlalchemy"},
        "bootstrap": {"uv"},
    }.items():
        assert packages <= versions(name).keys()
