"""Many at once: what was told is in the database, and swapping models costs nobody an answer."""

import threading
from pathlib import Path

from service.client import Answer, Client
from service.clock import wall_clock
from store import predictions, rollouts
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving
from tests.toy import draw


def send(served: Serving, threads: int, each: int) -> list[Answer]:
    """Answers to `threads` times `each` pictures, sent as fast as they come."""
    keys = [served.key(f"shop {one}") for one in range(threads)]
    together, answers = threading.Barrier(threads), list[Answer]()

    def go(one: int) -> None:
        with Client(served.url, keys[one], attempts=1) as client:
            together.wait()
            answers.extend(
                client.predict(draw(0, 1000 * one + number), reference=f"{one}-{number}")
                for number in range(each)
            )

    running = [threading.Thread(target=go, args=(one,)) for one in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    return answers


def test_what_32_at_once_were_told_is_in_the_database(start: Start, tmp_path: Path) -> None:
    # however slow this machine is just now, nobody is refused
    served = start(queue_per_core=32)
    served.model(tmp_path / "one")
    answers = send(served, threads=32, each=5)
    assert len({one.id for one in answers}) == 160
    with served.database.read() as session:
        assert predictions.count(session) == 160
        for answer in answers:
            row = predictions.get(session, answer.id)
            assert (row.answer, row.reference) == (answer.label, answer.reference)
            assert row.confidence == answer.confidence


def test_models_take_over_and_back_under_load_without_a_trace(start: Start, tmp_path: Path) -> None:
    served = start(queue_per_core=32)
    # one says bear to everything red, the other teddy
    first = served.model(tmp_path / "one")
    second = served.register(tmp_path / "two", order=(1, 0))
    says = {first: "bear", second: "teddy"}
    over, answers = threading.Event(), list[Answer]()

    def swap() -> None:
        while not over.is_set():
            served.promote(second)
            standing = served.program.live.standing
            assert standing.incumbent is not None
            with served.database.write() as session:
                rollouts.move(
                    session,
                    standing.incumbent.model.rollout_id,
                    "revert",
                    TESTER,
                    "back again",
                    wall_clock(),
                )
            served.program.live.refresh()

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        while len({one.model_version for one in answers}) < 2 or len(answers) < 200:
            answers += send(served, threads=8, each=10)
    finally:
        over.set()
        swapping.join()
    assert {one.status for one in answers} == {"answered"}
    for answer in answers:
        assert answer.model_version is not None
        assert answer.label == says[answer.model_version]
    with served.database.read() as session:
        assert predictions.count(session) == len(answers)
