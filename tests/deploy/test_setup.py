"""`make setup` in a folder of its own, with locks that name nothing, so that no registry is asked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = "deploy/locks/development.txt"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose locks are empty."""
    (tmp_path / "deploy/locks").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "deploy/setup", tmp_path / "deploy")
    (tmp_path / "deploy/locks/bootstrap.txt").touch()
    (tmp_path / LOCK).touch()
    return tmp_path


def set_up(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "setup"],
        cwd=checkout,
        # almost nothing, as on a machine where nobody has configured anything
        env={"PATH": os.defpath, "HOME": str(checkout), "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
    )


def test_an_environment_is_made_once_and_again_when_a_lock_changes(checkout: Path) -> None:
    first = set_up(checkout)
    assert first.returncode == 0, first.stderr
    assert (checkout / ".venv/bin/python").exists()

    second = set_up(checkout)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    (checkout / LOCK).write_text("# another version\n")
    third = set_up(checkout)
    assert third.returncode == 0, third.stderr
    assert "Setting up .venv" in third.stderr


def test_a_failed_installation_is_tried_again_the_next_time(checkout: Path) -> None:
    (checkout / LOCK).write_text("no-hash==1.0\n")
    for _ in range(2):
        failed = set_up(checkout)
        assert failed.returncode != 0
        assert "The packages could not be installed (see above)." in failed.stderr


@pytest.mark.parametrize("version", ["2, 7", "3, 10"])
def test_an_older_python_is_refused_in_one_sentence(checkout: Path, version: str) -> None:
    old = checkout / "bin/python3"
    old.parent.mkdir()
    # a real one that is told it is older
    old.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = ({version}); $2"\n'
    )
    old.chmod(0o755)
    named = set_up(checkout, PYTHON=str(old))
    assert named.returncode != 0
    assert f"Ursa needs Python 3.11 or newer, and PYTHON={old} is not one." in named.stderr
    assert not (checkout / ".venv").exists()


def test_no_python_at_all_is_one_sentence(checkout: Path) -> None:
    tools = checkout / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname", "cat", "cksum", "make"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    found = set_up(checkout, PYTHON="", PATH=str(tools))
    assert found.returncode != 0
    assert "Ursa needs Python 3.11 or newer, and none is on the PATH" in found.stderr
    assert not (checkout / ".venv").exists()
