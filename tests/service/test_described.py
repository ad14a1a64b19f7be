"""The service answers as its OpenAPI document says, asked by schemathesis with everything that fits and does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.serving import Serving


def test_schemathesis_finds_nothing(
    shared: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its checks and phases, its own seed; nothing is excluded."""
    key = shared.key("everything", "operator")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{shared.url}/openapi.json"),
        *("-H", f"Authorization: Bearer {key}", "--checks", "all", "--continue-on-failure"),
        *("--max-examples", "12", "--seed", "1", "--generation-database", "none"),
    ]
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.setenv("SCHEMATHESIS_HOOKS", "tests.service.described_hooks")
    # it keeps what it found where it runs
    found = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert found.returncode == 0, found.stdout
