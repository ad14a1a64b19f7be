"""What consumers say back: kept, never a label, and people are asked where it says that we are wrong."""

from pathlib import Path

import httpx
import pytest

from service.client import Client, Refused
from store import labels
from store.tables import Feedback
from tests.service.serving import Serving
from tests.toy import draw


def kept(served: Serving) -> list[tuple[str | None, bool | None, str | None]]:
    with served.database.read() as session:
        return [
            (one.label, one.correct, one.note)
            for one in session.query(Feedback).order_by(Feedback.id)
        ]


def test_a_wrong_answer_is_put_before_people(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    with served.client() as client:
        answer = client.predict(draw(0, 1))
        told = client.feedback(answer.id, label="teddy", note="it has a button\nin its ear")
    review = served.review(answer.id)
    assert told["review"] == {"id": review.id, "status": "open", "reasons": ["feedback"]}
    assert review.lane == "feedback"
    assert kept(served) == [("teddy", False, "it has a button\nin its ear")]
    with served.database.read() as session:
        assert labels.settled(session) == []


def test_a_right_answer_is_kept_and_asks_nobody(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    with served.client() as client:
        answer = client.predict(draw(0, 1))
        assert client.feedback(answer.id, correct=True)["review"] is None
        assert client.feedback(answer.id, label="bear")["review"] is None
    assert served.reviews(answer.id) == []
    assert kept(served) == [(None, True, None), ("bear", True, None)]


def test_saying_it_twice_stays_one_question(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    with served.client() as client:
        answer = client.predict(draw(0, 1))
        first = client.feedback(answer.id, correct=False)
        second = client.feedback(answer.id, label="teddy")
    assert first["review"]["id"] == second["review"]["id"]


def test_while_people_are_asked_the_same_question_gains_a_reason(
    served: Serving, tmp_path: Path
) -> None:
    served.register(tmp_path / "one")
    with served.client() as client:
        answer = client.predict(draw(0, 1))
        told = client.feedback(answer.id, label="teddy")
    assert told["review"]["reasons"] == ["feedback"]
    assert served.review(answer.id).lane == "held"


def refused(client: Client, prediction_id: str, **said: object) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        client.feedback(prediction_id, **said)  # type: ignore[arg-type]  # also what makes no sense
    return caught.value.status, caught.value.code


def test_what_makes_no_sense_is_refused_and_not_kept(served: Serving, tmp_path: Path) -> None:
    with served.client() as client:
        pending = client.predict(draw(0, 1))
        assert refused(client, pending.id, correct=False) == (409, "no_answer_yet")
        assert refused(client, pending.id, label="teddy") == (422, "unknown_class")
        served.model(tmp_path / "one")
        answer = client.predict(draw(0, 1))
        assert refused(client, answer.id, label="dragon") == (422, "unknown_class")
        assert refused(client, answer.id) == (422, "invalid_request")
        assert refused(client, answer.id, label="bear", correct=False) == (422, "invalid_request")
        assert refused(client, "nothing", correct=False) == (404, "not_found")
    with served.client("zoo") as other:
        assert refused(other, answer.id, correct=False) == (404, "not_found")
    assert kept(served) == []


def test_it_is_accepted_and_not_done(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    with served.http() as client:
        told = client.post("/v1/predictions", files={"image": draw(0, 1)}).json()
        answer: httpx.Response = client.post(
            f"/v1/predictions/{told['id']}/feedback", json={"correct": False}
        )
    assert answer.status_code == 202
