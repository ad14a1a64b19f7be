import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deploy.checks import Refused
from deploy.local import read_or_make

KEY = "ursa_" + "k" * 43


def test_secrets_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    path = tmp_path / "local.env"
    made = read_or_make(path, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert made.api_key == KEY
    assert len(made.ursa_secret_key) >= 32
    assert made.admin_password != made.reviewer_password
    assert read_or_make(path, "ursa_another") == made


def test_two_machines_share_no_secret(tmp_path: Path) -> None:
    one, other = (read_or_make(tmp_path / f"{name}.env", KEY) for name in "ab")
    assert one.ursa_secret_key != other.ursa_secret_key
    assert one.admin_password != other.admin_password


def _database(path: Path, people: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE people (name)")
        connection.executemany("INSERT INTO people VALUES (?)", [("rosa",)] * people)


def test_a_first_model_may_come_before_the_secrets(tmp_path: Path) -> None:
    _database(tmp_path / "ursa.db", people=0)
    assert read_or_make(tmp_path / "local.env", KEY).api_key == KEY


def test_a_lost_file_beside_a_database_is_refused(tmp_path: Path) -> None:
    _database(tmp_path / "ursa.db", people=1)
    with pytest.raises(Refused, match="is gone, and the database beside it"):
        read_or_make(tmp_path / "local.env", KEY)
    assert not (tmp_path / "local.env").exists()


def test_a_file_that_lacks_a_line_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "local.env"
    read_or_make(path, KEY)
    path.write_text(path.read_text().replace("API_KEY=", "OTHER="))
    with pytest.raises(Refused, match="has no API_KEY"):
        read_or_make(path, KEY)
