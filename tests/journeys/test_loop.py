"""The loop, once around, in three real processes: predict, review, label, retrain, backtest, promote, revert."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo.reviewer import Reviewer
from retrain.samples import CLASSES, write_folder
from store import predictions, reviews, windows
from store.database import Database
from store.objects import Objects
from store.pictures import PictureStore
from tests.journeys.programs import Programs, programs

pytestmark = [pytest.mark.journey, pytest.mark.training, pytest.mark.timeout(600)]

PASSWORD = secrets.token_urlsafe(12)
ORDINARY, SHIFTED = 20, 20

# everything is reviewed, so that a short journey has labels enough
POLICY = """\
answer_at = 0.0
hold_below = 0.0
review_below = 1.0
review_out_of_domain = true
"""


@pytest.fixture
def three(tmp_path: Path, database_url: str) -> Iterator[Programs]:
    """Three programs on an empty database, none of them started."""
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    with programs(
        tmp_path,
        database_url,
        URSA_POLICY_FILE=str(policy),
        URSA_AUDIT_RATE="0.3",
        URSA_RETRAIN_EPOCHS="2",
        URSA_WINDOW_PREDICTIONS="50",
        URSA_WINDOW_MINIMUM="20",
    ) as made:
        yield made


def test_the_loop_closes(three: Programs, tmp_path: Path) -> None:
    key = _started(three, tmp_path / "first")
    ordinary = _pictures(tmp_path / "ordinary", ORDINARY, 2, None)
    shifted = _pictures(tmp_path / "shifted", SHIFTED, 3, "drawn")
    told: list[str] = []
    with httpx.Client(
        base_url=three.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
    ) as consumer:

        def answers(version: int, data: bytes) -> None:
            three.wait_for(
                lambda: _answering(consumer, data, told, version),
                10,
                f"version {version} to answer",
            )

        first = _send(consumer, ordinary[0][0], told)
        assert (first["status"], first["label"], first["stage"]) == ("pending", None, "manual")
        three.promote(1, "the first model, looked at", key)
        answers(1, ordinary[0][0])
        for data, _ in (*ordinary, *shifted):
            assert _send(consumer, data, told)["status"] == "answered"
        _labelled(three, [*ordinary, *shifted], len(told))
        # people answered what no model had
        now_told = consumer.get(f"/v1/predictions/{first['id']}").json()
        assert (now_told["answered_by"], now_told["label"]) == ("person", ordinary[0][1])

        _act(consumer, "/v1/retrain", None)
        _is_candidate(
            three.wait_for(lambda: _backtested(consumer, 2), 240, "version 2 and its backtest")
        )
        # the candidate runs alongside and changes nothing
        three.wait_for(
            lambda: _shadowed(three, consumer, shifted[0][0], told), 10, "a shadow answer"
        )
        three.promote(2, "it learned the drawings", key)
        answers(2, shifted[1][0])
        _act(consumer, "/v1/revert", "to see that it can be taken back")
        answers(1, shifted[2][0])

    three.wait_for(lambda: _window(three), 60, "a window to be checked")
    for program in ("retrain", "monitoring", "service"):
        assert three.stop(program) == 0
    _everything_is_kept(three, told)


def _started(three: Programs, pictures: Path) -> str:
    """A first model, a reviewer and three programs; the key of a consumer who may operate."""
    write_folder(pictures, per_class=40, seed=1)
    small = ("--size", "32", "--epochs", "3", "--seed", "1")
    three.command("retrain", "first-model", str(pictures), *small)
    why = ("--reason", "a test")
    person = ("person", "add", "rosa", "--role", "reviewer", "--simulated")
    three.command("service", *person, *why, feed=PASSWORD)
    key = three.command("service", "key", "add", "shop", "--role", "operator", *why).strip()
    for program in ("service", "monitoring", "retrain"):
        three.start(program)
    return key


def _labelled(three: Programs, pictures: list[tuple[bytes, str]], asked: int) -> None:
    """A reviewer answers all that was asked."""
    truth = {hashlib.sha256(data).hexdigest(): name for data, name in pictures}
    with Reviewer(three.url, "rosa", PASSWORD) as rosa:
        labelled = rosa.label_all(truth.get)
    assert (labelled.labels, labelled.skipped) == (asked, 0)


def _is_candidate(second: dict[str, Any]) -> None:
    assert second["role"] == "candidate"
    assert second["stage"] == "manual"
    test = second["backtest"]
    assert test["against"] == 1
    assert test["pictures"] > 0
    assert test["low"] <= test["difference"] <= test["high"]


def _pictures(folder: Path, number: int, seed: int, shift: str | None) -> list[tuple[bytes, str]]:
    paths = write_folder(folder, per_class=number, seed=seed, shift=shift)
    assert len(paths) == number * len(CLASSES)
    return [(path.read_bytes(), path.parent.name) for path in paths]


def _send(consumer: httpx.Client, data: bytes, told: list[str]) -> dict[str, Any]:
    answer = consumer.post("/v1/predictions", files={"image": ("picture.jpg", data)})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    told.append(body["id"])
    return body


def _answering(consumer: httpx.Client, data: bytes, told: list[str], number: int) -> bool:
    return bool(_send(consumer, data, told)["model_version"] == number)


def _shadowed(three: Programs, consumer: httpx.Client, data: bytes, told: list[str]) -> bool:
    answer = _send(consumer, data, told)
    assert answer["model_version"] == 1
    database = Database(three.database_url)
    try:
        with database.read() as session:
            return [one.error for one in predictions.shadows(session, answer["id"])] == [None]
    finally:
        database.dispose()


def _act(consumer: httpx.Client, path: str, reason: str | None) -> None:
    answer = consumer.post(path, json=None if reason is None else {"reason": reason})
    assert answer.is_success, answer.text


def _backtested(consumer: httpx.Client, number: int) -> dict[str, Any] | None:
    models = consumer.get("/v1/models").json()["models"]
    found = [one for one in models if one["number"] == number and one["backtest"]]
    return found[0] if found else None


def _window(three: Programs) -> bool:
    database = Database(three.database_url)
    try:
        with database.read() as session:
            return bool(windows.newest(session, 1))
    finally:
        database.dispose()


def _everything_is_kept(three: Programs, told: list[str]) -> None:
    database = Database(three.database_url)
    pictures = PictureStore(Objects(str(three.folder / "storage")))
    try:
        with database.read() as session:
            assert predictions.count(session) == len(set(told)) == len(told)
            for prediction_id in told:
                row = predictions.get(session, prediction_id)
                kept = pictures.read(row.picture_digest)
                assert hashlib.sha256(kept).hexdigest() == row.picture_digest
                assert row.audit_rate == 0.3
            assert reviews.of_prediction(session, told[0])
    finally:
        database.dispose()
