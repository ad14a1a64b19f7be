"""Ways in which a process for pictures ends or hangs, done to real ones."""

import os
import signal
import subprocess
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from classifier.core import Decoded, Task, Told
from service import core_process
from service.core_process import CoreProcess
from service.core_processes import CoreProcesses


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
    monkeypatch.setattr(core_process, "SECONDS", 0.2)
    return child


def hung(processes: CoreProcesses, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """As `frozen`, but it has decoded its next picture before it goes on no more."""
    child = frozen(processes, folder, monkeypatch)
    way = processes._all[0].start()
    receive, ends = way.recv, iter([Decoded()])
    monkeypatch.setattr(way, "recv", lambda: next(ends, None) or receive())
    return child


def once() -> Callable[[Task], bool]:
    """The first picture, and no other."""
    first = [True]
    return lambda task: task.data is not None and bool(first) and first.pop()


def stillborn(monkeypatch: pytest.MonkeyPatch, number: int, end: signal.Signals) -> None:
    """So many of the next end before they have read their libraries."""
    left = [end] * number

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            if left:
                self.send_signal(left.pop())

    monkeypatch.setattr(subprocess, "Popen", Popen)


def deadly(
    monkeypatch: pytest.MonkeyPatch,
    on: Callable[[Task], bool],
    end: signal.Signals,
    *,
    decoded: bool = False,
) -> None:
    """Whatever process is given a picture for which `on` is true ends over it; when it has `decoded`, over the network."""
    ask = CoreProcess.ask

    def die(process: CoreProcess, task: Task) -> Told:
        dies = on(task)
        if dies and decoded:
            way = process.start()
            monkeypatch.setattr(way, "recv", _last(process, way, end))
        elif dies:
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

    monkeypatch.setattr(CoreProcess, "ask", die)


def _last(
    process: CoreProcess, way: "Connection[Task, Told | Decoded]", end: signal.Signals
) -> Callable[[], Told | Decoded]:
    """What it says until it has decoded, and no word of the network's."""
    receive, is_over = way.recv, False

    def recv() -> Told | Decoded:
        nonlocal is_over
        if is_over:
            raise EOFError
        told = receive()
        if isinstance(told, Decoded):
            is_over = True
            assert process._child is not None
            process._child.send_signal(end)
        return told

    return recv
