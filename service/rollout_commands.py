"""The commands about rollouts: questions, steps, switches, the trail; the same acts as the page and the API.

`kill` leaves the mark that every process finds within a second, and whoever reaches the database first writes the rows.
To stop all models it needs no database, unless they are stopped already, which is written down at once; to go back to
the last good one it must read there which one that is. All others
are one transaction each.
"""

import argparse
import json
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from service import commands, stepping, stopping, trail
from service.commands import Refused
from service.settings import Settings
from store import rollouts, stops
from store.database import Database
from store.errors import Invalid
from store.objects import Objects
from store.pictures import storage_of
from store.rollouts import Actor
from store.stops import KILLED, Stop
from store.tables import RolloutEvent

# what argparse gives for commands to be added to has no public name
Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
NAMES = (
    "preflight", "limit", "expand", "fall-back", "freeze", "unfreeze", "kill", "release", "audit-trail",
)  # fmt: skip


def add_to(subs: Subcommands) -> None:
    """Every command of this room with its flags."""
    told = {
        "preflight": "answer the questions before a rollout, from a TOML file",
        "limit": "let a candidate answer inside its scope",
        "expand": "let a candidate answer for a larger share",
        "fall-back": "let a candidate run alongside again",
        "freeze": "let no candidate's exposure grow",
        "unfreeze": "let rollouts go on",
        "kill": "stop all models at once, which works without the database, or go back to the last good one",
        "release": "let models answer again",
        "audit-trail": "print everything that was done",
    }
    made = {name: subs.add_parser(name, help=help_) for name, help_ in told.items()}
    for name in ("preflight", "limit", "expand", "fall-back"):
        made[name].add_argument("--version", type=int, required=True)
    for name in set(NAMES) - {"preflight", "audit-trail"}:
        made[name].add_argument("--reason", required=True)
    made["kill"].add_argument(
        "--to",
        choices=("manual", "last_good"),
        default="manual",
        help="people, or the last good model",
    )
    for name in ("limit", "expand"):
        made[name].add_argument(
            "--although-held",
            action="store_true",
            help="though monitoring has not found it not worse",
        )
    made["preflight"].add_argument("--file", type=Path, required=True)
    made["limit"].add_argument(
        "--scope-file", type=Path, help="TOML; else the scope that was planned"
    )
    made["expand"].add_argument("--share", type=float, help="else the next planned step")
    made["audit-trail"].add_argument("--format", choices=("csv", "json"), default="json")
    made["audit-trail"].add_argument(
        "--since", type=datetime.fromisoformat, help="with its zone, such as 2026-05-01T00:00+00:00"
    )


def run(given: argparse.Namespace, settings: Settings, actor: Actor, now: datetime) -> list[str]:
    """Do one of these commands; its lines."""
    if given.command == "kill":
        return _kill(settings, given, actor, now)
    with commands.opened(settings) as database:
        if given.command == "audit-trail":
            return _trail(database, given)
        if given.command in ("freeze", "unfreeze", "release"):
            return _switch(database, settings, given, actor, now)
        return _step(database, given, actor, now)


def _kill(settings: Settings, given: argparse.Namespace, actor: Actor, now: datetime) -> list[str]:
    reason = given.reason.strip()
    if not reason:
        raise Invalid("A reason is needed.", "no_reason")
    target, told = (
        KILLED,
        "All models stop within a second: people answer. `release` lets them answer again.",
    )
    # whatever the database does: a mark is found by nobody where the storage is not mounted
    objects = Objects(settings.store.storage_url, there=True)
    if given.to == "last_good":
        with commands.opened(settings) as database, database.read() as session:
            live = rollouts.live(session)
        # one that is stopped already answers nobody, though the rows may not say so yet
        candidate, incumbent, before = (
            one if one is not None and stops.find(objects, one.rollout_id) is None else None
            for one in (live.candidate, live.incumbent, live.previous)
        )
        target = stopping.newest_answering(candidate, incumbent or before)
        told = "The newest model that answers is gone within a second, for good: the one before it answers, or people."
    stop = Stop(target, actor, reason, now)
    stops.put(objects, stop, now)
    first = stops.said_again(commands.opened(settings), objects, stop, now)
    if first is not None:
        return [f"{first.actor.name} has stopped it already; that you do too is written down."]
    return [told]


def _step(database: Database, given: argparse.Namespace, actor: Actor, now: datetime) -> list[str]:
    version = given.version
    with database.write() as session:
        if given.command == "preflight":
            lacks = stepping.prepare(session, version, _toml(given.file), actor, now)
            return [f"Still to be written: {one}" for one in lacks] or ["Nothing is missing."]
        if given.command == "limit":
            scope = _toml(given.scope_file) if given.scope_file else None
            event = stepping.limit(
                session, version, scope, actor, given.reason, now, although_held=given.although_held
            )
        elif given.command == "expand":
            event = stepping.expand(
                session,
                version,
                given.share,
                actor,
                given.reason,
                now,
                although_held=given.although_held,
            )
        else:
            event = stepping.fall_back(session, version, actor, given.reason, now)
        return [_told(event, version)]


def _switch(
    database: Database, settings: Settings, given: argparse.Namespace, actor: Actor, now: datetime
) -> list[str]:
    if given.command == "release":
        objects = storage_of(database, settings.store.storage_url)
        stopping.release(database, objects, actor, given.reason, now)
        return ["Models may answer again."]
    on = given.command == "freeze"
    with database.write() as session:
        stopping.freeze(session, on, actor, given.reason, now)
    return ["Nothing grows until `unfreeze`." if on else "Rollouts go on."]


def _trail(database: Database, given: argparse.Namespace) -> list[str]:
    if given.since is not None and given.since.tzinfo is None:
        raise Refused("--since needs its zone, such as 2026-05-01T00:00+00:00.")
    with database.read() as session:
        return trail.export(session, given.format, given.since).rstrip("\r\n").split("\r\n")


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        return json.loads(json.dumps(tomllib.loads(file.read_text()), default=str))  # type: ignore[no-any-return]  # a table
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{file} is not TOML: {error}.") from error


def _told(event: RolloutEvent, version: int) -> str:
    share = f", {100 * event.share:g} %" if event.to_stage in ("limited", "expanding") else ""
    return f"Event {event.id}: version {version} is in {event.to_stage}{share}."
