"""What is under way when models are stopped: no answer of a model leaves that was not kept before."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from service import stopping
from service.clock import wall_clock
from store.stops import Stop
from store.tables import Prediction
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving
from tests.toy import draw


def predict(client: httpx.Client) -> httpx.Response:
    return client.post(
        "/v1/predictions",
        files={"image": ("a.png", draw(0, 1))},
        headers={"Idempotency-Key": "the-same"},
    )


def stop(served: Serving) -> None:
    stopping.kill(served.program, "manual", TESTER, "smoke", wall_clock())


def test_who_waits_for_a_core_when_models_are_stopped_is_answered_by_people(
    start: Start, tmp_path: Path
) -> None:
    served = start(cores=1)
    served.model(tmp_path / "one")
    cores = served.program.cores
    with ThreadPoolExecutor(1) as pool, served.http() as client:
        with cores.work():
            told = pool.submit(predict, client)
            while not cores._queue and not told.done():
                threading.Event().wait(0.01)
            stop(served)
        assert told.result().json()["status"] == "pending"


class Stopping:
    """A network that has its answer when all models are stopped, or what the mark names."""

    def __init__(self, served: Serving, engine: Any, mark: Stop | None = None) -> None:
        self.name, self.precision = engine.name, engine.precision
        self._served, self._engine, self._mark = served, engine, mark

    def run(self, pixels: Any) -> Any:
        """As the engine does."""
        answer = self._engine.run(pixels)
        if self._mark is None:
            stop(self._served)
        else:
            self._served.program.live.halt(self._mark)
        return answer

    def stop(self) -> None:
        """Nothing was started."""


def test_an_answer_that_is_not_kept_yet_when_models_are_stopped_is_given_to_nobody(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "one")
    incumbent = served.program.live.standing.incumbent
    assert incumbent is not None
    engine = incumbent.classifier.engine
    incumbent.classifier.engine = Stopping(served, engine)  # type: ignore[assignment]  # has what is asked of it
    with served.http() as client:
        told = predict(client)
        assert (told.status_code, told.json()["status"]) == (200, "pending")
        assert predict(client).content == told.content
    with served.database.read() as session:
        assert [one.answered_by for one in session.scalars(select(Prediction))] == [None]
    assert not served.program.log.failing


def test_a_version_that_is_stopped_before_its_answer_is_kept_gives_way_to_the_one_before(
    served: Serving, tmp_path: Path
) -> None:
    first = served.model(tmp_path / "one")
    served.model(tmp_path / "two", seed=1)
    incumbent = served.program.live.standing.incumbent
    assert incumbent is not None
    rollout = incumbent.model.rollout_id
    mark = Stop(rollout, TESTER, "wrong", wall_clock())
    engine = incumbent.classifier.engine
    incumbent.classifier.engine = Stopping(served, engine, mark)  # type: ignore[assignment]  # has what is asked of it
    with served.http() as client:
        told = predict(client)
    assert (told.status_code, told.json()["model_version"]) == (200, first)


def test_an_answer_that_was_kept_before_is_repeated(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    with served.http() as client:
        first = predict(client)
        stop(served)
        assert predict(client).json() == first.json()
    assert first.json()["status"] == "answered"
