"""SIGTERM behind a real proxy. `make bench-restarts` has twenty restarts."""

import re
import signal
import socket
from pathlib import Path

import httpx
import pytest
import uvicorn

from service.settings import read_settings
from tests.benchmarks.restarts import restart
from tests.benchmarks.under_load import pictures, prepared
from tests.conftest import lacking
from tests.journeys.programs import ROOT
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
    # without the time in which it goes on: what is taken in is what had connected in the last moment
    with prepared(tmp_path, pictures(None)[:1], URSA_DRAIN_SECONDS="0") as ready:
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


@pytest.mark.journey
def test_who_has_kept_a_connection_is_answered_on_it_and_told_that_it_was_the_last(
    tmp_path: Path,
) -> None:
    # on a busy machine a second is over before it is seen to leave
    with prepared(tmp_path, pictures(None)[:1], URSA_DRAIN_SECONDS="5") as ready:
        service = ready.running
        with socket.create_connection(("127.0.0.1", service.port)) as kept:
            told = _ask(kept)
            service.running["service"].send_signal(signal.SIGTERM)
            # a proxy that is about to send cannot know: it is not answered by a reset
            service.wait_for(lambda: _leaves(service.url), 30, "the service to leave")
            last = _ask(kept)
        assert service.stop("service") == 0
    assert told.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" not in told.lower()
    assert last.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in last.lower()


def test_the_proxy_closes_idle_connections_before_a_service_does() -> None:
    settings = read_settings({"URSA_SECRET_KEY": "s" * 40})
    said = (ROOT / "deploy/nginx/ursa.conf").read_text()
    (kept,) = re.findall(r"^ *keepalive_timeout (\d+)ms;", said, re.M)
    assert int(kept) / 1000 < settings.drain_seconds
    assert int(kept) / 1000 < uvicorn.Config(app="unused").timeout_keep_alive


def _ask(connection: socket.socket) -> bytes:
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    told = connection.recv(65536)
    # its head and its body may come apart
    while told and not told.endswith(b"}"):
        told += connection.recv(65536)
    return told


def _leaves(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10).status_code == 503
    except httpx.TransportError:
        return True  # it has left already, and closed what is kept
