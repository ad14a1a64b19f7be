"""The commands: what they do, and the one sentence when they cannot."""

import os
import pwd
import socket

from service.clock import wall_clock
from store import command_line, people, privileged_acts, rollouts, sign_ins, stops, webhooks
from store.database import Database
from store.objects import Objects
from store.rollouts import Actor
from tests.service import rows
from tests.service.machine import Machine, ready

WHY = ("--reason", "a test")


def test_people_and_keys(machine: Machine, database: Database) -> None:
    password = machine.folder / "password"
    password.write_text("correct horse battery\n")
    machine.does("person", "add", "anna", "--role", "admin", "--password-file", str(password), *WHY)
    machine.does(
        "person", "add", "rob", "--role", "reviewer", "--simulated", *WHY, feed="0123456789\n"
    )
    made = machine.does("key", "add", "shop", "--role", "consumer", *WHY).strip()
    given = people.new_key()
    (machine.folder / "key").write_text(given + "\n")
    shown = machine.does(
        "key", "add", "ops", "--role", "operator", "--key-file", str(machine.folder / "key"), *WHY
    )
    assert given not in shown
    machine.does("key", "revoke", made[:11], *WHY)
    with database.read() as session:
        everybody = {one.name: (one.role, one.simulated) for one in people.people(session)}
        assert everybody == {"anna": ("admin", False), "rob": ("reviewer", True)}
        assert sign_ins.verified(session, "anna", "correct horse battery")
        assert people.caller(session, made) is None
        caller = people.caller(session, given)
        assert caller is not None
        assert (caller.consumer, caller.role) == ("ops", "operator")
        acts = privileged_acts.newest(session, 10)
    who = pwd.getpwuid(os.getuid()).pw_name
    # the environment says that somebody else types
    assert who != machine.environment()["LOGNAME"]
    assert {(one.actor, one.detail["actor_kind"]) for one in acts} == {(who, "command")}
    assert [one.act for one in acts] == [
        "revoke key",
        "add key",
        "add key",
        "add person",
        "add person",
    ]


def test_what_cannot_be_done_is_one_sentence(small: Machine) -> None:
    small.does("person", "add", "anna", "--role", "admin", *WHY, feed="0123456789\n")
    assert "already" in small.refuses(
        "person", "add", "anna", "--role", "admin", *WHY, feed="0123456789\n"
    )
    assert "10 characters" in small.refuses(
        "person", "add", "b", "--role", "admin", *WHY, feed="short\n"
    )
    nothing = str(small.folder / "nothing")
    assert "No such file" in small.refuses(
        "person", "add", "b", "--role", "admin", *WHY, "--password-file", nothing
    )
    assert "No such file" in small.refuses(
        "key", "add", "shop", "--role", "consumer", "--key-file", nothing, *WHY
    )
    assert "no key that begins" in small.refuses("key", "revoke", "ursa_abc", *WHY)
    assert "no model version 7" in small.refuses("promote", "--version", "7", "--reason", "x")
    assert "no model version 7" in small.refuses("withdraw", "--version", "7", "--reason", "x")
    assert "no person" in small.refuses("person", "unlock", "bo", *WHY)
    assert "no person" in small.refuses("person", "password", "bo", *WHY, feed="0123456789\n")
    assert "10 characters" in small.refuses("person", "password", "anna", *WHY, feed="short\n")
    assert "no more" in small.does("person", "remove", "anna", *WHY)
    assert "already" in small.refuses("person", "remove", "anna", *WHY)
    assert "People answer already" in small.refuses("revert", "--reason", "x")


def test_promoting_and_reverting_and_the_status(machine: Machine, database: Database) -> None:
    ready(machine, database)
    assert "version 1 answers" in machine.does("promote", "--version", "1", "--reason", "the first")
    assert "answering: version 1" in machine.does("status")
    with database.write() as session:
        other = rows.version(session, name="v2").id
        rollouts.open_rollout(session, other, Actor("system", "tests"), "new", wall_clock())
    assert "version 1 answers" in machine.does("withdraw", "--version", "2", "--reason", "old")
    assert "people answer" in machine.does("revert", "--reason", "no good")
    assert "answering: people" in machine.does("status")
    with database.read() as session:
        event = rollouts.events(session, 1)[0]
    assert (event.actor_kind, event.actor, event.reason) == (
        "command",
        command_line.actor().name,
        "no good",
    )


