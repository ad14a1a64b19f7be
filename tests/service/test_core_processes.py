"""Processes for one picture at a time: the same answers, and what becomes of those that die or hang."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from classifier.classifier import Classifier
from classifier.core import Task, Told, see
from classifier.pictures import BadPicture, Limits
from service import core_processes
from service.core_processes import CoreProcesses
from service.live import IN_A_ROW
from service.settings import Settings
from store.errors import Unavailable
from tests.service.serving import serving
from tests.toy import draw, toy_bundle

LIMITS, IMAGE = Limits(), draw(0, 1)
# what somebody else ends a process by, and what it ends by itself
OTHERS = (signal.SIGKILL, signal.SIGHUP)
OWN = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What these processes do is the same before both databases."""
    return sqlite_url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle in a folder that is named by its digest, as the cache names them."""
    made = toy_bundle(tmp_path_factory.mktemp("bundle") / "made")
    return made.rename(made.parent / Classifier.load(made).digest)


@pytest.fixture
def processes() -> Iterator[CoreProcesses]:
    """One of them."""
    made = CoreProcesses(1)
    made.start()
    yield made
    made.stop()


def children(parent: int | None = None) -> list[int]:
    """The processes of this kind that `parent` (this process) has."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_text().splitlines()
            words = (status.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile
        of = next(line for line in lines if line.startswith("PPid:"))
        if int(of.split()[1]) == (parent or os.getpid()) and b"classifier" in words:
            found.append(int(status.parent.name))
    return found


def is_there(pid: int) -> bool:
    """Whether it runs, as more than an entry that nobody has read."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def killed(processes: CoreProcesses, end: signal.Signals = signal.SIGKILL) -> int:
    """The only one, which has ended and has been asked nothing since."""
    child = processes._all[0]._child
    assert child is not None
    child.send_signal(end)
    child.wait()
    # as if nobody had seen it yet
    child.returncode = None
    return child.pid


def frozen(processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The only one, which has its network and goes on no more; who asks it waits for a fifth of a second."""
    processes.load(folder)
    (child,) = children()
    os.kill(child, signal.SIGSTOP)
    monkeypatch.setattr(core_processes, "SECONDS", 0.2)
    return child


def test_a_picture_is_seen_there_as_here(processes: CoreProcesses, folder: Path) -> None:
    processes.load(folder)
    there = processes.see(IMAGE, LIMITS, folder, pixels=True)
    here = see(IMAGE, LIMITS, Classifier.load(folder))
    assert there.opinion is not None
    assert here.opinion is not None
    assert there.opinion.probabilities == here.opinion.probabilities
    assert there.opinion.domain == here.opinion.domain
    assert there.opinion.projected == here.opinion.projected
    assert (there.picture.pixels == here.picture.pixels).all()
    with pytest.raises(BadPicture) as bad:
        processes.see(b"GIF89a", LIMITS, folder, pixels=False)
    with pytest.raises(BadPicture) as bad_here:
        see(b"GIF89a", LIMITS, None)
    assert (bad.value.reason, str(bad.value)) == (bad_here.value.reason, str(bad_here.value))


def test_no_secret_of_ours_goes_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("URSA_SECRET_KEY", "s" * 40)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s" * 40)
    monkeypatch.setenv("PGPASSWORD", "s" * 40)
    made = CoreProcesses(1)
    made.start()
    try:
        made.see(IMAGE, LIMITS, None, pixels=False)
        (child,) = children()
        environ = Path(f"/proc/{child}/environ").read_bytes()
        assert b"OMP_NUM_THREADS=1" in environ
        assert b"ssssssss" not in environ
    finally:
        made.stop()


@pytest.mark.parametrize("end", [*OTHERS, *OWN])
def test_one_that_was_killed_between_two_pictures_is_replaced(
    processes: CoreProcesses, folder: Path, end: signal.Signals
) -> None:
    processes.load(folder)
    before = killed(processes, end)
    seen = processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert seen.opinion is not None
    assert children() != [before]


@pytest.mark.parametrize("end", [*OTHERS, *OWN, signal.SIGTERM])
def test_one_that_ends_while_it_starts_blames_nobody(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    _stillborn(monkeypatch, 1, end)
    killed(processes)
    seen = processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert seen.opinion is not None


def test_after_two_that_ended_while_they_started_nobody_is_asked_for_now(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stillborn(monkeypatch, 2, signal.SIGKILL)
    killed(processes)
    with pytest.raises(Unavailable, match="send this again") as away:
        processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert away.value.code == "no_core"
    assert processes.see(IMAGE, LIMITS, folder, pixels=False).opinion is not None


@pytest.mark.parametrize("end", OTHERS)
def test_one_that_is_killed_over_a_picture_blames_neither_it_nor_the_network(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    _deadly(monkeypatch, once(), end)
    seen = processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert seen.failed is None
    assert seen.opinion is not None


@pytest.mark.parametrize("end", OTHERS)
def test_a_picture_over_which_two_are_killed_is_to_come_again(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    _deadly(monkeypatch, lambda task: task.data == IMAGE, end)
    with pytest.raises(Unavailable, match="send this again") as away:
        processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert away.value.code == "no_core"
    assert processes.see(draw(1, 2), LIMITS, folder, pixels=False).opinion is not None


@pytest.mark.parametrize("end", OWN)
def test_who_dies_with_the_network_alone_died_of_the_network(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    _deadly(monkeypatch, lambda task: task.bundle is not None, end)
    seen = processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert seen.opinion is None
    assert seen.failed == f"the process that it ran in ended ({-end})"
    # another model may be asked about it here
    assert seen.picture.pixels.size


@pytest.mark.parametrize("end", OWN)
def test_a_picture_on_which_one_dies_after_the_other_is_broken(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals
) -> None:
    _deadly(monkeypatch, lambda task: task.data == IMAGE, end)
    with pytest.raises(BadPicture) as bad:
        processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert bad.value.reason == "broken"
    seen = processes.see(draw(1, 2), LIMITS, folder, pixels=False)
    assert seen.opinion is not None


def test_one_that_gives_up_by_itself_died_of_what_it_was_asked(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes.load(folder)
    way = processes._all[0].start()
    monkeypatch.setattr(way, "send", lambda _task: way.send_bytes(b"no task"))
    seen = processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert seen.failed == "the process that it ran in ended (1)"


def test_who_looks_without_the_network_may_be_killed_as_well(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _deadly(monkeypatch, lambda task: task.bundle is not None, signal.SIGSEGV)
    first = once()
    _deadly(monkeypatch, lambda task: task.bundle is None and first(task), signal.SIGKILL)
    seen = processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert seen.failed == f"the process that it ran in ended ({-signal.SIGSEGV})"
    assert seen.picture.pixels.size


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

        _deadly(monkeypatch, first_time, signal.SIGKILL)
        with real.client() as client:
            answers = [client.predict(one) for one in pictures]
        assert {(one.status, one.model_version) for one in answers} == {("answered", number)}
        incumbent = real.program.live.standing.incumbent
        assert incumbent is not None
        assert incumbent.model.number == number

        _deadly(monkeypatch, lambda task: task.data == IMAGE, signal.SIGKILL)
        with real.http() as bare:
            told = bare.post("/v1/predictions", files={"image": IMAGE})
        assert (told.status_code, told.json()["code"]) == (503, "no_core")
        assert told.headers["Retry-After"]


def test_one_that_has_ended_is_replaced_before_anybody_asks_with_its_networks_loaded(
    processes: CoreProcesses, folder: Path
) -> None:
    processes.load(folder)
    before = killed(processes)
    until = time.monotonic() + 60
    while children() in ([], [before]) and time.monotonic() < until:
        time.sleep(0.01)
    way = processes._all[0].start()
    assert way.poll(60)
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    try:
        seen = processes.see(IMAGE, LIMITS, folder, pixels=False)
    finally:
        elsewhere.rename(folder)
    assert seen.opinion is not None


def test_one_that_does_not_come_back_is_ended(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frozen(processes, folder, monkeypatch)
    seen = processes.see(IMAGE, LIMITS, folder, pixels=False)
    assert seen.failed == "the process that it ran in took more than 0.2 s"
    assert not is_there(before)


def test_one_that_takes_nothing_in_is_ended_and_blames_nobody(
    processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frozen(processes, folder, monkeypatch)
    # more than the way between them holds
    seen = processes.see(IMAGE + bytes(4_000_000), LIMITS, folder, pixels=False)
    assert seen.opinion is not None
    assert not is_there(before)


def test_what_is_asked_when_they_are_stopped_starts_none(processes: CoreProcesses) -> None:
    processes.see(IMAGE, LIMITS, None, pixels=False)
    processes.stop()
    with pytest.raises(Unavailable):
        processes.see(IMAGE, LIMITS, None, pixels=False)
    assert children() == []


def test_an_empty_picture_is_one(processes: CoreProcesses) -> None:
    with pytest.raises(BadPicture) as bad:
        processes.see(b"", LIMITS, None, pixels=False)
    assert bad.value.reason == "empty"


def test_where_none_can_be_started_that_is_said(
    processes: CoreProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    killed(processes)
    with pytest.raises(Unavailable, match="cannot be started") as away:
        processes.see(IMAGE, LIMITS, None, pixels=False)
    assert away.value.code == "no_core"
    monkeypatch.undo()
    assert processes.see(IMAGE, LIMITS, None, pixels=False).picture.width


def test_none_is_left_when_they_are_stopped_nor_when_their_parent_is_killed() -> None:
    made = CoreProcesses(2)
    made.start()
    assert all(one.start().poll(60) for one in made._all)
    assert len(children()) == 2
    made.stop()
    assert children() == []

    source = (
        "from service.core_processes import CoreProcesses\n"
        "made = CoreProcesses(2)\nmade.start()\n"
        "print(all(one.start().poll(60) for one in made._all), flush=True)\ninput()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        left = children(parent.pid)
        assert len(left) == 2
        parent.kill()
    until = time.monotonic() + 30
    while any(is_there(one) for one in left) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(is_there(one) for one in left)


def once() -> Callable[[Task], bool]:
    """The first picture, and no other."""
    first = [True]
    return lambda task: task.data is not None and bool(first) and first.pop()


def _stillborn(monkeypatch: pytest.MonkeyPatch, number: int, end: signal.Signals) -> None:
    """So many of the next end before they have read their libraries."""
    left = [end] * number

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            if left:
                self.send_signal(left.pop())

    monkeypatch.setattr(subprocess, "Popen", Popen)


def _deadly(
    monkeypatch: pytest.MonkeyPatch, on: Callable[[Task], bool], end: signal.Signals
) -> None:
    ask = core_processes._Process.ask

    def die(process: core_processes._Process, task: Task) -> Told:
        if on(task):
            way = process.start()
            assert process._child is not None
            child, send = process._child, way.send

            def send_and_kill(task: Task) -> None:
                # it has the task, and no time for it
                child.send_signal(signal.SIGSTOP)
                send(task)
                child.send_signal(end)
                child.send_signal(signal.SIGCONT)

            monkeypatch.setattr(way, "send", send_and_kill)
        return ask(process, task)

    monkeypatch.setattr(core_processes._Process, "ask", die)
