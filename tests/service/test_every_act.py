"""Every route and command that operators change something by: one row of who, when and why, or a reason for none.

The tables are told from the routes and the commands that there are, so that nobody adds an act without its row.
"""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from deploy import backup
from service.clock import wall_clock
from store import alarms, command_line, people, predictions, privileged_acts, stops
from store.alarms import NewAlarm
from store.database import Database
from store.objects import Objects
from store.tables import Alarm, Prediction, PrivilegedAct, Review
from tests.service import rows
from tests.service.browsing import Browser
from tests.service.conftest import Start
from tests.service.machine import ROOT, Machine, version
from tests.service.serving import Serving
from tests.service.test_every_route import MAY, OPERATOR, OPERATOR_KEY
from tests.service.test_pages_rollout import form
from tests.store import given
from tests.store.rolling import PLAN
from tests.test_docs import commands

# in the order of one story; {reason} is a word of its own for each
PAGES: list[tuple[str, dict[str, str]]] = [
    ("POST /guide/edit", {"class": "bear", "definition": "It was born."}),
    ("POST /models/retrain", {}),
    ("POST /models/{number}/compare", {}),
    ("POST /rollout/preflight", form(1)),
    ("POST /rollout/freeze", {}),
    ("POST /rollout/unfreeze", {}),
    ("POST /rollout/limit", {"number": "1"}),
    ("POST /rollout/expand", {"number": "1"}),
    ("POST /rollout/fall-back", {"number": "1"}),
    ("POST /rollout/promote", {"number": "1"}),
    ("POST /rollout/withdraw", {"number": "1"}),
    ("POST /models/revert", {}),
    ("POST /rollout/kill", {"to": "manual"}),
    ("POST /rollout/release", {}),
    ("POST /drift/alarms/{alarm_id}/acknowledge", {}),
    ("POST /drift/alarms/{alarm_id}/clear", {}),
]
API: list[tuple[str, dict[str, Any]]] = [
    ("POST /v1/retrain", {}),
    ("PUT /v1/models/{number}/preflight", PLAN),
    ("POST /v1/freeze", {}),
    ("POST /v1/unfreeze", {}),
    ("POST /v1/models/{number}/limit", {}),
    ("POST /v1/models/{number}/expand", {}),
    ("POST /v1/models/{number}/fall-back", {}),
    ("POST /v1/models/{number}/promote", {}),
    ("POST /v1/models/{number}/withdraw", {}),
    ("POST /v1/revert", {}),
    ("POST /v1/kill", {}),
    ("POST /v1/release", {}),
    ("POST /v1/alarms/{alarm_id}/acknowledge", {}),
    ("POST /v1/alarms/{alarm_id}/clear", {}),
]
COMMANDS: list[tuple[str, str]] = [
    ("person add", "anna --role operator"),
    ("person password", "anna"),
    ("person unlock", "anna"),
    ("person remove", "anna"),
    ("key add", "shop --role consumer --key-file {folder}/key"),
    ("key revoke", "{prefix}"),
    ("webhook add", "https://ops.example.com/ursa"),
    ("webhook remove", "{hook}"),
    ("preflight", "--version 1 --file {folder}/plan.toml"),
    ("freeze", ""),
    ("unfreeze", ""),
    ("limit", "--version 1"),
    ("expand", "--version 1"),
    ("fall-back", "--version 1"),
    ("promote", "--version 1"),
    ("withdraw", "--version 1"),
    ("revert", ""),
    ("kill", ""),
    ("release", ""),
    ("alarm acknowledge", "{alarm}"),
    ("alarm clear", "{alarm}"),
]
# they ask or prepare and change nobody's answer: what was written says why
WITHOUT_WHY = {"guide", "retrain", "compare", "preflight"}
# what the commands that write no row do instead
NO_ACTS = {
    "python -m service serve": "runs",
    "python -m service status": "reads",
    "python -m service policy explain": "reads",
    "python -m service webhook list": "reads",
    "python -m service alarm list": "reads",
    "python -m service audit-trail": "reads",
    "python -m monitoring work": "runs",
    "python -m monitoring recompute": "reads",
    "python -m monitoring replay-decision": "reads",
    "python -m retrain work": "runs",
    "python -m retrain samples": "draws pictures into a folder",
    "python -m retrain bundle-check": "reads",
}
# which have a row by a test of their own
ELSEWHERE = {
    "python -m monitoring accept": "below",
    "python -m monitoring retention": "below",
    "python -m retrain first-model": "tests/retrain/test_first_model.py",
}
# the same of what `make` runs on all that is kept
WHOLE = {
    "save": "tests/store/test_backup_full_disk.py",
    "restore": "tests/store/test_backup_access.py",
    "access": "reads",
    "scrub": "reads",
}


