"""The detectors over rows: one or many readers, killed or not, late commits, versions that change."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitoring import commands, online, streams
from monitoring.monitor import Monitor
from monitoring.streams import Plan, Stream
from store import alarms, detectors
from store.detectors import Seen
from store.errors import NotFound
from store.prediction_log import NewPrediction
from store.tables import Alarm, Detector, Prediction
from tests.monitoring import flags
from tests.monitoring.given import Watched
from tests.store.given import later

ROOT = Path(__file__).parents[2]
PLAN = Plan(0, 1000)


def readers(watched: Watched, count: int) -> list[Monitor]:
    return [
        replace(watched.another(f"reader {number}"), clock=lambda: later(hours=1))
        for number in range(count)
    ]


def stands(watched: Watched, version: str) -> dict[str, Detector]:
    with watched.database.read() as session:
        return {one.stream: one for one in detectors.of_version(session, version)}


def raised(watched: Watched) -> list[Alarm]:
    with watched.database.read() as session:
        return list(alarms.newest(session, 50))


def expected(new: list[NewPrediction], plan: Plan) -> tuple[dict[str, Stream], list[int]]:
    """What the pure rule says of the same rows in the order of their ids."""
    standing: dict[str, Stream] = {}
    ordered = sorted(new, key=lambda row: row.id)
    rows = [
        Seen(row.id, row.created_at, row.segment, not row.inside, False, False) for row in ordered
    ]
    events = streams.advance(standing, rows, plan)
    return standing, [
        one.detail["index"] for one in events if (one.kind, one.stream) == ("alarm", "")
    ]


def stream_of(watched: Watched, version: str, count: int, seed: int) -> list[NewPrediction]:
    """Ordinary pictures, then from the middle on two in five that are not; a third from each of two segments."""
    rng = np.random.default_rng(seed)
    drawn = [bool(rng.random() < (0.03 if n < count // 2 else 0.4)) for n in range(count)]
    rows = flags.rows(watched.consumer, version, drawn)
    names = (None, "zoo", "shop")
    return [replace(row, segment=names[rng.integers(3)]) for row in rows]


def agree(watched: Watched, version: str, new: list[NewPrediction]) -> None:
    kept = stands(watched, version)
    plan = Plan(**kept[""].state["plan"])
    standing, indexes = expected(new, plan)
    assert {name: streams.from_json(row.state) for name, row in kept.items()} == standing
    first = {one.stream: one for one in raised(watched)}[""]
    assert first.detail["index"] == indexes[0]
    assert first.times == len(indexes)


@pytest.mark.parametrize("count", [1, 4])
def test_with_one_reader_or_four_the_alarm_comes_at_the_same_picture(
    watched: Watched, small: Path, count: int
) -> None:
    version = watched.promote(small).id
    new = stream_of(watched, version, 1200, seed=11)
    with watched.database.write() as session:
        flags.add(session, new)
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(lambda one: online.turn(one, batch=37), readers(watched, count)))
    agree(watched, version, new)


def test_killed_again_and_again_no_picture_is_lost_or_counted_twice(
    watched: Watched, small: Path
) -> None:
    version = watched.promote(small).id
    new = stream_of(watched, version, 1500, seed=12)
    with watched.database.write() as session:
        flags.add(session, new)
    command = [
        sys.executable,
        "-m",
        "tests.monitoring.flags",
        watched.database.url,
        str(watched.folder),
    ]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline() == "reading\n"
    killed_in_the_middle = 0
    for one in running:
        before, deadline = stands(watched, version), time.monotonic() + 30
        aim = (before[""].seen if before else 0) + 40
        while time.monotonic() < deadline:
            now = stands(watched, version)
            if now and now[""].seen >= aim:
                break
        one.send_signal(signal.SIGKILL)
        one.wait()
        assert one.stdout is not None
        one.stdout.close()
        killed_in_the_middle += 0 < stands(watched, version)[""].seen < len(new)
    assert killed_in_the_middle
    online.turn(readers(watched, 1)[0])
    agree(watched, version, new)


def test_what_is_committed_late_under_a_smaller_id_is_counted_once_and_in_its_place(
    watched: Watched, small: Path
) -> None:
    version = watched.promote(small).id
    new = stream_of(watched, version, 600, seed=13)
    late = new[300:600:7]
    with watched.database.write() as session:
        flags.add(session, [row for row in new if row not in late])
    # 600 pictures take a minute; what is younger than 30 seconds is left alone
    reader = replace(readers(watched, 1)[0], clock=lambda: later(seconds=60))
    online.turn(reader, batch=50)
    assert stands(watched, version)[""].seen == 300
    with watched.database.write() as session:
        flags.add(session, late)
    online.turn(replace(reader, clock=lambda: later(hours=1)), batch=50)
    agree(watched, version, new)


def test_the_same_picture_again_is_counted_once_for_each_segment(
    watched: Watched, small: Path
) -> None:
    version = watched.promote(small).id
    new = flags.rows(watched.consumer, version, [True] * 60)
    same = [
        replace(row, picture_digest=new[0].picture_digest, segment=("zoo", "shop")[n % 2])
        for n, row in enumerate(new)
    ]
    with watched.database.write() as session:
        flags.add(session, same)
    online.turn(readers(watched, 1)[0], batch=7)
    assert {name: one.seen for name, one in stands(watched, version).items()} == {
        "": 1,
        "zoo": 1,
        "shop": 1,
    }
    assert raised(watched) == []


def test_another_version_begins_anew_and_its_coming_raises_nothing(
    watched: Watched, small: Path, bundle: Path
) -> None:
    first = watched.promote(small).id
    rng = np.random.default_rng(14)
    # flags below their bound, as calibrated ones are, and an old stream that stands high when it ends
    drawn = [bool(rng.random() < 0.035) for _ in range(2000)] + [True] * 5
    with watched.database.write() as session:
        flags.add(session, flags.rows(watched.consumer, first, drawn))
    reader = readers(watched, 1)[0]
    online.turn(reader)
    second = watched.promote(bundle).id
    new = flags.rows(watched.consumer, second, drawn[:2000], first=2005)
    with watched.database.write() as session:
        flags.add(session, new)
    online.turn(reader)
    assert stands(watched, first)[""].state["statistic"] >= 65
    assert stands(watched, second)[""].seen == 2000
    assert stands(watched, second)[""].state["path"][0] in (0, 13, 12, 11)
    assert raised(watched) == []


def test_the_alarm_of_a_version_that_answers_no_more_is_cleared(
    watched: Watched, small: Path, bundle: Path
) -> None:
    first = watched.promote(small).id
    with watched.database.write() as session:
        flags.add(session, flags.rows(watched.consumer, first, [True] * 40))
    reader = readers(watched, 1)[0]
    online.turn(reader)
    assert [one.cleared_at for one in raised(watched)] == [None]
    watched.promote(bundle)
    online.turn(replace(reader, clock=lambda: later(hours=3)))
    assert [one.cleared_at for one in raised(watched)] == [later(hours=3)]


def test_an_alarm_comes_again_at_the_same_picture_from_the_rows_alone(
    watched: Watched, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version = watched.promote(small).id
    new = stream_of(watched, version, 700, seed=15)
    with watched.database.write() as session:
        flags.add(session, new)
    reader = readers(watched, 1)[0]
    online.turn(reader, batch=53)
    alarm = {one.stream: one for one in raised(watched)}[""]
    with watched.database.write() as session:
        alarms.explain(session, alarm.id, {"sentence": "dark"}, later(hours=1))

    def again() -> tuple[int, str]:
        capsys.readouterr()  # what was logged until now
        code = commands.recompute_one(watched.database, reader.references, alarm.id)
        told = capsys.readouterr()
        return code, told.out + told.err

    assert again() == (
        0,
        f"Alarm {alarm.id} is the same, bit for bit: picture {alarm.detail['index']},"
        f" threshold {alarm.detail['threshold']}.\n",
    )
    with watched.database.write() as session:
        session.get_one(Prediction, new[alarm.detail["index"] - 1].id).inside = True
    code, told = again()
    assert (code, "differs" in told) == (1, True)
    with watched.database.write() as session:
        session.delete(session.get_one(Prediction, new[3].id))
    code, told = again()
    assert (code, "cannot be computed again" in told) == (1, True)
    with pytest.raises(NotFound):
        commands.recompute_one(watched.database, reader.references, "nothing")
