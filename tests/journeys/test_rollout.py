"""A candidate's way through real processes, two of each: its end by the clock, a crash, a kill while the database is held.

What is waited for has no other way to be told: the processes share a database, a storage folder and nothing else.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sqlalchemy import make_url

from store import switches
from tests.journeys.two import Two, two_of_each
from tests.store.rolling import PLAN
from tests.toy import draw, toy_network


def breaks_in_the_dark() -> bytes:
    """The toy network with a logarithm that is no number where a picture is dark."""
    model = onnx.load_from_string(toy_network(2))
    graph = model.graph
    for node in graph.node:
        if node.output[0] == "logits":
            node.output[0] = "plain"
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([1.3], np.float32), "lift"),
            numpy_helper.from_array(np.array([0.0], np.float32), "nothing"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("ReduceMean", ["means"], ["light"], axes=[1], keepdims=1),
            helper.make_node("Add", ["light", "lift"], ["lifted"]),
            helper.make_node("Log", ["lifted"], ["logarithm"]),
            helper.make_node("Mul", ["logarithm", "nothing"], ["zero"]),
            helper.make_node("Add", ["plain", "zero"], ["logits"]),
        ]
    )
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    content: bytes = model.SerializeToString()
    return content


@pytest.fixture
def two(sqlite_url: str, tmp_path: Path) -> Iterator[Two]:
    """Everything runs; the candidate breaks in the dark."""
    versions: tuple[dict[str, Any], ...] = ({}, {"seed": 1, "network": breaks_in_the_dark()})
    with two_of_each(sqlite_url, tmp_path, versions) as made:
        yield made


@contextmanager
def held(url: str) -> Iterator[None]:
    """Nobody can write to the database until the end of the block."""
    with closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def predict(client: httpx.Client, **shift: Any) -> dict[str, Any]:
    answer = client.post("/v1/predictions", files={"image": ("a.png", draw(0, 3, **shift))})
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def test_a_stage_ends_by_the_clock_a_crash_ends_a_rollout_and_a_kill_needs_no_database(
    two: Two,
) -> None:
    with two.service(two.one) as here, two.service(two.other) as there:
        here.put("/v1/models/2/preflight", json=PLAN).raise_for_status()
        ends = (datetime.now(UTC) + timedelta(seconds=12)).isoformat()
        limit = {"reason": "try it", "although_held": True, "scope": {"expires_at": ends}}
        two.one.wait_for(
            lambda: here.post("/v1/models/2/limit", json=limit).is_success, 30, "a heartbeat"
        )
        two.one.wait_for(
            lambda: predict(there)["stage"] == "limited", 10, "the candidate to answer"
        )

        # the end: by the clock in the services, then in the rows, once, though two monitors look
        two.one.wait_for(lambda: predict(here)["stage"] == "full", 30, "the end of the stage")
        two.one.wait_for(lambda: here.get("/v1/rollout").json()["stage"] == "manual", 30, "the row")
        assert two.events().count(("fall_back", "monitoring")) == 1

        # a crash: this very request is answered, and the candidate is gone everywhere
        later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        again = {"reason": "try again", "although_held": True, "scope": {"expires_at": later}}
        here.post("/v1/models/2/limit", json=again).raise_for_status()
        two.one.wait_for(lambda: predict(here)["stage"] == "limited", 10, "the candidate to answer")
        crashed = time.monotonic()
        told = predict(here, shift="dark")
        assert (told["status"], told["model_version"], told["stage"]) == ("answered", 1, "full")
        for client in (here, there):
            two.one.wait_for(
                lambda c=client: c.get("/readyz").json()["models"]["alongside"] is None,  # type: ignore[misc]  # bound now
                10,
                "the candidate to be gone",
            )
        print(f"gone in both services {time.monotonic() - crashed:.2f} s after the crash")
        two.one.wait_for(lambda: ("revert", "system") in two.events(), 10, "the row of it")

        # a kill in one process is followed by the other while nobody can write
        with held(two.database.url):
            here.post("/v1/kill", json={"reason": "smoke"}).raise_for_status()
            assert here.get("/readyz").json()["models"]["killed"]
            two.one.wait_for(
                lambda: there.get("/readyz").json()["models"]["killed"], 4, "the other to stop"
            )
            with two.database.read() as session:
                assert not switches.thrown(session, "killed")
        two.one.wait_for(
            lambda: here.get("/v1/rollout").json()["switches"]["killed"], 15, "the row"
        )
        assert predict(there)["status"] == "pending"
        here.post("/v1/release", json={"reason": "it was steam"}).raise_for_status()
        two.one.wait_for(lambda: predict(there)["status"] == "answered", 10, "answers again")
        trail = here.get("/v1/audit-trail", params={"format": "csv"}).text
    for word in ("fall_back", "hard limits", "smoke", "it was steam", "release"):
        assert word in trail
