"""Processes for pictures that end over one: how they ended decides whom it is laid to."""

import signal
import time
from pathlib import Path

import pytest

from classifier.core import Task
from classifier.pictures import BadPicture, Limits
from service.core_processes import CoreProcesses
from service.live import IN_A_ROW
from service.settings import Settings
from store.errors import Unavailable
from tests.service.ending import children, deadly, killed, once, stillborn
from tests.service.serving import serving
from tests.toy import draw

LIMITS, IMAGE = Limits(), draw(0, 1)
# what somebody else ends a process by, and what it ends by itself
OTHERS = (signal.SIGKILL, signal.SIGHUP)
OWN = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What these processes do is the same before both databases."""
    return sqlite_url


@pytest.mark.parametrize("end", [*OTHERS, *OWN])
def test_one_that_was_killed_between_two_pictures_is_replaced(
    processes: CoreProcesses, named: Path, end: signal.Signals
) -> None:
    processes.load(named)
    before = killed(processes, end)
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert seen.opinion is not None
    assert children() != [before]


@pytest.mark.parametrize("end", [*OTHERS, *OWN, signal.SIGTERM])
def test_one_that_ends_while_it_starts_blames_nobody(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    stillborn(monkeypatch, 1, end)
    killed(processes)
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert seen.opinion is not None


def test_after_two_that_ended_while_they_started_nobody_is_asked_for_now(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stillborn(monkeypatch, 2, signal.SIGKILL)
    killed(processes)
    with pytest.raises(Unavailable, match="send this again") as away:
        processes.see(IMAGE, LIMITS, named, pixels=False)
    assert away.value.code == "no_core"
    assert processes.see(IMAGE, LIMITS, named, pixels=False).opinion is not None


@pytest.mark.parametrize("end", OTHERS)
def test_one_that_is_killed_over_a_picture_blames_neither_it_nor_the_network(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    deadly(monkeypatch, once(), end)
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert seen.failed is None
    assert seen.opinion is not None


@pytest.mark.parametrize("end", OTHERS)
def test_a_picture_over_which_two_are_killed_is_to_come_again(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    deadly(monkeypatch, lambda task: task.data == IMAGE, end)
    with pytest.raises(Unavailable, match="send this again") as away:
        processes.see(IMAGE, LIMITS, named, pixels=False)
    assert away.value.code == "no_core"
    assert processes.see(draw(1, 2), LIMITS, named, pixels=False).opinion is not None


@pytest.mark.parametrize("end", OWN)
def test_who_dies_with_the_network_alone_died_of_the_network(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    deadly(monkeypatch, lambda task: task.bundle is not None, end, decoded=True)
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert seen.opinion is None
    assert seen.failed == f"the process that it ran in ended ({-end})"
    # another model may be asked about it here
    assert seen.picture.pixels.size


@pytest.mark.parametrize("end", OWN)
def test_a_picture_on_which_one_dies_after_the_other_is_broken(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    deadly(monkeypatch, lambda task: task.data == IMAGE, end)
    with pytest.raises(BadPicture) as bad:
        processes.see(IMAGE, LIMITS, named, pixels=False)
    assert bad.value.reason == "broken"
    seen = processes.see(draw(1, 2), LIMITS, named, pixels=False)
    assert seen.opinion is not None


@pytest.mark.parametrize("end", OWN)
def test_one_that_dies_while_it_decodes_blames_no_network_when_the_next_does_not(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    deadly(monkeypatch, once(), end)
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert (seen.opinion, seen.failed) == (None, None)
    # it can be asked elsewhere
    assert seen.picture.pixels.size


def test_one_that_gives_up_by_itself_died_of_what_it_was_asked(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes.load(named)
    before, way = children(), processes._all[0].start()
    monkeypatch.setattr(way, "send", lambda _task: way.send_bytes(b"no task"))
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert seen.picture.pixels.size
    assert children() != before


def test_who_looks_without_the_network_may_be_killed_as_well(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly(monkeypatch, lambda task: task.bundle is not None, signal.SIGSEGV, decoded=True)
    first = once()
    deadly(monkeypatch, lambda task: task.bundle is None and first(task), signal.SIGKILL)
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert seen.failed == f"the process that it ran in ended ({-signal.SIGSEGV})"
    assert seen.picture.pixels.size


def test_pictures_that_take_too_long_to_decode_once_take_no_model_back(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(settings, core_processes=True, cores=1, poll_seconds=3600) as real:
        real.model(tmp_path / "one")
        number = real.model(tmp_path / "two", seed=1)
        deadly(monkeypatch, lambda task: task.bundle is not None, signal.SIGABRT)
        with real.client() as client:
            answers = [client.predict(draw(0, seed)) for seed in range(10, 10 + IN_A_ROW)]
        assert {(one.status, one.model_version) for one in answers} == {("answered", number)}
        incumbent = real.program.live.standing.incumbent
        assert incumbent is not None
        assert incumbent.model.number == number


def test_kills_over_pictures_take_no_model_back_and_are_no_fault_of_a_picture(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(settings, core_processes=True, cores=1, poll_seconds=3600) as real:
        real.model(tmp_path / "one")
        number = real.model(tmp_path / "two", seed=1)
        pictures = [draw(0, seed) for seed in range(10, 10 + IN_A_ROW)]
        before_each = set(pictures)

        def first_time(task: Task) -> bool:
            is_first = task.data in before_each
            before_each.discard(task.data or b"")
            return is_first

        deadly(monkeypatch, first_time, signal.SIGKILL)
        with real.client() as client:
            answers = [client.predict(one) for one in pictures]
        assert {(one.status, one.model_version) for one in answers} == {("answered", number)}
        incumbent = real.program.live.standing.incumbent
        assert incumbent is not None
        assert incumbent.model.number == number

        deadly(monkeypatch, lambda task: task.data == IMAGE, signal.SIGKILL)
        with real.http() as bare:
            told = bare.post("/v1/predictions", files={"image": IMAGE})
        assert (told.status_code, told.json()["code"]) == (503, "no_core")
        assert told.headers["Retry-After"]


def test_one_that_has_ended_is_replaced_before_anybody_asks_with_its_networks_loaded(
    processes: CoreProcesses, named: Path
) -> None:
    processes.load(named)
    before = killed(processes)
    until = time.monotonic() + 60
    while children() in ([], [before]) and time.monotonic() < until:
        time.sleep(0.01)
    way = processes._all[0].start()
    assert way.poll(60)
    elsewhere = named.rename(named.with_name("elsewhere"))
    try:
        seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    finally:
        elsewhere.rename(named)
    assert seen.opinion is not None
