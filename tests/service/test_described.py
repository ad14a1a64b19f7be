"""The service answers as its OpenAPI document says, asked by schemathesis with everything that fits and does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.serving import Serving


@pytest.mark.parametrize("role", ["operator", "consumer", None])
def test_schemathesis_finds_nothing(
    shared: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str | None
) -> None:
    """All its checks and phases, its own seed, with either key and with none.

    `described_hooks` tells it how a picture and a moment look, and passes over one kind of case: a form in which a
    number, a truth value or null stands for a text, which is a text once it is sent and violates nothing.
    """
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{shared.url}/openapi.json"),
        *("--checks", "all", "--continue-on-failure"),
        *("--max-examples", "12", "--seed", "1", "--generation-database", "none"),
    ]
    if role is not None:
        command += ["-H", f"Authorization: Bearer {shared.key('everything', role)}"]
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.setenv("SCHEMATHESIS_HOOKS", "tests.service.described_hooks")
    # it keeps what it found where it runs
    found = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert found.returncode == 0, found.stdout
