"""Whoever stops something is written down, also when it was stopped already and when nobody has heard of it yet."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from service import stopping
from service.clock import wall_clock
from store import privileged_acts, stops, switches
from store.errors import Unavailable
from store.objects import Objects
from store.rollouts import Actor
from store.stops import KILLED, Stop
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving, away

OLGA = Actor("person", "olga")


def test_whoever_stops_what_is_stopped_already_is_written_down_too(
    start: Start, tmp_path: Path
) -> None:
    here, there = start(), start()
    here.model(tmp_path / "one")
    stopping.kill(here.program, "manual", OLGA, "smoke", wall_clock())
    here.program.live.refresh()
    for served, actor in ((here, TESTER), (there, OLGA)):
        stopping.kill(served.program, "manual", actor, "it is on fire", wall_clock())
    assert _kills(here) == [
        ("olga", "killed", "smoke", None),
        ("tester", "killed", "it is on fire", "olga"),
        ("olga", "killed", "it is on fire", "olga"),
    ]
    with here.database.read() as session:
        said = switches.get(session, KILLED)
    assert said is not None
    assert (said.actor, said.reason) == ("olga", "smoke")


def test_who_cannot_be_written_down_is_told_that_it_is_stopped(start: Start) -> None:
    served = start(poll_seconds=3600, database_seconds=0.5)
    stopping.kill(served.program, "manual", OLGA, "smoke", wall_clock())
    with away(served):
        with pytest.raises(Unavailable, match="stopped already, by olga") as refused:
            stopping.kill(served.program, "manual", TESTER, "smoke too", wall_clock())
        assert refused.value.code == "database_unavailable"


def test_a_kill_that_is_released_before_any_process_wrote_it_is_in_the_trail(start: Start) -> None:
    served = start(poll_seconds=3600)
    stops.put(served.program.objects, Stop(KILLED, OLGA, "smoke", wall_clock()), wall_clock())
    stopping.release(served.database, served.program.objects, TESTER, "it was steam", wall_clock())
    with served.database.read() as session:
        acts = [(one.act, one.actor) for one in privileged_acts.since(session)]
        assert not switches.thrown(session, KILLED)
    assert acts == [("kill", "olga"), ("release", "tester")]


def test_a_person_who_goes_back_to_the_last_good_model_is_in_the_trail(
    served: Serving, tmp_path: Path
) -> None:
    served.model(tmp_path / "one")
    stopping.kill(served.program, "last_good", OLGA, "wrong", wall_clock())
    served.program.live.refresh()
    assert _kills(served) == [("olga", "version 1", "wrong", None)]


def test_two_that_write_the_first_stop_at_once_write_it_once(start: Start) -> None:
    served = start(poll_seconds=3600)
    stop = Stop(KILLED, OLGA, "smoke", wall_clock())
    with ThreadPoolExecutor(1) as pool:
        with served.database.write() as session:
            stops.throw(session, stop, wall_clock())
            session.flush()
            other = pool.submit(stops.record, served.database, stop, wall_clock())
            with pytest.raises(TimeoutError):
                other.result(0.2)  # it waits for the commit
        other.result()
    assert _kills(served) == [("olga", "killed", "smoke", None)]


def test_a_kill_while_models_are_being_released_is_a_kill(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = start(), start()
    stopping.kill(here.program, "manual", OLGA, "smoke", wall_clock())
    here.program.live.refresh()
    lift, kills = stops.lift, list[Future[Stop]]()

    def again() -> Stop:
        return stopping.kill(there.program, "manual", TESTER, "it is on fire", wall_clock())

    def meanwhile(objects: Objects) -> None:
        if not kills:
            kills.append(pool.submit(again))
            with suppress(TimeoutError):
                kills[0].result(0.3)  # it waits for the release
        lift(objects)

    monkeypatch.setattr(stops, "lift", meanwhile)
    with ThreadPoolExecutor(1) as pool, here.http("ops", "operator") as operator:
        told = operator.post("/v1/release", json={"reason": "it was steam"})
        assert told.status_code == 200
        kills[0].result()
    _is_killed_by_tester(there)


def test_a_kill_before_the_mark_of_a_release_is_taken_away_is_a_kill(start: Start) -> None:
    served = start(poll_seconds=3600)
    stopping.kill(served.program, "manual", OLGA, "smoke", wall_clock())
    served.program.live.refresh()
    with served.database.write() as session:  # a release that comes no further
        switches.throw(session, KILLED, False, "person", "olga", "it was steam", wall_clock())
    stopping.kill(served.program, "manual", TESTER, "it is on fire", wall_clock())
    _is_killed_by_tester(served)


def _is_killed_by_tester(served: Serving) -> None:
    assert served.program.live.standing.killed
    assert stops.find(served.program.objects, KILLED) is not None
    with served.database.read() as session:
        acts = [(one.act, one.actor) for one in privileged_acts.since(session)]
        assert switches.thrown(session, KILLED)
    assert [act for act, _ in acts[:2]] == ["kill", "release"]
    # twice where the thread beside it was first to write it down
    assert set(acts[2:]) == {("kill", "tester")}


def test_a_release_that_cannot_be_kept_lets_nobody_answer(start: Start) -> None:
    served = start(poll_seconds=3600)
    stopping.kill(served.program, "manual", OLGA, "smoke", wall_clock())

    def full(_connection: Any) -> None:
        raise OperationalError("COMMIT", {}, Exception("the disk is full"))

    with served.http("ops", "operator") as operator:
        event.listen(served.database.engine, "commit", full)
        told = operator.post("/v1/release", json={"reason": "it was steam"})
        event.remove(served.database.engine, "commit", full)
    assert (told.status_code, "retry-after" in told.headers) == (503, True)
    served.program.live.look_for_stops()
    assert served.program.live.standing.killed


def test_going_back_that_was_told_503_and_is_asked_for_again_goes_back_once(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = start(poll_seconds=3600)
    first = served.model(tmp_path / "one")
    served.model(tmp_path / "two", seed=1)

    def full(_key: str, _data: bytes) -> None:
        raise Unavailable("The storage cannot be written.", "storage_unavailable")

    def back() -> str:
        return stopping.kill(served.program, "last_good", OLGA, "wrong", wall_clock()).target

    def answering() -> int | None:
        incumbent = served.program.live.standing.incumbent
        return incumbent.model.number if incumbent else None

    with monkeypatch.context() as changed:
        changed.setattr(served.program.objects, "put", full)
        for _ in range(2):
            with pytest.raises(Unavailable):
                back()
            assert answering() == first
    served.program.live.look_for_stops()  # it is marked before the request comes again
    target = back()
    assert answering() == first
    served.program.live.refresh()
    assert _kills(served) == [("olga", "version 2", "wrong", None)]
    assert back() != target  # which is another request
    assert answering() is None


def _kills(served: Serving) -> list[tuple[str, str, str, object]]:
    with served.database.read() as session:
        return [
            (one.actor, one.subject, one.detail["reason"], one.detail.get("stopped_already_by"))
            for one in privileged_acts.since(session)
            if one.act == "kill"
        ]
