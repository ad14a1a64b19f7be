"""What the tests' own ground promises: a closed network, and lacks that are said aloud."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_network_ends_at_this_machine() -> None:
    # an address that is for documentation (RFC 5737), and refused before anything is sent
    blocked = pytest.raises((RuntimeError, UserWarning), match="tried to use socket")
    with socket.socket() as somewhere, blocked:
        somewhere.connect(("192.0.2.1", 80))


def test_this_machine_itself_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        socket.create_connection(listening.getsockname()).close()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
@pytest.mark.parametrize(
    ("environment", "outcome"),
    [
        ({}, "1 skipped: this machine lacks Chromium."),
        ({"URSA_TEST_REQUIRE": "1"}, "1 error in "),
    ],
)
def test_a_lack_is_reported_or_fails(
    tmp_path: Path, environment: dict[str, str], outcome: str, workers: list[str]
) -> None:
    (tmp_path / "test_page.py").write_text("def test_page(chromium): pass")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", *workers, tmp_path],
        cwd=ROOT,
        # nothing is on this PATH
        env={"PATH": str(tmp_path), **environment},
        capture_output=True,
        text=True,
    )
    assert "this machine lacks Chromium" in done.stdout
    assert outcome in done.stdout
    assert bool(done.returncode) == bool(environment)
