"""A backup that is brought back into a folder of its own: what is printed to end old accesses is about that folder."""

import subprocess
from pathlib import Path

import pytest

from deploy import backup as command
from store import access, backup, people
from store.database import Database
from store.rollouts import Actor
from tests.store.given import NOW

BY = (Actor("command", "ops"), NOW)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A folder of `make run` has no other kind."""
    return sqlite_url


def test_what_is_printed_can_be_pasted_and_is_about_the_database_that_was_brought_back(
    database: Database,
    storage: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with database.write() as session:
        people.add_person(session, "rita", "a long password", "admin", NOW)
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    for name in ("URSA_DATABASE_URL", "URSA_STORAGE_URL", "URSA_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    data = tmp_path / "of another one"
    assert command.main(["restore", str(tmp_path / "backup"), "--data", str(data)]) == 0
    (data / "local.env").write_text("URSA_SECRET_KEY=a secret of the tests that is long enough\n")
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.startswith("  ")]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    brought_back = Database(f"sqlite:///{data}/ursa.db")
    with brought_back.read() as session, database.read() as before:
        assert access.read(session).people == []
        assert access.read(before).people == [("rita", "admin")]
    brought_back.dispose()
