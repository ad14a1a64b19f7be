"""The candidate that runs alongside: what it says is kept, and it never costs a consumer anything."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from classifier.core import Seen
from classifier.engine import Engine, NetworkError
from classifier.engine_process import EngineProcess
from service import metrics, stopping
from service.client import Answer
from service.clock import wall_clock
from service.cores import Busy, Cores, Loan
from service.standing import Loaded
from store import predictions
from store.tables import AwaitedShadow, ShadowAnswer
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving
from tests.service.threads import none_left
from tests.toy import draw


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Who is asked alongside is the same before both databases."""
    return sqlite_url


def test_the_candidate_is_asked_about_everything_and_changes_nothing(
    served: Serving, tmp_path: Path
) -> None:
    number = served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", seed=1))
    with served.client() as client:
        answer = client.predict(draw(1, 4))
    (shadow,) = shadows(served, answer.id)
    assert (answer.label, answer.model_version, answer.stage) == ("teddy", number, "full")
    assert (shadow.label, shadow.error) == ("teddy", None)
    assert shadow.probabilities is not None
    assert set(shadow.probabilities) == {"bear", "teddy"}
    assert reviews_of(served, answer.id) == []


def test_where_the_two_differ_people_are_asked(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", order=(1, 0)))
    with served.client() as client:
        answer = client.predict(draw(1, 4))
    (shadow,) = shadows(served, answer.id)
    assert (answer.label, shadow.label) == ("teddy", "bear")
    assert reviews_of(served, answer.id) == [("evidence", ["disagreement"])]


def test_before_any_model_answers_the_candidate_is_asked_and_people_answer(
    served: Serving, tmp_path: Path
) -> None:
    served.open(served.register(tmp_path / "one"))
    with served.client() as client:
        answer = client.predict(draw(0, 4))
    (shadow,) = shadows(served, answer.id)
    assert (answer.status, answer.stage, answer.label) == ("pending", "manual", None)
    assert shadow.label == "bear"
    assert reviews_of(served, answer.id) == [("held", ["held"])]


def test_a_candidate_that_fails_is_a_row_and_no_fault(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", seed=1))
    candidate(served).classifier.engine = Failing()  # type: ignore[assignment]  # has what is asked of it
    with served.client() as client:
        answer = client.predict(draw(0, 4))
    (shadow,) = shadows(served, answer.id)
    assert answer.status == "answered"
    assert (shadow.label, shadow.error) == (None, "NetworkError: the candidate failed")
    assert reviews_of(served, answer.id) == []


def test_the_last_good_model_is_not_lost_by_what_it_fails_at_alongside(
    start: Start, tmp_path: Path
) -> None:
    served = start(reverse_shadow_share=1.0)
    first = served.model(tmp_path / "one")
    second = served.model(tmp_path / "two", seed=1)
    previous = served.program.live.standing.previous
    assert previous is not None
    whole = previous.classifier.engine
    previous.classifier.engine = Failing()  # type: ignore[assignment]  # has what is asked of it
    with served.client() as client:
        answers = [client.predict(draw(0, number)) for number in range(5)]
    previous.classifier.engine = whole
    assert {one.model_version for one in answers} == {second}
    assert all(shadows(served, one.id)[0].error for one in answers)
    stopping.kill(served.program, "last_good", TESTER, "it is wrong", wall_clock())
    with served.client("shop again") as client:
        assert client.predict(draw(0, 9)).model_version == first


def test_a_candidate_that_hangs_is_left_out_and_counted(start: Start, tmp_path: Path) -> None:
    served = start(shadow_seconds=0)
    served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", seed=1))
    hanging = Hanging()
    candidate(served).classifier.engine = hanging  # type: ignore[assignment]  # has what is asked of it
    before = left_out()
    try:
        with served.client() as client:
            # more than there are places for candidates that think
            answers = [client.predict(draw(0, number)) for number in range(6)]
    finally:
        hanging.go_on.set()
    assert {one.status for one in answers} == {"answered"}
    while left_out() - before < 6:
        pass
    assert left_out() - before == 6


def test_a_machine_without_threads_leaves_the_candidate_out_and_costs_no_place(
    served: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", seed=1))
    shed = outcome("shed")
    with served.client() as client:
        with none_left(monkeypatch, "shadow"):
            # more than there are places
            answers = [client.predict(draw(0, number)) for number in range(6)]
        assert {one.status for one in answers} == {"answered"}
        assert outcome("shed") - shed == 6
        asked = client.predict(draw(0, 9))
        while not shadows(served, asked.id):
            pass


def test_while_consumers_wait_the_candidate_is_left_out_first_and_counted(
    start: Start, tmp_path: Path
) -> None:
    served = start(cores=1, shadow_seconds=0)
    number = served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", order=(1, 0)))
    shed, of_all = outcome("shed"), left_out() + outcome("answered")
    answers = list[Answer]()
    with served.client() as client:

        def consumer(picture: int) -> None:
            answers.append(client.predict(draw(1, picture)))

        threads = [threading.Thread(target=consumer, args=(one,)) for one in range(4)]
        with served.program.cores.work():
            for one in threads:
                one.start()
            while len(served.program.cores._queue) < len(threads):
                pass
        for one in threads:
            one.join(30)
    assert [(one.label, one.model_version) for one in answers] == [("teddy", number)] * 4
    # each was answered about or left out; the first two were, behind whom more waited than there are cores
    while left_out() + outcome("answered") - of_all < len(threads):
        pass
    assert outcome("shed") - shed >= 2
    while awaited(served):
        pass
    heard = sum(len(shadows(served, one.id)) for one in answers)
    assert heard == len(threads) - (outcome("shed") - shed)


def test_under_load_no_pixels_are_carried_to_where_the_candidate_would_be_asked(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = start(cores=1, core_processes=True)
    served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", seed=1))
    processes, carried = served.program.core_processes, list[bool]()
    assert processes is not None
    see = processes.see

    def seen(*given: Any, pixels: bool) -> Seen:
        carried.append(pixels)
        return see(*given, pixels=pixels)

    monkeypatch.setattr(processes, "see", seen)
    before = outcome("shed")
    with served.client() as client:
        client.predict(draw(0, 1))
        monkeypatch.setattr(Cores, "pressed", True)
        client.predict(draw(0, 2))
    assert carried == [True, False]
    assert outcome("shed") - before == 1


def test_what_the_candidate_says_later_is_kept_later_and_asked_about(
    start: Start, tmp_path: Path
) -> None:
    served = start(shadow_seconds=0)
    served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", order=(1, 0)))
    loaded = candidate(served)
    slow = Hanging(loaded.classifier.engine)
    loaded.classifier.engine = slow  # type: ignore[assignment]  # has what is asked of it
    with served.client() as client:
        answer = client.predict(draw(1, 4))
    assert (answer.status, shadows(served, answer.id)) == ("answered", [])
    # what is still to come is written with the answer, so that the end of this process would be seen
    assert awaited(served) == [(answer.id, loaded.model.version_id)]
    assert reviews_of(served, answer.id) == []
    slow.go_on.set()
    while not (said := shadows(served, answer.id)):
        pass
    assert [(one.label, one.error) for one in said] == [("bear", None)]
    assert reviews_of(served, answer.id) == [("evidence", ["disagreement"])]
    assert awaited(served) == []


def test_what_is_left_out_after_all_is_awaited_no_more(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = start(shadow_seconds=0)
    served.model(tmp_path / "one")
    served.open(served.register(tmp_path / "two", seed=1))
    go_on = threading.Event()

    def busy(*_: object) -> None:
        go_on.wait()
        raise Busy

    monkeypatch.setattr(Loan, "begin", busy)
    with served.client() as client:
        answer = client.predict(draw(1, 4))
    assert [one for one, _ in awaited(served)] == [answer.id]
    go_on.set()
    while awaited(served):
        pass
    assert shadows(served, answer.id) == []


class Failing:
    """A network that fails on every picture."""

    name, precision = "failing", "none"

    def run(self, _: object) -> None:
        """As the engine does."""
        raise NetworkError("the candidate failed")

    def stop(self) -> None:
        """Nothing is under way."""


class Hanging:
    """A network that thinks until it is told to stop, then fails or answers as `engine` does."""

    name, precision = "hanging", "none"

    def __init__(self, engine: Engine | EngineProcess | None = None) -> None:
        self.go_on = threading.Event()
        self._engine = engine

    def run(self, inputs: Any) -> Any:
        """As the engine does."""
        self.go_on.wait()
        if self._engine is None:
            raise NetworkError("too late")
        return self._engine.run(inputs)

    def stop(self) -> None:
        """As the engine does."""
        self.go_on.set()


def candidate(served: Serving) -> Loaded:
    found = served.program.live.standing.candidate
    assert found is not None
    return found


def shadows(served: Serving, prediction_id: str) -> list[ShadowAnswer]:
    with served.database.read() as session:
        return list(predictions.shadows(session, prediction_id))


def awaited(served: Serving) -> list[tuple[str, str]]:
    columns = AwaitedShadow.prediction_id, AwaitedShadow.model_version_id
    with served.database.read() as session:
        return list(session.execute(select(*columns)).tuples())


def reviews_of(served: Serving, prediction_id: str) -> list[Any]:
    return [(one.lane, one.reasons) for one in served.reviews(prediction_id)]


def left_out() -> float:
    """Candidates that were shed or have failed, as counted."""
    return outcome("shed") + outcome("failed")


def outcome(which: str) -> float:
    """Candidates that this became of, as counted."""
    told = metrics.REGISTRY.get_sample_value("ursa_shadow_answers_total", {"outcome": which})
    return told or 0.0