def test_the_tables_have_every_route_and_command_that_changes_something() -> None:
    acts = {
        route
        for route, who in MAY.items()
        if who in (OPERATOR, OPERATOR_KEY) and not route.startswith("GET ")
    }
    assert {route for route, _ in (*PAGES, *API)} == acts
    told = {f"python -m service {name}" for name, _ in COMMANDS}
    assert set(commands()) == told | set(NO_ACTS) | set(ELSEWHERE)
    (act,) = (one for one in backup.build_parser()._actions if one.dest == "act")
    assert set(act.choices or ()) == set(WHOLE)
    named = {where for where in {**ELSEWHERE, **WHOLE}.values() if "/" in where}
    assert all((ROOT / where).is_file() for where in named)


@pytest.fixture
def story(start: Start, tmp_path: Path) -> tuple[Serving, Alarm]:
    """A version, an open alarm, and monitoring that is alive."""
    served = start(poll_seconds=3600)
    served.register(tmp_path / "one")
    with served.database.write() as session:
        rows.heard(session, wall_clock())
        new = NewAlarm("online", "zoo", None, None, {}, pages=True)
        return served, alarms.raise_alarm(session, new, wall_clock())


def play(story: tuple[Serving, Alarm], route: str, ask: Callable[[str, str], Any]) -> PrivilegedAct:
    """Ask for one act by its method and address, in the midst of its story; the one row that it left."""
    served, alarm = story
    if route.endswith("/revert"):
        served.promote(1)
    before = newest(served.database)
    method, path = route.split()
    answer = ask(method, path.format(number=1, alarm_id=alarm.id))
    assert answer.status_code < 400, (route, answer.text)
    # the rows of a kill follow it
    served.program.live.refresh()
    return only(served.database, before, route)


def newest(database: Database) -> int:
    with database.read() as session:
        return max((one.id for one in privileged_acts.newest(session, 1)), default=0)


def only(database: Database, before: int, what: str) -> PrivilegedAct:
    with database.read() as session:
        new = [one for one in privileged_acts.newest(session, 9) if one.id > before]
    assert len(new) == 1, (what, new)
    return new[0]


def check(act: PrivilegedAct, kind: str, who: str, why: str) -> None:
    """Who, when and why."""
    assert (act.detail["actor_kind"], act.actor) == (kind, who), act.act
    assert abs((wall_clock() - act.at).total_seconds()) < 3600
    assert act.detail.get("reason") == (None if act.act in WITHOUT_WHY else why), act.act


def test_every_act_of_the_pages_is_a_row(story: tuple[Serving, Alarm]) -> None:
    olga = Browser(story[0], "olga", "operator")
    for route, fields in PAGES:
        why = f"because of {route}"
        said = fields if {"class", "answer_harm"} & set(fields) else {**fields, "reason": why}
        act = play(story, route, lambda _, path, said=said: olga.submit(path, **said))  # type: ignore[misc]  # bound at once
        check(act, "person", "olga", why)


def test_every_act_of_the_api_is_a_row(story: tuple[Serving, Alarm]) -> None:
    with story[0].http("ops", "operator") as client:
        key = client.headers["Authorization"].removeprefix("Bearer ")
        for route, fields in API:
            why = f"because of {route}"
            body = fields if "answers" in fields else {**fields, "reason": why}
            act = play(story, route, lambda *to, body=body: client.request(*to, json=body))
            check(act, "key", f"ops ({key[:11]})", why)


