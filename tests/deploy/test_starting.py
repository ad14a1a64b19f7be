"""Whom `make run` lets in, and that it is written down as whoever else lets somebody in."""

from pathlib import Path

from deploy import local, starting
from deploy.demo import cast
from service.clock import wall_clock
from store import command_line, people, privileged_acts
from store.database import Database


def test_the_first_start_writes_down_whom_it_lets_in_once(sqlite_url: str, tmp_path: Path) -> None:
    mine = local.read_or_make(tmp_path / "local.env", people.new_key())
    for _ in range(2):
        starting.people_and_key(starting.Home(tmp_path, {}, mine, {}))
    database, who = Database(sqlite_url), command_line.actor()
    with database.read() as session:
        acts = privileged_acts.since(session)
    database.dispose()
    assert [(one.act, one.subject, one.detail["role"]) for one in acts] == [
        ("add person", "admin", "admin"),
        ("add person", "reviewer", "reviewer"),
        ("add key", "local", "consumer"),
    ]
    assert {(one.actor, one.detail["actor_kind"]) for one in acts} == {(who.name, "command")}
    assert {one.detail["reason"] for one in acts} == {starting.FIRST_START}
    assert acts[-1].detail["prefix"] == mine.api_key[:11]


def test_the_demo_writes_down_whom_it_lets_in(sqlite_url: str) -> None:
    cast.register(sqlite_url, wall_clock())
    database = Database(sqlite_url)
    with database.read() as session:
        acts = [one.act for one in privileged_acts.since(session)]
    database.dispose()
    assert acts == ["add person"] * 4 + ["add key"] * 2
