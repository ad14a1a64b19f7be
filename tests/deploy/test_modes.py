"""What the programs write is nobody else's to read, whatever the mask of whoever started them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str, data: Path, **settings: str) -> None:
    """Run `python -m WORDS` under the mask that most machines have."""
    environment = {
        "PATH": os.defpath,
        "URSA_DATABASE_URL": f"sqlite:///{data / 'ursa.db'}",
        "URSA_STORAGE_URL": str(data / "storage"),
        "URSA_SECRET_KEY": "s" * 32,
        **settings,
    }
    subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment,
        umask=0o022,
        capture_output=True,
        check=False,
    )


def open_to_others(folder: Path) -> list[str]:
    """Everything in a folder, itself included, that others than its owner may do something with."""
    found = [folder, *folder.rglob("*")]
    assert len(found) > 1
    return [str(one) for one in found if one.stat().st_mode & 0o077]


@pytest.mark.parametrize(
    "words",
    [
        ("deploy.migrate",),
        # none of these finds a schema, and each has made the file by then
        ("service", "status"),
        ("monitoring", "retention", "--dry-run"),
        ("deploy.backup", "scrub"),
    ],
    ids=lambda words: words[0],
)
def test_a_database_is_made_for_its_owner_alone(words: tuple[str, ...], tmp_path: Path) -> None:
    run(*words, data=tmp_path / "data")
    assert (tmp_path / "data" / "ursa.db").exists()
    assert open_to_others(tmp_path / "data") == []


def test_so_are_pictures_that_are_drawn(tmp_path: Path) -> None:
    run("retrain", "samples", str(tmp_path / "drawn"), "--per-class", "1", data=tmp_path)
    assert open_to_others(tmp_path / "drawn") == []


@pytest.mark.parametrize("program", ["deploy.run", "deploy.demo"])
def test_so_is_the_folder_of_make_run(program: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        # refused because of the port, when the folder is there
        run(
            program,
            "--port",
            str(taken.getsockname()[1]),
            "--data",
            str(tmp_path / "data"),
            data=tmp_path,
        )
    assert open_to_others(tmp_path / "data") == []


def test_so_are_a_backup_in_a_folder_that_was_there_and_what_is_brought_back(
    tmp_path: Path,
) -> None:
    data, folder, again = tmp_path / "data", tmp_path / "backup", tmp_path / "again"
    run("deploy.migrate", data=data)
    folder.mkdir(mode=0o755)
    run("deploy.backup", "save", str(folder), data=data)
    assert (folder / "database.sqlite").exists()
    assert open_to_others(folder) == [str(folder)]
    run("deploy.backup", "restore", str(folder), data=again)
    assert (again / "ursa.db").exists()
    assert open_to_others(again) == []