def test_every_command_that_changes_something_is_a_row(small: Machine) -> None:
    database, who = Database(small.database_url), command_line.actor()
    version(small, database)
    key = people.new_key()
    (small.folder / "key").write_text(key)
    (small.folder / "plan.toml").write_text(_toml())
    with database.write() as session:
        new = NewAlarm("online", "zoo", None, None, {}, pages=True)
        alarm = alarms.raise_alarm(session, new, wall_clock()).id
    hook = ""
    for name, flags in COMMANDS:
        with database.write() as session:
            rows.heard(session, wall_clock())
            if name == "revert":
                rows.ready(session, 1, wall_clock())
        if name == "revert":
            small.does("promote", "--version", "1", "--reason", "to be taken back")
        before, why = newest(database), f"because of {name}"
        filled = flags.format(folder=small.folder, prefix=key[:11], hook=hook, alarm=alarm)
        reason = () if name == "preflight" else ("--reason", why)
        said = small.does(*name.split(), *filled.split(), *reason, feed="correct horse battery\n")
        hook = said.split()[0] if name == "webhook add" else hook
        if name == "kill":
            # as the first process does that finds the mark
            mark = stops.find(Objects(str(small.folder / "storage")), stops.KILLED)
            assert mark is not None
            stops.record(database, mark, wall_clock())
        check(only(database, before, name), who.kind, who.name, why)
    database.dispose()


def test_who_accepts_a_window_at_the_machine_is_a_row(small: Machine) -> None:
    database, who = Database(small.database_url), command_line.actor()
    rows.ask(database, 2)
    with database.write() as session:
        window = rows.window(session, given.version(session).id, "").id
    monitoring(small, "accept", window, "--reason", "a holiday")
    act = only(database, 0, "accept")
    database.dispose()
    check(act, who.kind, who.name, "a holiday")
    assert (act.act, act.subject) == ("accept window", window)


def test_who_lets_retention_take_at_the_machine_is_a_row_and_who_only_asks_is_not(
    small: Machine,
) -> None:
    database, who = Database(small.database_url), command_line.actor()
    # one that is not there would be away
    Objects(str(small.folder / "storage"))
    rows.ask(database, 2)
    with database.write() as session:
        # answered long ago
        long_ago = wall_clock() - timedelta(days=999)
        session.execute(update(Prediction).values(created_at=long_ago, status="answered"))
        session.execute(delete(Review))
    assert "Would take 2 predictions" in monitoring(small, "retention", "--dry-run")
    assert newest(database) == 0
    said = monitoring(small, "retention", "--reason", "the law asks for it")
    act = only(database, 0, "retention")
    with database.read() as session:
        left = predictions.count(session)
    database.dispose()
    check(act, who.kind, who.name, "the law asks for it")
    assert (act.act, act.subject, left) == ("retention", "log", 0)
    assert "Took 2 predictions" in said
    assert (act.detail["would_take"]["predictions"], act.detail["days"]) == (2, 365)


def test_retention_takes_nothing_without_a_reason_or_a_storage(small: Machine) -> None:
    assert "storage" in monitoring(small, "retention", "--reason", "the law", code=1)
    # what a disk leaves that is not mounted
    (small.folder / "storage").mkdir()
    assert "mounted" in monitoring(small, "retention", "--reason", "the law", code=1)
    Objects(str(small.folder / "storage"))
    assert "--reason" in monitoring(small, "retention", code=2)
    assert "reason" in monitoring(small, "retention", "--reason", " ", code=1)


def monitoring(machine: Machine, *words: str, code: int = 0) -> str:
    """What a command of monitoring says, with this exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "monitoring", *words],
        cwd=ROOT,
        env=machine.environment(USER="anna"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def _toml() -> str:
    """The plan as operators write it."""
    (risk,) = PLAN["risks"]
    return "\n".join(
        [
            "[answers]",
            *(f'{name} = "{said}"' for name, said in PLAN["answers"].items()),
            "[[risks]]",
            *(f'{name} = "{said}"' for name, said in risk.items()),
            "[scope]",
            'segments = ["zoo"]',
        ]
    )
