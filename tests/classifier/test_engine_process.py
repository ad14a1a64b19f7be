"""A network in a process of its own: it says what an engine says, and what goes wrong in it is an error here."""

import gc
import os
import select
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from classifier import engine_process
from classifier.engine import MOST_BYTES, Engine, NetworkError
from classifier.engine_process import EngineProcess, EngineProcesses
from tests.benchmarks.networks import costly_network, misbehaving_network
from tests.classifier.children import children
from tests.classifier.test_engine import altered, grey, growing_network, inputs, red
from tests.toy import toy_network

ROOT = Path(__file__).parent.parent.parent
MEBIBYTE = 2**20
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def started(network: bytes, size: int = 1024 * MEBIBYTE, lanes: int = 2) -> EngineProcess:
    return EngineProcess(network, size, lanes, ENVIRONMENT)


def test_it_says_what_an_engine_says_to_many_at_once() -> None:
    engine, alone = started(toy_network(3)), Engine(toy_network(3))
    batches = [inputs(2, seed) for seed in range(8)]
    expected = [alone.run(one) for one in batches]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(engine.run, batches * 5))
    for place, said in enumerate(together):
        assert all(map(np.array_equal, said, expected[place % 8]))
    assert (engine.name, engine.precision) == (alone.name, alone.precision)


@pytest.mark.parametrize("network", [b"", b"not a network", toy_network(2)[:100]])
def test_it_fails_at_what_an_engine_fails_at(network: bytes) -> None:
    with children() as left, pytest.raises(NetworkError, match="cannot be loaded"):
        started(network)
    assert left == []
    engine = started(altered("head", [float("nan")]))
    for _ in range(2):
        with pytest.raises(NetworkError, match="values that are not finite"):
            engine.run(inputs(1))


def test_a_run_that_hangs_keeps_no_other_and_is_ended() -> None:
    engine = started(misbehaving_network("hangs"))
    hanging = in_a_thread(engine)
    busy(engine)
    assert engine.run(red())[0].shape == (1, 2)
    # more of them than there are lanes: what waits for one is ended as well
    waiting = [in_a_thread(engine) for _ in range(3)]
    engine.stop()
    for one in (hanging, *waiting):
        with pytest.raises(NetworkError, match="was stopped"):
            one.result()
    with pytest.raises(NetworkError, match="was stopped"):
        engine.run(red())


def test_a_process_that_is_killed_is_an_error_of_its_network() -> None:
    engine = started(misbehaving_network("hangs"))
    hanging = in_a_thread(engine)
    busy(engine)
    os.kill(engine._child.pid, signal.SIGKILL)
    for attempt in (hanging.result, lambda: engine.run(red())):
        with pytest.raises(NetworkError, match=r"ended \(-9\)"):
            attempt()


def test_nothing_takes_more_memory_than_it_may() -> None:
    engine = started(misbehaving_network("eats memory", 3 * 1024 * MEBIBYTE))
    with pytest.raises(NetworkError):
        engine.run(grey())
    assert engine.run(red())[0].shape == (1, 2)
    assert most_memory(engine) < 1024 * MEBIBYTE
    # and weights are memory
    assert started(costly_network(), 256 * MEBIBYTE).run(red())[0].shape == (1, 2)
    with pytest.raises(NetworkError):
        started(costly_network(), 32 * MEBIBYTE)


