"""The service answers as its OpenAPI document says, asked by schemathesis with everything that fits and does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.serving import Serving

# the same each time, and another one by hand: URSA_TEST_SEED=7 python -m pytest tests/service/test_described.py
SEED = os.environ.get("URSA_TEST_SEED", "1")  # noqa: TID251  # it is a setting of the test alone
EXAMPLES = os.environ.get("URSA_TEST_EXAMPLES", "20")  # noqa: TID251


@pytest.fixture(scope="module")
def modelled(shared: Serving, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """A service with a model that answers and one that may be asked for, so that plans and moves are looked into."""
    folder = tmp_path_factory.mktemp("models")
    shared.model(folder / "first")
    shared.register(folder / "second")
    return shared


@pytest.mark.parametrize("role", ["operator", "consumer", None])
def test_schemathesis_finds_nothing(
    modelled: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str | None
) -> None:
    """All its checks and phases, with either key and with none.

    `described_hooks` tells it how a picture and a moment look, and passes over what no document can say.
    """
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{modelled.url}/openapi.json"),
        *("--checks", "all", "--continue-on-failure"),
        *("--max-examples", EXAMPLES, "--seed", SEED, "--generation-database", "none"),
    ]
    if role is not None:
        command += ["-H", f"Authorization: Bearer {modelled.key('everything', role)}"]
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.setenv("SCHEMATHESIS_HOOKS", "tests.service.described_hooks")
    # it keeps what it found where it runs
    found = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    print(f"URSA_TEST_SEED={SEED}")
    assert found.returncode == 0, found.stdout
