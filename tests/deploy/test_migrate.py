import os
import subprocess
import sys
from pathlib import Path

import pytest

from store import migrate
from store.database import Database
from store.errors import SchemaBehind

ROOT = Path(__file__).parents[2]


def run(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.migrate"],
        cwd=ROOT,
        env={"PATH": os.defpath, "URSA_DATABASE_URL": url},
        capture_output=True,
        text=True,
    )


def test_a_new_database_is_brought_to_where_the_code_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ursa.db'}"
    database = Database(url)
    with pytest.raises(SchemaBehind):
        migrate.check(database)
    done = run(url)
    assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")
    migrate.check(database)
    database.dispose()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "URSA_DATABASE_URL must name the database to migrate.\n"),
        ("postgresql+psycopg://nobody@127.0.0.1:9/none", "The database cannot be opened.\n"),
    ],
)
def test_what_cannot_be_migrated_is_one_sentence(url: str, said: str) -> None:
    done = run(url)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
