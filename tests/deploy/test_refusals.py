"""What `make run` says when it cannot start: one sentence, exit code 1, nothing left half-done."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy import checks, local
from store import people
from store.database import Database

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """A data folder after a first run: secrets and a migrated database."""
    local.read_or_make(tmp_path / "local.env", "ursa_" + "k" * 43)
    shutil.copyfile(migrated_sqlite, tmp_path / "ursa.db")
    database = Database(f"sqlite:///{tmp_path}/ursa.db")
    with database.write() as session:
        people.add_person(session, "admin", "a password", "admin", datetime.now(UTC))
    database.dispose()
    return tmp_path


@pytest.fixture
def port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def refusal(data: Path, port: int | str = 8000, before: tuple[str, ...] = ()) -> str:
    """What `make run` says, which must be one sentence."""
    command = [sys.executable, "-m", "deploy.run", "--data", str(data), "--port", str(port)]
    done = subprocess.run([*before, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_port_in_use(data: Path, port: int) -> None:
    assert f"Port {port} is in use by another program" in refusal(data, port)


@pytest.mark.parametrize("port", ["abc", "0", "70000", ""])
def test_what_is_no_port(tmp_path: Path, port: str) -> None:
    assert f"PORT= takes a number from 1 to 65535, not '{port}'." in refusal(tmp_path / "new", port)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("beside", "setting"),
    [(1, "URSA_MONITORING_METRICS_PORT"), (2, "URSA_RETRAIN_METRICS_PORT")],
)
def test_a_port_of_the_metrics_in_use(
    data: Path, free_ports: int, beside: int, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(setting, raising=False)
    with socket.create_server(("127.0.0.1", free_ports + beside)):
        said = refusal(data, free_ports)
    assert f"Port {free_ports + beside} is in use by another program" in said
    assert f"give {setting}= another" in said


def test_a_setting_that_is_no_port(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URSA_RETRAIN_METRICS_PORT", "many")
    said = refusal(data)
    assert "URSA_RETRAIN_METRICS_PORT= takes a number from 0 to 65535, not 'many'." in said


def test_a_second_run_on_the_same_data(data: Path) -> None:
    with checks.only_one(data):
        said = refusal(data)
    assert f"Ursa runs on {data} already (process {os.getpid()})" in said


def test_a_broken_database(data: Path, free_ports: int) -> None:
    (data / "ursa.db").write_bytes(b"\0" * 10000)
    assert "is broken" in refusal(data, free_ports)


def test_a_database_of_a_newer_version(data: Path, free_ports: int) -> None:
    with closing(sqlite3.connect(data / "ursa.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "The database was made by a newer version of Ursa" in refusal(data, free_ports)


def test_a_database_of_somebody_else(data: Path, free_ports: int) -> None:
    (data / "ursa.db").unlink()
    with closing(sqlite3.connect(data / "ursa.db")) as connection, connection:
        connection.execute("CREATE TABLE people (name)")
    said = refusal(data, free_ports)
    assert "The database could not be migrated: table people already exists." in said


def test_lost_secrets(data: Path, free_ports: int) -> None:
    (data / "local.env").unlink()
    assert "local.env is gone" in refusal(data, free_ports)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("somebody's file")
    assert "cannot be written" in refusal(tmp_path / "data")


def test_a_file_size_limit(tmp_path: Path) -> None:
    said = refusal(tmp_path / "data", before=("prlimit", "--fsize=1000"))
    assert "cannot be written: File too large." in said
    assert not (tmp_path / "data/room.probe").exists()


def test_a_full_disk(tmp_path: Path) -> None:
    small = f'mount -t tmpfs -o size=1m none "{tmp_path}" && exec "$@"'
    before = ("unshare", "--mount", "sh", "-c", small, "sh")
    if (
        not shutil.which("unshare")
        or subprocess.run([*before, "true"], capture_output=True).returncode
    ):
        pytest.skip("a small disk can be made as root only")
    said = refusal(tmp_path, before=before)
    assert "The disk is full: " in said
