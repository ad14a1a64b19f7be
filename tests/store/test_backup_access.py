"""What a backup that is brought back lets in: nobody by an old sign-in, and the rest is told."""

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy import backup as command
from store import access, backup, dumps, people, privileged_acts, sign_ins, webhooks
from store.database import Database
from store.rollouts import Actor
from tests.store import given
from tests.store.given import NOW, later

BY = (Actor("command", "ops"), NOW)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def token(database: Database) -> str:
    """Of a sign-in that is good; there are a key and a webhook too, and of each one that is not good any more."""
    with database.write() as session:
        people.add_person(session, "rita", "a long password", "admin", NOW)
        given.person(session, "who left")
        people.remove_person(session, "who left", NOW)
        shop = people.add_consumer(session, "shop", NOW)
        for letter in ("a", "b"):
            people.add_key(session, shop, "ursa_" + letter * 40, "consumer", NOW)
        people.revoke_key(session, "ursa_bbbbbb", NOW)
        webhooks.add(session, "https://shop.example/told", shop.id, NOW)
        by = sign_ins.verified(session, "rita", "a long password")
        found = sign_ins.sign_in(session, "rita", by, NOW)
    assert not isinstance(found, sign_ins.Refused)
    return found[1]


def test_a_restore_ends_every_sign_in_and_is_on_record(
    database: Database, storage: Path, token: str, empty_url: str, tmp_path: Path
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    if not database.is_sqlite:
        # so that one that is killed right after pg_restore revives none
        dump = tmp_path / "backup" / dumps.POSTGRESQL
        assert not list(dumps._column(dump, "sign_ins", "token_sha256"))
    backup.restore(
        tmp_path / "backup",
        empty_url,
        str(tmp_path / "storage again"),
        Actor("command", "ops"),
        later(hours=1),
    )
    again = Database(empty_url)
    with again.read() as session, database.read() as before:
        assert sign_ins.signed_in(before, token, later(hours=1)) is not None
        assert sign_ins.signed_in(session, token, later(hours=1)) is None
        newest = privileged_acts.newest(session, 1)[0]
        assert (newest.act, newest.actor, newest.at) == ("restore", "ops", later(hours=1))
        assert newest.detail["pictures"] == 3
    again.dispose()


@pytest.mark.usefixtures("token")
def test_who_gets_in_is_who_may_and_nobody_else(database: Database) -> None:
    with database.read() as session:
        found = access.read(session)
    assert (found.people, found.keys) == (
        [("rita", "admin")],
        [("ursa_aaaaaa", "shop", "consumer")],
    )
    assert [address for _, address in found.webhooks] == ["https://shop.example/told"]


@pytest.mark.usefixtures("token")
def test_the_command_says_what_is_valid_again_and_how_it_is_ended(
    database: Database,
    storage: Path,
    empty_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    monkeypatch.setenv("URSA_DATABASE_URL", empty_url)
    monkeypatch.setenv("URSA_STORAGE_URL", str(tmp_path / "storage again"))
    assert command.main(["restore", str(tmp_path / "backup")]) == 0
    said = capsys.readouterr().out
    assert "end once more what was ended since" in said
    assert "who left" not in said
    assert "ursa_bbbbbb" not in said
    # each line can be pasted, and does what it says
    monkeypatch.setenv("URSA_SECRET_KEY", "a secret of the tests that is long enough")
    lines = [line for line in said.splitlines() if " -m service " in line]
    told = [line.partition("  # ")[2] for line in lines]
    assert told == ["admin", "shop, consumer", "https://shop.example/told"]
    for line in lines:
        subprocess.run(["bash", "-c", line], cwd=ROOT, check=True, capture_output=True)
    again = Database(empty_url)
    with again.read() as session:
        assert access.read(session) == access.Access([], [], [])
    again.dispose()


@pytest.mark.usefixtures("token")
def test_of_an_older_schema_it_says_how_to_ask_once_it_is_migrated(
    database: Database,
    storage: Path,
    empty_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    backup.save(database.url, str(storage), tmp_path / "backup", *BY)
    monkeypatch.setenv("URSA_DATABASE_URL", empty_url)
    monkeypatch.setenv("URSA_STORAGE_URL", str(tmp_path / "storage again"))
    assert command.main(["restore", str(tmp_path / "backup")]) == 0
    assert "`make migrate`, then `make access`" in capsys.readouterr().out
    again = Database(empty_url)
    with again.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0010'"))
    again.dispose()
    assert command.main(["access"]) == 0
    assert "person remove rita" in capsys.readouterr().out
