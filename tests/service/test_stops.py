"""What stops a model at once: marks in the storage, followed by processes that share no more than it."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from service import stopping
from service.clock import wall_clock
from store import rollouts, stops, switches
from store.objects import Objects
from store.rollouts import Actor
from store.stops import KILLED, Stop
from tests.service.conftest import Start
from tests.service.serving import TESTER, Serving
from tests.service.test_hard_limits import incumbent_number, predict

OLGA = Actor("person", "olga")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_a_stop_is_followed_while_the_database_takes_no_writes(
    start: Start, tmp_path: Path
) -> None:
    here, there = start(), start()
    here.model(tmp_path / "one")
    there.program.live.refresh()
    with here.database.write() as session:  # holds the write lock until the end of the block
        switches.throw(session, "frozen", True, "person", "olga", "a long write", EPOCH)
        here.program.live.halt(Stop(KILLED, OLGA, "smoke", wall_clock()))
        assert here.program.live.standing.killed
        deadline = monotonic() + 30
        while not there.program.live.standing.killed:
            assert monotonic() < deadline, "the other did not follow"
            threading.Event().wait(0.01)
    here.program.live.refresh()
    with here.database.read() as session:
        said = switches.get(session, KILLED)
        assert said is not None
        assert (said.thrown, said.actor, said.reason) == (True, "olga", "smoke")


def test_a_release_is_not_undone_by_a_process_that_looked_late(served: Serving) -> None:
    late = Stop(KILLED, OLGA, "smoke", wall_clock())
    with served.database.write() as session:
        switches.throw(session, KILLED, False, "person", "olga", "it was steam", wall_clock())
    stops.record(served.database, late, wall_clock())
    with served.database.read() as session:
        assert not switches.thrown(session, KILLED)


def test_a_stop_that_waited_behind_a_release_is_written_down(served: Serving) -> None:
    objects = served.program.objects
    asked = Stop(KILLED, OLGA, "smoke", wall_clock())
    with served.database.write() as session:
        switches.throw(session, KILLED, False, "person", "olga", "it was steam", wall_clock())
    # its mark could only be put when the one before it had been taken away
    stops.put(objects, asked, wall_clock())
    found = stops.find(objects, KILLED)
    assert found is not None
    assert found == asked
    stops.record(served.database, found, wall_clock())
    with served.database.read() as session:
        assert switches.thrown(session, KILLED)


def test_a_lifted_mark_lets_models_answer_again(served: Serving, tmp_path: Path) -> None:
    served.model(tmp_path / "one")
    live = served.program.live
    live.halt(Stop(KILLED, TESTER, "smoke", wall_clock()))
    live.look_for_stops()
    live.refresh()
    with served.http() as client:
        assert predict(client)["status"] == "pending"
        stops.lift(served.program.objects)
        with served.database.write() as session:
            switches.throw(session, KILLED, False, "person", "olga", "it was steam", wall_clock())
        live.look_for_stops()
        live.refresh()
        assert predict(client)["status"] == "answered"


def test_a_kill_right_after_a_release_that_nobody_has_heard_of_yet_is_a_kill(
    start: Start, tmp_path: Path
) -> None:
    served = start(poll_seconds=3600)
    served.model(tmp_path / "one")
    live, objects = served.program.live, served.program.objects
    stopping.kill(served.program, "manual", OLGA, "smoke", wall_clock())
    live.refresh()
    stopping.release(served.database, objects, OLGA, "it was steam", wall_clock())
    stopping.kill(served.program, "manual", OLGA, "it was smoke after all", wall_clock())
    live.look_for_stops()
    live.refresh()
    assert live.standing.killed
    found = stops.find(objects, KILLED)
    assert found is not None
    assert found.reason == "it was smoke after all"
    with served.database.read() as session:
        assert switches.thrown(session, KILLED)


def test_an_incumbent_that_is_stopped_gives_way_to_the_one_before(
    served: Serving, tmp_path: Path
) -> None:
    first = served.model(tmp_path / "one")
    served.model(tmp_path / "two", seed=1)
    incumbent = served.program.live.standing.incumbent
    assert incumbent is not None
    served.program.live.halt(Stop(incumbent.model.rollout_id, OLGA, "wrong", wall_clock()))
    with served.http() as client:
        assert predict(client)["model_version"] == first
    served.program.live.refresh()
    with served.database.read() as session:
        live = rollouts.live(session)
    assert live.incumbent is not None
    assert live.incumbent.number == first


def test_also_the_one_before_is_stopped_while_the_database_takes_no_writes(
    start: Start, tmp_path: Path
) -> None:
    here, there = start(), start()
    here.model(tmp_path / "one")
    here.model(tmp_path / "two", seed=1)
    there.program.live.refresh()
    with here.database.write() as session:  # holds the write lock until the end of the block
        switches.throw(session, "frozen", True, "person", "olga", "a long write", EPOCH)
        for left in (1, None):
            stopping.kill(here.program, "last_good", OLGA, "wrong", wall_clock())
            assert incumbent_number(here) == left
            while incumbent_number(there) != left:
                threading.Event().wait(0.01)
    here.program.live.refresh()
    here.program.live.refresh()
    with here.database.read() as session:
        assert rollouts.live(session).incumbent is None


def test_a_mark_stays_as_it_was_left_also_where_storage_writes_over(tmp_path: Path) -> None:
    for objects in (Objects(str(tmp_path)), Objects("memory:///")):
        first = Stop(KILLED, OLGA, "smoke", wall_clock())
        stops.put(objects, first, wall_clock())
        stops.put(objects, Stop(KILLED, TESTER, "fire", wall_clock()), wall_clock())
        assert stops.find(objects, KILLED) == first
