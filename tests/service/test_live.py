"""Live models: load, check, swap, drop; and what happens when a bundle or the database does not do its part."""

import gc
import shutil
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service import metrics
from service.clock import wall_clock
from service.settings import Settings
from store import models, rollouts
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving, away, serving
from tests.toy import draw, toy_bundle


def test_a_process_starts_with_the_model_that_answers(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as before:
        number = before.model(tmp_path / "one")
    with serving(settings) as after, after.http() as client:
        assert client.get("/readyz").json()["models"]["answering"] == number
        assert predict(client)["label"] == "bear"


def test_a_promotion_reaches_a_process_that_only_polls(start: Start, tmp_path: Path) -> None:
    here, there = start(), start(poll_seconds=0.02)
    number = here.model(tmp_path / "one")
    with there.http() as client:
        while (told := client.get("/readyz").json()["models"])["answering"] is None:
            assert told["broken"] == []
        assert predict(client)["model_version"] == number


def test_a_broken_bundle_leaves_the_model_before_it_in_place(
    served: Serving, tmp_path: Path
) -> None:
    good = served.model(tmp_path / "one")
    with served.http() as client:
        before = predict(client)
        bad = served.register(tmp_path / "two", seed=1)
        damage(served, bad)
        served.promote(bad)
        after = predict(client)
        told = client.get("/readyz")
    assert before["model_version"] == after["model_version"] == good
    assert after["status"] == "answered"
    assert told.status_code == 200
    (sentence,) = told.json()["models"]["broken"]
    assert sentence.startswith(f"Version {bad} cannot be loaded: ")
    assert metrics.REGISTRY.get_sample_value("ursa_models_broken") == 1
    with served.database.read() as session:
        assert rollouts.live(session).incumbent is not None


def test_a_broken_bundle_and_no_model_before_it_means_people_answer(
    served: Serving, tmp_path: Path
) -> None:
    bad = served.register(tmp_path / "one")
    damage(served, bad)
    served.promote(bad)
    with served.http() as client:
        told = predict(client)
        assert client.get("/readyz").status_code == 200
    assert (told["status"], told["model_version"], told["stage"]) == ("pending", None, "manual")


def test_a_bundle_that_was_mended_is_loaded_in_time(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as served:
        bad = served.register(tmp_path / "one")
        mend = damage(served, bad)
        served.promote(bad)
        assert served.program.live.standing.incumbent is None
        mend()
    with serving(settings) as served:
        assert served.program.live.standing.incumbent is not None


def test_a_candidate_that_cannot_be_loaded_costs_nothing_and_is_taken_back(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "one")
    bad = served.register(tmp_path / "two", seed=1)
    damage(served, bad)
    rollout = served.open(bad)
    with served.http() as client:
        assert predict(client)["status"] == "answered"
    served.program.live.refresh()
    with served.database.read() as session:
        event = rollouts.events(session, 1, rollout)[0]
        assert rollouts.live(session).candidate is None
    assert (event.move, event.actor_kind, event.actor) == ("revert", "system", "hard limits")
    assert event.reason.startswith("A hard limit: cannot be loaded: ")


def test_a_damaged_local_copy_is_fetched_anew_and_nobody_is_blamed(
    served: Serving, tmp_path: Path
) -> None:
    for seed, put in enumerate((served.promote, served.open)):
        number = served.register(tmp_path / str(seed), seed=seed)
        file = local_copy(served, number) / "network.onnx"
        file.write_bytes(file.read_bytes()[:-100])
        put(number)
    standing = served.program.live.standing
    assert standing.broken == {}
    assert [one.model.number for one in standing.models] == [1, 2]
    with served.http() as client:
        assert predict(client)["model_version"] == 1


@pytest.mark.parametrize("stage", ["manual", "full"])
def test_another_bundle_in_place_of_the_local_copy_never_answers(
    served: Serving, tmp_path: Path, stage: str
) -> None:
    number = served.register(tmp_path / "one")
    copy = local_copy(served, number)
    shutil.rmtree(copy)
    toy_bundle(copy, order=(1, 0))
    if stage == "full":
        served.promote(number)
    else:
        served.open(number)
    (loaded,) = served.program.live.standing.models
    assert loaded.classifier.digest == loaded.model.bundle_digest


def test_a_reverted_model_is_dropped_and_people_answer(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    standing = served.program.live.standing
    assert standing.incumbent is not None
    dropped = weakref.ref(standing.incumbent.classifier)
    rollout = standing.incumbent.model.rollout_id
    del standing
    with served.database.write() as session:
        rollouts.move(session, rollout, "revert", TESTER, "bad", wall_clock())
    served.program.live.refresh()
    with served.http() as client:
        assert predict(client)["status"] == "pending"
    gc.collect()
    assert dropped() is None


def test_a_revert_to_a_broken_bundle_means_that_people_answer(start: Start, tmp_path: Path) -> None:
    here = start()
    first = here.model(tmp_path / "one")
    here.model(tmp_path / "two", seed=1)
    damage(here, first)
    shutil.rmtree(here.program.settings.bundle_cache)  # its copies are good
    started_later = start()
    revert(here)
    started_later.program.live.refresh()
    with started_later.http() as client:
        told = predict(client)
    assert (told["status"], told["model_version"]) == ("pending", None)


def test_a_revert_finds_the_model_before_still_in_memory(served: Serving, tmp_path: Path) -> None:
    first = served.model(tmp_path / "one")
    served.model(tmp_path / "two", seed=1)
    damage(served, first)
    shutil.rmtree(served.program.settings.bundle_cache)
    revert(served)
    served.program.live.refresh()
    with served.http() as client:
        assert predict(client)["model_version"] == first


def test_a_candidate_that_takes_over_leaves_the_bounds_of_candidates(
    served: Serving, tmp_path: Path
) -> None:
    number = served.register(tmp_path / "one")
    rollout = served.open(number)
    candidate = served.program.live.standing.candidate
    assert candidate is not None
    with served.database.write() as session:
        rollouts.move(session, rollout, "promote", TESTER, "good", wall_clock())
    served.program.live.refresh()
    incumbent = served.program.live.standing.incumbent
    assert incumbent is not None
    assert (candidate.bounded, incumbent.bounded) == (True, False)
    assert (incumbent.model.stage, candidate.model.stage) == ("full", "manual")


def test_a_request_in_flight_ends_with_the_model_it_began_with(
    served: Serving, tmp_path: Path
) -> None:
    first = served.model(tmp_path / "one")
    standing = served.program.live.standing
    assert standing.incumbent is not None
    engine = Waiting(standing.incumbent.classifier.engine)
    standing.incumbent.classifier.engine = engine  # type: ignore[assignment]  # has what is asked of it
    told: list[dict[str, object]] = []

    def ask() -> None:
        with served.http() as client:
            told.append(predict(client))

    asking = threading.Thread(target=ask)
    asking.start()
    engine.arrived.wait()
    second = served.model(tmp_path / "two", order=(1, 0))
    with served.http() as client:
        after = predict(client)
    engine.go_on.set()
    asking.join()
    assert (told[0]["model_version"], told[0]["label"]) == (first, "bear")
    assert (after["model_version"], after["label"]) == (second, "teddy")


def test_the_last_known_models_stay_while_the_database_is_away(
    served: Serving, tmp_path: Path
) -> None:
    number = served.model(tmp_path / "one")
    with served.http() as client:
        with away(served):
            failed = polls("failed")
            while polls("failed") == failed:
                assert client.get("/livez").status_code == 200
            standing = served.program.live.standing
            assert standing.incumbent is not None
            assert standing.incumbent.model.number == number
        assert predict(client)["model_version"] == number


class Waiting:
    """A network that waits before it answers."""

    def __init__(self, engine: object) -> None:
        self.engine = engine
        self.name, self.precision = "waiting", "none"
        self.arrived, self.go_on = threading.Event(), threading.Event()

    def run(self, inputs: object) -> object:
        """As the engine does, later."""
        self.arrived.set()
        self.go_on.wait()
        return self.engine.run(inputs)  # type: ignore[attr-defined]  # an engine


def predict(client: httpx.Client) -> dict[str, object]:
    answer = client.post("/v1/predictions", files={"image": ("a.png", draw(0, 1))})
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


def revert(served: Serving) -> None:
    taken_back = served.program.live.standing.incumbent
    assert taken_back is not None
    with served.database.write() as session:
        rollouts.move(session, taken_back.model.rollout_id, "revert", TESTER, "bad", wall_clock())


def local_copy(served: Serving, number: int) -> Path:
    """The folder that the version's bundle has been fetched to."""
    with served.database.read() as session:
        digest = models.by_number(session, number).bundle_digest
    return served.program.bundles.fetch(digest)


def polls(outcome: str) -> float:
    return metrics.REGISTRY.get_sample_value("ursa_live_polls_total", {"outcome": outcome}) or 0


def damage(served: Serving, number: int) -> Callable[[], int]:
    """Spoil the stored network of a version; call the result to mend it."""
    folder = served.program.objects.folder
    assert folder is not None
    with served.database.read() as session:
        digest = models.by_number(session, number).bundle_digest
    file = folder / "bundles" / digest / "network.onnx"
    before = file.read_bytes()
    file.write_bytes(before[:-1] + b"x")
    return lambda: file.write_bytes(before)
