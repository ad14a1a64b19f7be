"""Whoever stops something is written down, also when it was stopped already and when nobody has heard of it yet."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service import stopping, stops
from service.clock import wall_clock
from service.stops import KILLED, Stop
from store import privileged_acts, switches
from store.errors import Unavailable
from store.rollouts import Actor
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
    stops.put(served.program.objects, Stop(KILLED, OLGA, "smoke", wall_clock()))
    with served.database.write() as session:
        stopping.release(session, served.program.objects, TESTER, "it was steam", wall_clock())
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


def _kills(served: Serving) -> list[tuple[str, str, str, object]]:
    with served.database.read() as session:
        return [
            (one.actor, one.subject, one.detail["reason"], one.detail.get("stopped_already_by"))
            for one in privileged_acts.since(session)
            if one.act == "kill"
        ]
