"""What a consumer gets for a picture, and what is in the database by then."""

from pathlib import Path

import pytest

from classifier.engine import NetworkError
from service.client import Refused
from service.clock import wall_clock
from store import pictures, predictions, reviews
from store.draws import draw as draw_of
from store.tables import Switch
from tests.service.conftest import Start
from tests.service.serving import Serving
from tests.toy import draw


def test_the_incumbent_answers_and_the_answer_is_in_the_database(
    served: Serving, tmp_path: Path
) -> None:
    number = served.model(tmp_path / "one")
    image = draw(1, 3)
    with served.client() as client:
        answer = client.predict(image, segment="web", subject="camera 7", reference="r-1")
        again = client.get(answer.id)
    assert (answer.status, answer.answered_by, answer.label) == ("answered", "model", "teddy")
    assert answer.confidence is not None
    assert answer.probabilities is not None
    assert answer.confidence == max(answer.probabilities.values())
    assert (answer.model_version, answer.stage, answer.reference) == (number, "full", "r-1")
    assert answer.domain is not None
    assert answer.domain.inside
    assert again == answer
    with served.database.read() as session:
        row = predictions.get(session, answer.id)
        assert (row.label, row.answer, row.segment, row.subject) == (
            "teddy",
            "teddy",
            "web",
            "camera 7",
        )
        assert (row.decision, row.reasons, row.audited) == ("answer", [], False)
        assert row.audit_rate == served.settings.audit_rate
        assert row.policy_digest == served.program.policy.digest
        assert (row.engine, row.precision) == ("onnxruntime", "float32")
        assert row.rollout_event_id is not None
        assert set(row.milliseconds) == {"wait", "check", "model", "bytes", "shadow"}
        assert reviews.of_prediction(session, answer.id) == []
    assert served.program.pictures.read(row.picture_digest) == image


def test_without_a_model_people_are_asked(served: Serving) -> None:
    with served.client() as client:
        answer = client.predict(draw(0, 1))
    assert (answer.status, answer.answered_by, answer.label) == ("pending", None, None)
    assert (answer.domain, answer.model_version, answer.stage) == (None, None, "manual")
    with served.database.read() as session:
        (review,) = reviews.of_prediction(session, answer.id)
        row = predictions.get(session, answer.id)
    assert (review.lane, review.reasons) == ("held", ["held"])
    assert (row.decision, row.policy_digest, row.inside) == ("hold", None, None)
    assert row.properties["brightness"] > 0


def test_a_held_answer_tells_nothing_of_what_the_model_thought(
    start: Start, tmp_path: Path
) -> None:
    served = start(policy_file=holding(tmp_path))
    served.model(tmp_path / "one")
    with served.http() as client:
        told = client.post("/v1/predictions", files={"image": draw(0, 1)}).json()
        later = client.get(f"/v1/predictions/{told['id']}").json()
    assert told == later
    assert told["status"] == "pending"
    assert all(
        told[name] is None for name in ("answered_by", "label", "confidence", "probabilities")
    )
    with served.database.read() as session:
        row = predictions.get(session, told["id"])
        (review,) = reviews.of_prediction(session, told["id"])
    assert row.label == "bear"
    assert row.confidence is not None
    assert (row.decision, row.reasons) == ("hold", ["held", "low_confidence"])
    assert (review.lane, review.reasons) == ("held", ["held", "low_confidence"])


def test_an_unlike_picture_is_answered_and_looked_at(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    with served.client() as client:
        answer = client.predict(draw(0, 5, shift="sketch"))
    assert answer.status == "answered"
    assert answer.domain is not None
    assert not answer.domain.inside
    assert answer.domain.reasons
    assert answer.domain.look_p < 0.05
    with served.database.read() as session:
        row = predictions.get(session, answer.id)
    assert row.domain_p is not None
    assert row.domain_score is not None
    assert row.domain_p < 0.05
    assert row.domain_score > 0
    review = served.review(answer.id)
    assert review.lane == "rule"
    assert "domain" in review.reasons


def test_the_audit_is_the_draw_of_the_servers_own_id(start: Start, tmp_path: Path) -> None:
    served = start(audit_rate=0.5)
    served.model(tmp_path / "one")
    with served.client() as client:
        answers = [client.predict(draw(number % 2, number)) for number in range(12)]
    secret = served.settings.store.secret_key
    drawn = {one.id for one in answers if draw_of(secret, "audit", one.id) < 0.5}
    assert 0 < len(drawn) < 12
    with served.database.read() as session:
        rows = {one.id: predictions.get(session, one.id) for one in answers}
        asked = {one.id: list(reviews.of_prediction(session, one.id)) for one in answers}
        purposes = pictures.purposes(session, [one.picture_digest for one in rows.values()])
    for identity, row in rows.items():
        assert row.audited is (identity in drawn)
        assert row.audit_rate == 0.5
        lanes = [(one.lane, one.reasons) for one in asked[identity]]
        assert lanes == ([("audit", ["audit"])] if row.audited else [])
        assert purposes[row.picture_digest][1] == ("audit" if row.audited else "training")


def test_a_model_that_fails_leaves_the_answer_to_people(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    loaded = served.program.live.standing.incumbent
    assert loaded is not None
    loaded.classifier.engine = BrokenEngine()  # type: ignore[assignment]  # has what is asked of it
    with served.client() as client:
        answer = client.predict(draw(0, 1))
    assert (answer.status, answer.model_version, answer.domain) == ("pending", None, None)
    assert served.review(answer.id).lane == "held"


def test_when_people_stop_all_models_they_answer_themselves(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "one")
    with served.database.write() as session:
        session.add(Switch(name="killed", thrown=True, actor="op", reason="fire", at=wall_clock()))
    served.program.live.refresh()
    with served.client() as client:
        answer = client.predict(draw(0, 1))
    assert (answer.status, answer.stage) == ("pending", "manual")


def test_a_bad_picture_leaves_nothing_behind(served: Serving) -> None:
    with served.client() as client, pytest.raises(Refused):
        client.predict(draw(0, 1)[:-20])
    with served.database.read() as session:
        assert predictions.count(session) == 0
    storage = served.program.objects.folder
    assert storage is not None
    assert [one for one in storage.rglob("*") if one.is_file()] == []


def test_what_a_person_answered_is_told_without_a_models_numbers(
    start: Start, tmp_path: Path
) -> None:
    served = start(policy_file=holding(tmp_path))
    number = served.model(tmp_path / "one")
    with served.client() as client:
        asked = client.predict(draw(0, 1))
        served.label(asked.id, "teddy")
        answer = client.get(asked.id)
    assert (answer.status, answer.answered_by, answer.label) == ("answered", "person", "teddy")
    assert (answer.confidence, answer.probabilities) == (None, None)
    assert answer.model_version == number


def test_another_consumers_prediction_is_not_there(served: Serving) -> None:
    with served.client("shop") as shop, served.client("zoo") as zoo:
        answer = shop.predict(draw(0, 1))
        with pytest.raises(Refused) as refused:
            zoo.get(answer.id)
    assert (refused.value.status, refused.value.code) == (404, "not_found")


class BrokenEngine:
    """A network that fails on every picture."""

    name, precision = "broken", "none"

    def run(self, _: object) -> None:
        """As the engine does."""
        raise NetworkError("the network failed")


def holding(folder: Path) -> Path:
    """A policy by which people answer everything."""
    policy = folder / "hold.toml"
    policy.write_text(
        "review_below = 1.0\nreview_out_of_domain = true\nhold_below = 1.0\nanswer_at = 1.0\n"
    )
    return policy
