import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deploy import checks
from deploy.checks import Refused


def test_a_port_in_use_is_refused_and_a_free_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {number} is in use"):
            checks.port(number)
    checks.port(number)


@pytest.mark.parametrize("text", ["0", "-1", "65536", "abc", "", "8000.0", "8_000", "9" * 5000])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"^PORT= takes a number from 1 to 65535, not '.*'\.$"):
        checks.number_of_port("PORT", text)


@pytest.mark.parametrize("text", ["1", "8000", "65535"])
def test_a_port_is_a_number(text: str) -> None:
    assert checks.number_of_port("PORT", text) == int(text)


def test_the_setting_that_chooses_a_port_in_use_is_named(free_ports: int) -> None:
    with socket.create_server(("127.0.0.1", free_ports + 1)):
        refused = pytest.raises(Refused, match=f"Port {free_ports + 1} .* or give OTHER= another")
        with refused:
            checks.ports({"PORT": free_ports, "OTHER": free_ports + 1})
    checks.ports({"PORT": free_ports, "OTHER": free_ports + 1})


def test_two_programs_on_one_port_are_refused_and_none_at_all_is_not(free_ports: int) -> None:
    with pytest.raises(Refused, match=f"PORT= and OTHER= both take port {free_ports}"):
        checks.ports({"PORT": free_ports, "OTHER": free_ports})
    checks.ports({"PORT": free_ports, "OTHER": 0, "ANOTHER": 0})


def test_a_folder_is_made_and_hidden_from_git(tmp_path: Path) -> None:
    checks.folder(tmp_path / "deep/data")
    assert {path.name for path in (tmp_path / "deep/data").iterdir()} == {".gitignore"}


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(Refused, match="cannot be written"):
        checks.folder(tmp_path / "data")


def test_a_full_disk_is_refused_with_figures(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"The disk is full: \d+ MB are free"):
        checks.room(tmp_path / "not/yet", needed=2**62)


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    refused = pytest.raises(Refused, match=r"already \(process \d+\)")
    with checks.only_one(tmp_path), refused, checks.only_one(tmp_path):
        pass
    with checks.only_one(tmp_path):
        pass


def test_a_whole_database_and_none_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "ursa.db"
    checks.database(path)
    assert not path.exists()
    _filled(path)
    checks.database(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ursa.db"
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(Refused, match=r"is broken \(file is not a database\)"):
        checks.database(path)


def test_a_database_that_lost_its_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ursa.db"
    _filled(path)
    whole = bytearray(path.read_bytes())
    whole[8192:16384] = bytes(8192)
    path.write_bytes(whole)
    with pytest.raises(Refused, match="is broken"):
        checks.database(path)


def test_what_is_left_of_a_database_is_not_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "ursa.db"
    path.with_name("ursa.db-wal").write_bytes(b"the newest rows")
    for _ in range(2):
        with pytest.raises(Refused, match=r"ursa\.db-wal beside it may hold the only copy"):
            checks.database(path)
        # an empty file is no database either
        path.touch()
    path.with_name("ursa.db-wal").rename(path.with_name("ursa.db-journal"))
    # of a first start that was cut off
    checks.database(path)


def _filled(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE rows (text)")
        connection.executemany("INSERT INTO rows VALUES (?)", [("x" * 500,)] * 200)
