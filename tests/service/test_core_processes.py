"""Processes for one picture at a time: the same answers, and what becomes of those that hang, stop or cannot be started."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from classifier.classifier import Classifier
from classifier.core import see, shrink
from classifier.pictures import BadPicture, Limits
from service.core_processes import CoreProcesses
from store.errors import Unavailable
from tests.service.ending import children, frozen, hung, is_there, killed
from tests.toy import draw

LIMITS, IMAGE = Limits(), draw(0, 1)


def test_a_picture_is_seen_there_as_here(processes: CoreProcesses, named: Path) -> None:
    processes.load(named)
    there = processes.see(IMAGE, LIMITS, named, pixels=True)
    here = see(IMAGE, LIMITS, Classifier.load(named))
    assert there.opinion is not None
    assert here.opinion is not None
    assert there.opinion.probabilities == here.opinion.probabilities
    assert there.opinion.domain == here.opinion.domain
    assert there.opinion.projected == here.opinion.projected
    assert (there.picture.pixels == here.picture.pixels).all()
    with pytest.raises(BadPicture) as bad:
        processes.see(b"GIF89a", LIMITS, named, pixels=False)
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


def test_one_that_does_not_come_back_is_ended(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frozen(processes, named, monkeypatch)
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert seen.picture.pixels.size
    # it was at the picture, and the network was not even asked
    assert seen.failed is None
    assert not is_there(before)


def test_one_whose_network_does_not_come_back_is_ended_and_blames_it(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hung(processes, named, monkeypatch)
    seen = processes.see(IMAGE, LIMITS, named, pixels=False)
    assert seen.failed == "the process that it ran in took more than 0.2 s"
    assert not is_there(before)


def test_one_that_takes_nothing_in_is_ended_and_blames_nobody(
    processes: CoreProcesses, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frozen(processes, named, monkeypatch)
    # more than the way between them holds
    seen = processes.see(IMAGE + bytes(4_000_000), LIMITS, named, pixels=False)
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


def test_who_waits_for_a_certain_process_has_it_after_one_picture(
    processes: CoreProcesses, named: Path
) -> None:
    busy = processes._take(None)
    loading = threading.Thread(target=processes.load, args=(named,))
    loading.start()
    while not processes._came_back._waiters:  # type: ignore[attr-defined]  # nothing public tells
        threading.Event().wait(0.001)
    with processes._came_back:
        # the next picture is there before who waits has heard
        processes._give_back(busy)
        again = processes._take(None)
    assert again._bundles == (str(named),)
    processes._give_back(again)
    loading.join()


@pytest.mark.parametrize("side", [100, 400])
def test_a_picture_is_made_smaller_there_as_here(processes: CoreProcesses, side: int) -> None:
    assert processes.shrink(IMAGE, LIMITS, side) == shrink(IMAGE, LIMITS, side)
    with pytest.raises(BadPicture) as bad:
        processes.shrink(b"no picture", LIMITS, side)
    assert bad.value.reason == "not_a_picture"
