"""What the commands do: the same acts as API and pages, each in one transaction, written down with who did it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from service import alarming, delivering, explaining, listing, releasing
from service.program import read_policy
from service.releasing import Released
from service.settings import Settings
from store import (
    alarms,
    heartbeats,
    letting_in,
    migrate,
    opinions,
    people,
    predictions,
    privileged_acts,
    reviews,
    rollouts,
    webhooks,
)
from store.database import Database
from store.rollouts import Actor


class Refused(Exception):
    """Why a command does nothing, in one sentence."""


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database, once it is known to be one that this code can use."""
    database = Database(settings.store.database_url, pool_size=1)
    try:
        migrate.check(database)
        yield database
    finally:
        database.dispose()


def add_person(
    database: Database,
    name: str,
    role: str,
    password: str,
    simulated: bool,
    actor: Actor,
    reason: str,
    now: datetime,
) -> list[str]:
    """Somebody who may sign in."""
    with database.write() as session:
        letting_in.person(session, name, password, role, actor, reason, now, simulated=simulated)
    return [f"{name} may sign in as {role}."]


def set_password(
    database: Database, name: str, password: str, actor: Actor, reason: str, now: datetime
) -> list[str]:
    """A new password for somebody, whose sign-ins all end."""
    with database.write() as session:
        people.set_password(session, name, password, now)
        privileged_acts.record(session, actor, "set password", name, reason, {}, now)
    return [f"{name} has a new password; every sign-in of theirs has ended."]


def unlock(database: Database, name: str, actor: Actor, reason: str, now: datetime) -> list[str]:
    """Somebody who guessed too often may try again."""
    with database.write() as session:
        people.unlock(session, name)
        privileged_acts.record(session, actor, "unlock", name, reason, {}, now)
    return [f"{name} may try to sign in again."]


def remove_person(
    database: Database, name: str, actor: Actor, reason: str, now: datetime
) -> list[str]:
    """Somebody who left may sign in no more."""
    with database.write() as session:
        people.remove_person(session, name, now)
        privileged_acts.record(session, actor, "remove person", name, reason, {}, now)
    return [f"{name} may sign in no more; every sign-in of theirs has ended."]


def add_key(
    database: Database,
    consumer: str,
    role: str,
    key: str | None,
    actor: Actor,
    reason: str,
    now: datetime,
) -> list[str]:
    """A key for a consumer; it is printed this once and kept as its digest only."""
    wanted = key or people.new_key()
    with database.write() as session:
        row = letting_in.key(session, consumer, wanted, role, actor, reason, now)
    return [wanted] if key is None else [f"{row.prefix}... is a key of {consumer}."]


def revoke_key(
    database: Database, prefix: str, actor: Actor, reason: str, now: datetime
) -> list[str]:
    """The keys with this prefix are worth nothing from now on."""
    with database.write() as session:
        number = people.revoke_key(session, prefix, now)
        privileged_acts.record(session, actor, "revoke key", prefix, reason, {"keys": number}, now)
    return [f"{number} revoked."]


def add_webhook(
    database: Database,
    url: str,
    consumer: str | None,
    private: bool,
    actor: Actor,
    reason: str,
    now: datetime,
) -> list[str]:
    """Let somebody be told; the secret that signs is printed this once."""
    parts = delivering.check(url, private)
    with database.write() as session:
        consumer_id = people.add_consumer(session, consumer, now).id if consumer else None
        hook = webhooks.add(session, url, consumer_id, now)
        # its path and query may hold a token, and the audit trail is for more eyes than this table
        detail = {"url": f"{parts.scheme}://{parts.netloc}", "consumer": consumer}
        privileged_acts.record(session, actor, "add webhook", hook.id, reason, detail, now)
    return [
        f"{hook.id} is told {'of answers' if consumer else 'of alarms'} from now on.",
        hook.secret,
    ]


def list_webhooks(database: Database) -> list[str]:
    """Who is told what, and how that goes."""
    with database.read() as session:
        found = webhooks.listed(session)
    return [
        f"{one.webhook.id} {one.webhook.url}: "
        f"{'answers' if one.webhook.consumer_id else 'alarms'}, {one.waiting} waiting, last: {one.said or 'nothing yet'}"
        for one in found
    ] or ["Nobody is told anything."]


