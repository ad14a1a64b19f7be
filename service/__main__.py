"""`python -m service ...`: serve, and what an operator does at the machine itself.

The commands use the same acts as API and pages. What goes wrong is one sentence on standard error and exit code 1.
"""

import argparse
import getpass
import os
import sys
from datetime import datetime
from pathlib import Path

from service import commands, rollout_commands, serving
from service.clock import wall_clock
from service.rollout_commands import Subcommands
from service.settings import Settings, read_settings
from store import command_line
from store.database import Database
from store.errors import StoreError
from store.rollouts import Actor
from store.tables.people import KEY_ROLES, PERSON_ROLES


def main(words: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = build_parser().parse_args(words)
    try:
        _check_text(given)
        settings = read_settings()
        if given.command == "serve":
            serving.serve(settings)
            return 0
        for line in _run(given, settings):
            print(line)
    except (StoreError, commands.Refused) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Every command and flag."""
    parser = argparse.ArgumentParser(prog="python -m service", description="The web process.")
    subs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    subs.add_parser("serve", help="answer requests until told to stop")
    _add_person(subs)
    _add_key(subs)
    _add_webhook(subs)
    _add_release(subs)
    _add_alarm(subs)
    rollout_commands.add_to(subs)
    _add_policy(subs)
    subs.add_parser("status", help="who answers, and what waits")
    return parser


def _add_person(subs: Subcommands) -> None:
    person = subs.add_parser("person", help="people who sign in")
    acts = person.add_subparsers(dest="act", required=True)
    adding = acts.add_parser("add", help="add one")
    password = acts.add_parser("password", help="give one a new password")
    unlock = acts.add_parser("unlock", help="let one try again who guessed too often")
    removing = acts.add_parser("remove", help="let one in no more")
    for one in (adding, password, unlock, removing):
        one.add_argument("name")
        one.add_argument("--reason", required=True)
    for one in (adding, password):
        one.add_argument(
            "--password-file", type=Path, help="its first line; else asked for, or standard input"
        )
    adding.add_argument("--role", choices=PERSON_ROLES, required=True)
    adding.add_argument("--simulated", action="store_true", help="mark this reviewer's labels")


def _add_key(subs: Subcommands) -> None:
    keys = subs.add_parser("key", help="API keys").add_subparsers(dest="act", required=True)
    add_key = keys.add_parser("add", help="make one, and print it once")
    add_key.add_argument("consumer")
    add_key.add_argument("--role", choices=KEY_ROLES, required=True)
    add_key.add_argument("--key-file", type=Path, help="take this key instead of making one")
    revoke = keys.add_parser("revoke", help="let one be worth nothing from now on")
    revoke.add_argument("prefix", help="as `key add` and the log show it")
    for one in (add_key, revoke):
        one.add_argument("--reason", required=True)


def _add_webhook(subs: Subcommands) -> None:
    hooks = subs.add_parser("webhook", help="who is told by a signed request")
    hook_acts = hooks.add_subparsers(dest="act", required=True)
    add_hook = hook_acts.add_parser("add", help="tell an address, and print the secret once")
    add_hook.add_argument("url")
    add_hook.add_argument("--consumer", help="of its answers that people gave; without: of alarms")
    hook_acts.add_parser("list", help="who is told, and how that goes")
    remove_hook = hook_acts.add_parser("remove", help="tell it nothing any more")
    remove_hook.add_argument("id")
    for one in (add_hook, remove_hook):
        one.add_argument("--reason", required=True)


def _add_release(subs: Subcommands) -> None:
    promote = subs.add_parser("promote", help="let a model version answer everything")
    promote.add_argument("--version", type=int, required=True)
    promote.add_argument("--reason", required=True)
    promote.add_argument(
        "--although-held", action="store_true", help="though monitoring has not found it not worse"
    )
    withdraw = subs.add_parser("withdraw", help="take a candidate off its way")
    withdraw.add_argument("--version", type=int, required=True)
    withdraw.add_argument("--reason", required=True)
    revert = subs.add_parser("revert", help="take back the version that answers")
    revert.add_argument("--reason", required=True)


def _add_alarm(subs: Subcommands) -> None:
    told = subs.add_parser("alarm", help="what is open, taken on or over")
    acts = told.add_subparsers(dest="act", required=True, metavar="ACT")
    acts.add_parser("list", help="the alarms that are open")
    for act, help_ in (("acknowledge", "take one on"), ("clear", "say that one is over")):
        said = acts.add_parser(act, help=help_)
        said.add_argument("alarm", help="its id")
        said.add_argument("--reason", required=True)


def _add_policy(subs: Subcommands) -> None:
    policy = subs.add_parser("policy", help="when the model answers alone")
    explain = policy.add_subparsers(dest="act", required=True).add_parser(
        "explain", help="what it would have done on logged traffic, before it is used"
    )
    explain.add_argument("--file", type=Path, help="another policy than the one in force")
    explain.add_argument("--days", type=float, default=7.0, help="how far back")


def _run(given: argparse.Namespace, settings: Settings) -> list[str]:
    now, actor = wall_clock(), command_line.actor()
    if given.command in rollout_commands.NAMES:
        return rollout_commands.run(given, settings, actor, now)
    with commands.opened(settings) as database:
        if given.command == "person":
            return _person(given, database, actor, now)
        if given.command == "policy":
            return commands.explain(database, settings, given.file, given.days, now)
        if given.command == "key":
            return _key(given, database, actor, now)
        if given.command == "webhook":
            return _webhook(given, database, settings.webhook_private, actor, now)
        if given.command == "alarm":
            return _alarm(given, database, actor, now)
        return _release(given, database, actor, now)


def _release(
    given: argparse.Namespace, database: Database, actor: Actor, now: datetime
) -> list[str]:
    if given.command == "promote":
        held = given.although_held
        return commands.promote(database, given.version, given.reason, held, actor, now)
    if given.command == "withdraw":
        return commands.withdraw(database, given.version, given.reason, actor, now)
    if given.command == "revert":
        return commands.revert(database, given.reason, actor, now)
    return commands.status(database, now)


def _person(
    given: argparse.Namespace, database: Database, actor: Actor, now: datetime
) -> list[str]:
    if given.act == "unlock":
        return commands.unlock(database, given.name, actor, given.reason, now)
    if given.act == "remove":
        return commands.remove_person(database, given.name, actor, given.reason, now)
    password = _password(given.password_file)
    if given.act == "password":
        return commands.set_password(database, given.name, password, actor, given.reason, now)
    return commands.add_person(
        database, given.name, given.role, password, given.simulated, actor, given.reason, now
    )


def _key(given: argparse.Namespace, database: Database, actor: Actor, now: datetime) -> list[str]:
    if given.act == "revoke":
        return commands.revoke_key(database, given.prefix, actor, given.reason, now)
    key = _first_line(given.key_file) if given.key_file else None
    return commands.add_key(database, given.consumer, given.role, key, actor, given.reason, now)


def _webhook(
    given: argparse.Namespace, database: Database, private: bool, actor: Actor, now: datetime
) -> list[str]:
    if given.act == "list":
        return commands.list_webhooks(database)
    if given.act == "remove":
        return commands.remove_webhook(database, given.id, actor, given.reason, now)
    return commands.add_webhook(
        database, given.url, given.consumer, private, actor, given.reason, now
    )


def _alarm(given: argparse.Namespace, database: Database, actor: Actor, now: datetime) -> list[str]:
    if given.act == "list":
        return commands.open_alarms(database, now)
    act = commands.acknowledge if given.act == "acknowledge" else commands.clear
    return act(database, given.alarm, given.reason, actor, now)


def _check_text(given: argparse.Namespace) -> None:
    """A stop may be followed before any database sees its reason."""
    try:
        " ".join(one for one in vars(given).values() if isinstance(one, str)).encode()
    except UnicodeEncodeError as error:
        raise commands.Refused("What was typed is not text in UTF-8.") from error


def _password(file: Path | None) -> str:
    if file is not None:
        return _first_line(file)
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")


def _first_line(file: Path) -> str:
    try:
        return file.read_text().split("\n")[0].strip("\r")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise commands.Refused(f"{file} cannot be read: {why}.") from error


if __name__ == "__main__":
    os.umask(0o077)  # the database, pictures and bundles are nobody else's to read
    sys.exit(main())
