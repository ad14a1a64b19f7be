"""A candidate's way on evidence through real processes, two of each: one that is good, and one that lost a class.

The reviewers are simulated: they say what the picture was drawn as.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.reviewer import Reviewer
from service.client import Client
from store import decisions, rollouts
from store.database import Database
from tests.journeys.two import Two, two_of_each
from tests.store.rolling import PLAN
from tests.toy import draw

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

CLASSES = ("bear", "teddy", "frog")
PASSWORD = secrets.token_urlsafe(12)
QUICK = {
    "URSA_ROLLOUT_MINIMUM_PAIRS": "12",
    "URSA_ROLLOUT_MARGIN": "0.05",
    # a label that takes longer to its commit would be missed by the decision and found by its replay
    "URSA_ROLLOUT_SETTLE_SECONDS": "3",
    "URSA_DOUBLES_RATE": "1",
    # looks at windows and replays are tested elsewhere
    "URSA_NULL_REPLAY_WINDOWS": "10",
    "URSA_WINDOW_PREDICTIONS": "5000",
}
PATIENCE = 180  # from a place where a machine is slow: enough for that, not for one that hangs
BATCH = 6
PLANNED = {**PLAN, "steps": [0.5]}


class Traffic:
    """Pictures of all classes in turn, and two reviewers who know how each was drawn."""

    def __init__(self, two: Two, stack: ExitStack) -> None:
        self.two, self.numbers = two, count()
        self.truth: dict[str, str] = {}
        self.clients = [stack.enter_context(two.client(one)) for one in (two.one, two.other)]
        for name in ("rosa", "bruno"):
            words = (
                "person",
                "add",
                name,
                "--role",
                "reviewer",
                "--simulated",
                "--reason",
                "a test",
            )
            two.one.command("service", *words, feed=PASSWORD)
        self.reviewers = [
            stack.enter_context(Reviewer(two.one.url, name, PASSWORD)) for name in ("rosa", "bruno")
        ]

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Send and label until it is so."""

        def look() -> bool:
            if done():
                return True
            for number in (next(self.numbers) for _ in range(BATCH)):
                data = draw(number % len(CLASSES), 1000 + number)
                self.truth[hashlib.sha256(data).hexdigest()] = CLASSES[number % len(CLASSES)]
                # to both services in turn
                self.clients[number // 2 % 2].predict(data, segment="zoo")
            for reviewer in self.reviewers:
                reviewer.label_all(self.truth.get)
            return False

        self.two.one.wait_for(look, PATIENCE, what)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is closed at the end."""
    with ExitStack() as made:
        yield made


def moves(database: Database) -> list[tuple[str, str, bool]]:
    """Every move of the newest rollout, oldest first: its name, who made it, whether a decision stands behind it."""
    with database.read() as session:
        newest = rollouts.newest(session)
        assert newest is not None
        events = rollouts.events(session, 100, newest.id)
        return [
            (one.move, one.actor_kind, one.decision_id is not None)
            for one in reversed(events)
            if one.move in rollouts.MOVES
        ]


def advised(operator: Client) -> bool:
    told = operator.rollout()["decision"]
    return bool(told and told["stands"] and told["advised"] == "promote")


def test_a_good_candidate_goes_from_manual_to_full_and_two_monitors_decide_each_step_once(
    sqlite_url: str, tmp_path: Path, stack: ExitStack
) -> None:
    # the one that answers takes frogs for teddies and teddies for frogs
    versions = ({"order": (0, 2, 1)}, {"seed": 1})
    two = stack.enter_context(two_of_each(sqlite_url, tmp_path, versions, CLASSES, **QUICK))
    operator, traffic = stack.enter_context(two.client(two.one)), Traffic(two, stack)
    assert operator.preflight(2, **PLANNED) == []

    traffic.until(lambda: operator.rollout()["stage"] == "limited", "the limited stage")
    traffic.until(lambda: operator.rollout()["stage"] == "expanding", "the expanding stage")
    traffic.until(lambda: advised(operator), "the advice to promote")

    # evidence lets nobody answer everything by itself: two people do, and its decision stands behind them
    assert operator.promote(2, "the evidence is enough").answering == 1
    two.one.command("service", "promote", "--version", "2", "--reason", "it is")
    two.one.wait_for(
        lambda: all(one.predict(draw(1, 3)).model_version == 2 for one in traffic.clients),
        10,
        "version 2 to answer everywhere",
    )
    assert moves(two.database) == [
        ("limit", "monitoring", True),
        ("expand", "monitoring", True),
        ("promote", "command", True),
    ]
    made = two.one.command("monitoring", "replay-decision", "--all")
    assert made.endswith(" 0 of them not the same.\n")


def test_a_candidate_that_lost_one_class_is_taken_back_on_evidence(
    sqlite_url: str, tmp_path: Path, stack: ExitStack
) -> None:
    # it answers everything but frogs as well as the other one
    versions: tuple[dict[str, Any], ...] = ({}, {"seed": 1, "order": (0, 1, 0)})
    two = stack.enter_context(two_of_each(sqlite_url, tmp_path, versions, CLASSES, **QUICK))
    operator, traffic = stack.enter_context(two.client(two.one)), Traffic(two, stack)
    assert operator.preflight(2, **PLANNED) == []

    traffic.until(lambda: ("revert", "monitoring") in two.events(), "the revert")
    two.one.wait_for(
        lambda: all(one.predict(draw(2, 3)).label == "frog" for one in traffic.clients),
        10,
        "the incumbent alone",
    )
    assert moves(two.database) == [("revert", "monitoring", True)]
    with two.database.read() as session:
        last = decisions.newest(session, 1)[0]
    assert last.verdict == "revert"
    assert {"harm", "class_harm"} & set(last.values["act"]["because"])
    assert last.values["worst_class"] == "frog"
    assert two.other.command("monitoring", "replay-decision", last.id).startswith("1 made again, 0")