def remove_webhook(
    database: Database, webhook_id: str, actor: Actor, reason: str, now: datetime
) -> list[str]:
    """Tell it nothing any more."""
    with database.write() as session:
        given_up = webhooks.remove(session, webhook_id, now)
        privileged_acts.record(session, actor, "remove webhook", webhook_id, reason, {}, now)
    return [f"It is told nothing any more; {given_up} deliveries were given up."]


def promote(
    database: Database, version: int, reason: str, although_held: bool, actor: Actor, now: datetime
) -> list[str]:
    """Let a version answer everything."""
    with database.write() as session:
        return _moved(
            releasing.promote(session, version, actor, reason, now, although_held=although_held)
        )


def withdraw(
    database: Database, version: int, reason: str, actor: Actor, now: datetime
) -> list[str]:
    """Take a candidate off its way."""
    with database.write() as session:
        return _moved(releasing.withdraw(session, version, actor, reason, now))


def revert(database: Database, reason: str, actor: Actor, now: datetime) -> list[str]:
    """Take back the version that answers."""
    with database.write() as session:
        return _moved(releasing.revert(session, actor, reason, now))


def acknowledge(
    database: Database, alarm: str, reason: str, actor: Actor, now: datetime
) -> list[str]:
    """Take an alarm on."""
    with database.write() as session:
        alarming.acknowledge(session, alarm, actor, reason, now)
    return ["It stays open, with your name and reason."]


def clear(database: Database, alarm: str, reason: str, actor: Actor, now: datetime) -> list[str]:
    """Say that an alarm is over."""
    with database.write() as session:
        alarming.clear(session, alarm, actor, reason, now)
    return ["It is over; the next one will be a new alarm."]


def open_alarms(database: Database, now: datetime) -> list[str]:
    """What is open, a line each."""
    with database.read() as session:
        found = alarms.open_alarms(session)
    return [
        f"{one.id}  {one.kind}  {one.stream or 'all'}  {(now - one.raised_at).total_seconds():.0f} seconds ago"
        + (f"  {one.acknowledged_by} has taken it on" if one.acknowledged_by else "")
        for one in found
    ] or ["No alarm is open."]


def status(database: Database, now: datetime) -> list[str]:
    """Who answers, and what waits."""
    day = now - timedelta(days=1)
    with database.read() as session:
        live = rollouts.live(session)
        traffic, queue = predictions.traffic(session, day), reviews.queue(session, day)
        beats, known = heartbeats.last(session), listing.versions(session, 5)
    lines = [
        f"answering: {f'version {live.incumbent.number}' if live.incumbent else 'people'}"
        + (" (all models are stopped)" if live.killed else ""),
        f"candidate: {f'version {live.candidate.number}, {live.candidate.stage}' if live.candidate else 'none'}",
        f"last 24 hours: {traffic.predictions} predictions, {traffic.pending} of them pending,"
        f" {traffic.out_of_domain} unlike the training pictures",
        f"reviews: {queue.open} open, {queue.settled} settled in the last 24 hours",
    ]
    for program, at in sorted(beats.items()):
        lines.append(f"{program}: last heard of {(now - at).total_seconds():.0f} seconds ago")
    for one in known:
        verdict = f", backtest {one.backtest.verdict}" if one.backtest else ""
        stage = one.rollout.outcome or one.rollout.stage if one.rollout else "never on its way"
        lines.append(f"version {one.version.number}: {stage}{verdict}")
    return lines


def explain(
    database: Database, settings: Settings, file: Path | None, days: float, now: datetime
) -> list[str]:
    """What a policy would have done on the traffic of the last days."""
    if not 0 < days <= 3650:
        raise Refused("--days must be above 0 and at most 3650.")
    policy = read_policy(replace(settings, policy_file=file) if file else settings)
    with database.read() as session:
        asked = now - timedelta(days=days)
        found, begins = opinions.since(session, asked), opinions.begins(session, asked)
    # a day is not told from minutes
    covered = max((now - begins) / timedelta(days=1), 1 / 24)
    return explaining.lines(policy, found, min(covered, days))


def _moved(released: Released) -> list[str]:
    if released.confirmed:
        return [
            f"Event {released.event_id}: {released.confirmed[0]} has confirmed version {released.moved};"
            " somebody else must as well."
        ]
    now = "people" if released.answering is None else f"version {released.answering}"
    return [f"Event {released.event_id}: from now on {now} answer{'' if now == 'people' else 's'}."]
