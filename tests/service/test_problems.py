"""Every error a consumer can meet: its status, its code, a sentence, and nothing left behind."""

import struct
import tempfile
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from store import predictions
from tests.service.conftest import Start
from tests.service.serving import Serving, away
from tests.toy import draw


def animation() -> bytes:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    file = BytesIO()
    frames[0].save(file, "gif", save_all=True, append_images=frames[1:])
    return file.getvalue()


def bomb() -> bytes:
    """A PNG of some bytes that claims 60,000 by 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def tiny() -> bytes:
    file = BytesIO()
    Image.new("RGB", (2, 2)).save(file, "png")
    return file.getvalue()


GOOD = draw(0, 1, format="jpeg")
PICTURES = {
    "not_a_picture": (415, b"%!PS, or anything else that is no picture"),
    "unsupported_format": (415, b"\x00\x00\x00\x18ftypheic" + bytes(50)),
    "empty": (422, b""),
    "truncated": (422, GOOD[:-100]),
    "broken": (422, draw(0, 1)[:60] + bytes(200) + draw(0, 1)[260:]),
    "animated": (422, animation()),
    "too_many_pixels": (422, bomb()),
    "too_many_parts": (422, GOOD[:2] + b"\xff\xfe\0\2" * 20_000 + GOOD[2:]),
    "too_small": (422, tiny()),
}


@pytest.mark.parametrize("reason", PICTURES)
def test_a_bad_picture_is_refused_with_its_reason(shared: Serving, reason: str) -> None:
    status, image = PICTURES[reason]
    with shared.http() as client:
        answer = post(client, image)
    told = problem(answer, status, "bad_picture")
    assert told["reason"] == reason
    with shared.database.read() as session:
        assert predictions.count(session) == 0


FIELDS: list[dict[str, str]] = [
    {"segment": "x" * 201},
    {"subject": "a\x00b"},
    {"reference": "two\nlines"},
    {"captured_at": "yesterday"},
    {"captured_at": "2026-01-01T00:00:00"},
    {"captured_at": "1066-10-14T09:00:00Z"},
    {"captured_at": "9999-01-01T00:00:00Z"},
]


@pytest.mark.parametrize("fields", FIELDS, ids=str)
def test_a_malformed_field_is_named(shared: Serving, fields: dict[str, str]) -> None:
    with shared.http() as client:
        answer = post(client, GOOD, fields)
    told = problem(answer, 422, "invalid_request")
    assert next(iter(fields)) in told["detail"]


@pytest.mark.parametrize("name", ["image", "segment", "subject", "reference", "captured_at"])
def test_a_field_that_is_said_twice_is_refused(shared: Serving, name: str) -> None:
    one = ("a.png", draw(0, 1)) if name == "image" else (None, "2026-03-02T12:00:00Z")
    files = {"image": ("a.png", draw(0, 1))}
    with shared.http() as client:
        answer = client.post("/v1/predictions", files=[*files.items(), (name, one), (name, one)])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert name in answer.json()["detail"]


def test_an_empty_field_is_one_that_is_not_given(shared: Serving) -> None:
    empty = dict.fromkeys(("segment", "subject", "reference", "captured_at"), "")
    with shared.http() as client:
        answer = client.post("/v1/predictions", files={"image": ("a.png", draw(0, 1))}, data=empty)
    assert (answer.status_code, answer.json()["reference"]) == (200, None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/predictions/none/feedback", {"correct": "yes"}),
        ("/v1/predictions/none/feedback", {"correct": 1}),
        ("/v1/models/1/promote", {"reason": "x", "although_held": "on"}),
        ("/v1/models/1/expand", {"reason": "x", "share": "0.5"}),
    ],
)
def test_a_text_is_neither_a_truth_value_nor_a_number(
    shared: Serving, path: str, body: dict[str, Any]
) -> None:
    with shared.http("everything", "operator") as client:
        answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_moment_at_the_end_of_the_calendar_is_one(shared: Serving, since: str) -> None:
    with shared.http("everything", "operator") as client:
        assert client.get("/v1/audit-trail", params={"since": since}).status_code == 200


def test_a_large_picture_is_never_written_to_a_temporary_file(
    served: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    noise = Image.effect_noise((1400, 1400), 100).convert("RGB")
    written = BytesIO()
    noise.save(written, "png")
    assert len(written.getvalue()) > 1_100_000
    with served.http() as client:
        answer = client.post("/v1/predictions", files={"image": ("a.png", written.getvalue())})
    assert answer.status_code == 200


def test_a_missing_picture_is_named(shared: Serving) -> None:
    with shared.http() as client:
        answer = client.post("/v1/predictions", data={"segment": "web"})
    assert "image" in problem(answer, 422, "invalid_request")["detail"]


def test_a_form_that_cannot_be_read_is_a_bad_request(shared: Serving) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with shared.http() as client:
        answer = client.post("/v1/predictions", content=b"no boundary", headers=headers)
    problem(answer, 400, "bad_request")


@pytest.mark.parametrize("key", ["", "x" * 201, "with space"])
def test_a_malformed_idempotency_key_is_refused(shared: Serving, key: str) -> None:
    with shared.http() as client:
        answer = client.post(
            "/v1/predictions", files={"image": GOOD}, headers={"Idempotency-Key": key}
        )
    problem(answer, 422, "invalid_request")


def test_what_is_not_there_is_not_found(served: Serving) -> None:
    with served.http() as client:
        problem(client.get("/v1/predictions/01a2"), 404, "not_found")
        problem(client.get("/v1/predictions/%00"), 404, "not_found")
        problem(client.get("/v1/nothing"), 404, "not_found")
        problem(client.get("/nothing"), 404, "not_found")
        problem(client.delete("/v1/predictions"), 405, "method_not_allowed")


def test_a_consumers_key_does_not_operate(shared: Serving) -> None:
    with shared.http() as client:
        answers = [
            client.get("/v1/models"),
            client.post("/v1/models/1/promote", json={"reason": "x"}),
            client.post("/v1/models/1/withdraw", json={"reason": "x"}),
            client.post("/v1/revert", json={"reason": "x"}),
            client.post("/v1/retrain"),
        ]
    for answer in answers:
        problem(answer, 403, "wrong_role")


def test_while_the_database_is_away_nothing_is_answered(start: Start, tmp_path: Path) -> None:
    served = start()
    served.model(tmp_path / "one")
    with served.http() as client:
        assert post(client, GOOD).status_code == 200
        with away(served):
            answer = post(client, GOOD)
        assert post(client, GOOD).status_code == 200
    problem(answer, 503, "database_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_while_the_storage_is_away_nothing_is_answered(served: Serving) -> None:
    storage = served.program.objects.folder
    assert storage is not None
    storage.rename(storage.with_name("elsewhere"))
    storage.write_text("a file where the folder was")
    with served.http() as client:
        answer = post(client, GOOD)
    problem(answer, 503, "storage_unavailable")
    with served.database.read() as session:
        assert predictions.count(session) == 0


def test_an_answer_that_the_log_refuses_is_not_given(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    live = served.program.live
    loaded = live.standing.incumbent
    assert loaded is not None
    # a row that points at a version which is not there cannot be committed
    stranger = replace(loaded, model=replace(loaded.model, version_id="nobody"))
    live.standing = replace(live.standing, incumbent=stranger)
    with served.http() as client:
        answer = post(client, GOOD)
    problem(answer, 503, "not_kept")
    with served.database.read() as session:
        assert predictions.count(session) == 0


def post(
    client: httpx.Client, image: bytes, fields: dict[str, str] | None = None
) -> httpx.Response:
    return client.post("/v1/predictions", files={"image": ("a.jpg", image)}, data=fields)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, once it is known to be the expected one, and well-formed."""
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["code"]) == (status, code), told
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["status"] == status
    assert told["type"] == f"urn:ursa:problem:{code}"
    assert told["title"]
    assert told["detail"].endswith(".")
    assert told["request_id"] == answer.headers["x-request-id"]
    return told
