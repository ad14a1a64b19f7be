"""Who plays in the demo: two reviewers, two operators, cameras with a key, and a key of the operators.

All of them are simulated, and it stands in every name, so that it stands wherever the name does: beside labels, in
the audit trail, on pages.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from store import command_line, letting_in, people
from store.database import Database

MARK = "(simulated)"


@dataclass(frozen=True)
class Player:
    """Somebody who can sign in."""

    name: str
    password: str


@dataclass(frozen=True)
class Cast:
    """The people, and the two keys."""

    reviewers: tuple[Player, Player]
    operators: tuple[Player, Player]
    camera_key: str
    operator_key: str


def register(database_url: str, now: datetime) -> Cast:
    """Let all of them in."""
    cast = Cast(
        (_player("rosa"), _player("bruno")),
        (_player("olga"), _player("emil")),
        people.new_key(),
        people.new_key(),
    )
    database, actor, why = Database(database_url), command_line.actor(), "they play in the demo"
    with database.write() as session:
        for role, players in (("reviewer", cast.reviewers), ("operator", cast.operators)):
            for one in players:
                letting_in.person(
                    session, one.name, one.password, role, actor, why, now, simulated=True
                )
        for name, key, role in (
            (f"cameras {MARK}", cast.camera_key, "consumer"),
            (f"operators' key {MARK}", cast.operator_key, "operator"),
        ):
            letting_in.key(session, name, key, role, actor, why, now)
    database.dispose()
    return cast


def _player(name: str) -> Player:
    return Player(f"{name} {MARK}", secrets.token_urlsafe(12))