def test_a_machine_that_is_not_ready_is_told_in_one_sentence(small: Machine) -> None:
    folder = small.folder
    empty = f"sqlite:///{folder / 'empty.db'}"
    broken = folder / "broken.db"
    broken.write_bytes(b"not a database at all" * 500)
    ahead = Database(small.database_url)
    assert "lacks migrations" in small.refuses("serve", URSA_DATABASE_URL=empty)
    assert "broken" in small.refuses("serve", URSA_DATABASE_URL=f"sqlite:///{broken}")
    assert "URSA_SECRET_KEY" in small.refuses("serve", URSA_SECRET_KEY="short")
    assert "URSA_PORT" in small.refuses("serve", URSA_PORT="http")
    assert "policy" in small.refuses("serve", URSA_POLICY_FILE=str(folder / "none.toml"))
    wrong = folder / "wrong.toml"
    wrong.write_text("answer_at = 2.0")
    assert "policy" in small.refuses("serve", URSA_POLICY_FILE=str(wrong))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in small.refuses("serve", URSA_PORT=port)
    with ahead.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    ahead.dispose()
    assert "newer version" in small.refuses("serve")
    assert "newer version" in small.refuses("status")


def test_a_database_that_nobody_answers_at_is_one_sentence(small: Machine) -> None:
    url = "postgresql+psycopg://postgres@127.0.0.1:9/ursa"
    assert "cannot be opened" in small.refuses("serve", URSA_DATABASE_URL=url)


def test_a_kill_to_the_last_good_model_names_the_newest_that_answers(
    machine: Machine, database: Database
) -> None:
    ready(machine, database)
    nobody = machine.refuses("kill", "--to", "last_good", "--reason", "smoke")
    assert "People answer already" in nobody
    machine.does("promote", "--version", "1", "--reason", "the first")
    assert "is gone within a second" in machine.does(
        "kill", "--to", "last_good", "--reason", "smoke"
    )
    with database.read() as session:
        live = rollouts.live(session)
    assert live.incumbent is not None
    objects = Objects(str(machine.folder / "storage"))
    stop = stops.find(objects, live.incumbent.rollout_id)
    assert stop is not None
    assert stop.reason == "smoke"
    assert stops.find(objects, stops.KILLED) is None
    # no process has followed yet, and still it is gone: there is nothing behind it
    again = machine.refuses("kill", "--to", "last_good", "--reason", "smoke")
    assert "People answer already" in again


def test_the_record_of_a_webhook_holds_no_token(machine: Machine, database: Database) -> None:
    address = "https://ops.example.com:8443/T0/B0?token=a-token"
    identity = machine.does("webhook", "add", address, *WHY).split()[0]
    with database.read() as session:
        (act,) = privileged_acts.newest(session, 5)
        assert (act.subject, act.detail["url"]) == (identity, "https://ops.example.com:8443")
        # what is sent to is all of it
        assert [one.webhook.url for one in webhooks.listed(session)] == [address]


def test_a_webhook_is_added_listed_and_removed(small: Machine) -> None:
    added = small.run("webhook", "add", "https://ops.example.com/ursa", *WHY)
    told, secret = added.out.splitlines()
    assert secret.startswith("whsec_")
    identity = told.split()[0]
    listed = small.run("webhook", "list").out
    assert f"{identity} https://ops.example.com/ursa: alarms, 0 waiting" in listed
    assert secret not in listed
    assert small.run("webhook", "remove", identity, *WHY).code == 0
    assert small.run("webhook", "list").out == "Nobody is told anything.\n"
    assert "no such webhook" in small.refuses("webhook", "remove", identity, *WHY)
    assert "must be https" in small.refuses("webhook", "add", "http://ops.example.com/ursa", *WHY)
