"""SIGTERM behind a real proxy. `make bench-restarts` has twenty restarts."""

import signal
import socket
from pathlib import Path

import pytest

from tests.benchmarks.overload import pictures, prepared
from tests.benchmarks.restarts import restart
from tests.conftest import lacking
from tests.journeys.proxy import is_there


@pytest.mark.journey
def test_a_restart_behind_a_proxy_loses_no_request_and_doubles_none(tmp_path: Path) -> None:
    if not is_there():
        lacking("nginx")
    done = restart(tmp_path, 3, pictures(None)[:8])
    assert done.answers > 0
    assert (done.lost, done.doubled) == (0, 0), done
    assert done.exit_codes == {0: 3}


@pytest.mark.journey
def test_who_has_connected_before_the_end_is_answered(tmp_path: Path) -> None:
    with prepared(tmp_path, pictures(None)[:1]) as ready:
        waiting = [socket.create_connection(("127.0.0.1", ready.running.port)) for _ in range(20)]
        process = ready.running.running.pop("service")
        process.send_signal(signal.SIGTERM)
        for one in waiting:
            one.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        told = [one.recv(65536) for one in waiting]
        for one in waiting:
            one.close()
        assert process.wait(30) == 0
    assert [one[:15] for one in told] == [b"HTTP/1.1 200 OK"] * 20