def test_what_it_answers_is_bounded_before_it_is_sent_and_before_it_is_taken_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = started(growing_network(256 * MEBIBYTE))
    with pytest.raises(NetworkError, match="features has 67,108,872 numbers for each picture"):
        engine.run(grey())
    assert engine.run(red())[1].shape == (1, 8)
    # the other end keeps to a larger bound than this one
    monkeypatch.setattr(engine_process, "MOST_BYTES", MOST_BYTES // 8)
    engine = started(growing_network(MOST_BYTES // 2))
    assert engine.run(red())[1].shape == (1, 8)
    with pytest.raises(NetworkError, match="ended"):
        engine.run(grey())
    assert engine._child.returncode is not None


def test_a_long_complaint_is_cut() -> None:
    model = onnx.load_from_string(toy_network(2))
    model.graph.node[-1].op_type = "Mat" * 100_000
    with pytest.raises(NetworkError, match="MatMat") as refused:
        started(model.SerializeToString())
    assert len(str(refused.value)) == 1000


def test_loading_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_process, "LOAD_SECONDS", 0.0)
    with children() as left, pytest.raises(NetworkError, match="more than 0 s"):
        started(toy_network(2))
    assert left == []


@pytest.mark.parametrize(("last", "nice"), [(True, 19), (False, 10)])
def test_who_is_to_answer_everything_is_ready_sooner(last: bool, nice: int) -> None:
    engine = EngineProcess(toy_network(2), 1024 * MEBIBYTE, 1, ENVIRONMENT, last=last)
    assert os.getpriority(os.PRIO_PROCESS, engine._child.pid) == nice


def test_all_of_it_computes_where_a_core_has_nothing_else_to_do() -> None:
    engine = started(toy_network(2))
    threads = Path(f"/proc/{engine._child.pid}/task")

    def policies() -> set[int]:
        return {os.sched_getscheduler(int(one.name)) for one in threads.iterdir()}

    assert policies() == {os.SCHED_OTHER}
    engine.go_last()
    assert policies() == {os.SCHED_IDLE}
    assert engine.run(inputs(1))[0].shape == (1, 2)
    engine.stop()
    engine.go_last()


def test_one_that_is_loading_can_be_ended() -> None:
    with children() as left, pytest.raises(NetworkError):
        EngineProcess(
            toy_network(2), 1024 * MEBIBYTE, 1, ENVIRONMENT, begun=lambda begun: begun.stop()
        )
    assert left == []


def test_nothing_is_left_of_one_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere")
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        started(toy_network(2))
    assert descriptors() == before


def test_nothing_is_left_of_one_that_is_dropped() -> None:
    started(toy_network(2)).stop()  # the thread that starts all of them is there from then on
    gc.collect()
    before = (descriptors(), threading.active_count())
    with children() as left:
        engine = started(toy_network(2))
        engine.run(inputs(1))
        del engine
    assert left == []
    assert (descriptors(), threading.active_count()) == before


def test_all_that_are_left_can_be_ended() -> None:
    engines = EngineProcesses(1024 * MEBIBYTE, 1, ENVIRONMENT)
    with children() as left:
        both = [engines.start(toy_network(2)) for _ in range(2)]
        engines.stop()
    assert left == []
    for one in both:
        with pytest.raises(NetworkError, match="was stopped"):
            one.run(inputs(1))


def test_it_ends_with_who_started_it_also_in_the_middle_of_a_run() -> None:
    program = (
        "from tests.classifier.test_engine_process import *\n"
        "engine = started(misbehaving_network('hangs'))\n"
        "in_a_thread(engine); busy(engine)\n"
        "print(engine._child.pid, flush=True); input()"
    )
    ends_with_its_parent(program)


def test_one_that_is_held_computes_nothing_until_it_goes_on() -> None:
    engine = started(toy_network(2))
    before = engine.held_seconds
    engine.hold()
    engine.hold()
    # the system tells it in a moment
    status = Path(f"/proc/{engine._child.pid}/stat")
    while status.read_text().rpartition(")")[2].split()[0] != "T":
        pass
    said = in_a_thread(engine)
    with pytest.raises(TimeoutError):
        said.result(0.2)
    engine.go_on()
    assert said.result(30) is not None
    held = engine.held_seconds
    assert held - before >= 0.2
    engine.go_on()
    assert engine.held_seconds == held
    engine.hold()
    engine.let_hold(False)
    engine.hold()
    assert engine.run(inputs(1))[0].shape == (1, 2)


def test_one_that_is_held_is_ended_as_others_are() -> None:
    with children() as left:
        engine = started(misbehaving_network("hangs"))
        hanging = in_a_thread(engine)
        busy(engine)
        engine.hold()
        engine.stop()
        with pytest.raises(NetworkError, match="was stopped"):
            hanging.result(30)
        # nobody is there any more
        engine.go_on()
    assert left == []


def test_one_that_is_held_ends_with_who_started_it() -> None:
    program = (
        "from tests.classifier.test_engine_process import *\n"
        "engine = started(misbehaving_network('hangs'))\n"
        "in_a_thread(engine); busy(engine); engine.hold()\n"
        "print(engine._child.pid, flush=True); input()"
    )
    ends_with_its_parent(program)


def test_it_is_not_ended_by_what_all_of_a_group_are_told() -> None:
    engine = started(toy_network(2))
    for told in (signal.SIGINT, signal.SIGTERM):
        os.kill(engine._child.pid, told)
    assert engine.run(inputs(1))[0].shape == (1, 2)


def ends_with_its_parent(program: str) -> None:
    """Run a program that says the number of its child, kill it, and wait for the child's end."""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ended = select.poll()
    ended.register(child, select.POLLIN)
    assert ended.poll(30_000)
    os.close(child)


def in_a_thread(engine: EngineProcess) -> "Future[Any]":
    """Ask it what it misbehaves with; the thread is no hindrance to an end."""
    said: Future[Any] = Future()

    def ask() -> None:
        try:
            said.set_result(engine.run(grey()))
        except NetworkError as error:
            said.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return said


def busy(engine: EngineProcess) -> None:
    """Wait until it has computed for a fifth of a second."""
    file = Path(f"/proc/{engine._child.pid}/stat")
    ticks = os.sysconf("SC_CLK_TCK") // 5

    def spent() -> int:
        return int(file.read_text().rsplit(")", 1)[1].split()[11])

    before = spent()
    while spent() < before + ticks:
        threading.Event().wait(0.01)


def most_memory(engine: EngineProcess) -> int:
    lines = Path(f"/proc/{engine._child.pid}/status").read_text().splitlines()
    return 1024 * next(int(one.split()[1]) for one in lines if one.startswith("VmHWM"))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
